"""The hook protocol: what is asked, what is answered, and how it may fail (docs/hooks.md)."""

import dataclasses
import ipaddress
import json
import os
import re
import sys

PROTOCOL = 1

SERVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOSTNAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*\Z", re.I | re.A)
LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")

# The exit codes of docs/hooks.md.
DONE_BEFORE, MISSING, MALFORMED, IMPOSSIBLE = 10, 20, 64, 65
UNAVAILABLE, NOT_NOW, GUEST, PERSON, FENCED, FAILED = 69, 75, 76, 77, 79, 1


class Failure(Exception):
    """An end without success. `public` is the last line of the log: customers may read it."""

    def __init__(self, code, public):
        super().__init__(public)
        self.code = code
        self.public = public


class Unreachable(Failure):
    """Libvirt did not answer, or not in time. What came of the call is not known."""

    def __init__(self, public):
        super().__init__(UNAVAILABLE, public)


class AgentSilent(Failure):
    """The agent in the machine does not answer."""

    def __init__(self, public="the machine's guest agent does not answer: is qemu-guest-agent running in it?"):
        super().__init__(GUEST, public)


def say(line):
    """Writes a line of the log: customers may read it."""
    _write({"t": "log", "line": line})


def progress(percent):
    """Tells how far it is."""
    _write({"t": "progress", "percent": percent})


def answer(request, node, **fields):
    """Writes the result."""
    task = {} if request.task is None else {"task": request.task}
    _write({"t": "result", **task, "node": node, **fields})


def _write(document):
    try:
        sys.stdout.write(json.dumps(document, ensure_ascii=True) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody listens any more: that is no reason to stop halfway.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@dataclasses.dataclass(frozen=True)
class Address:
    """An address that a machine is to have."""

    ip: str
    prefix: int
    gateway: str | None
    # The name that it resolves to.
    ptr: str | None = None


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a machine is to be. A vCPU is what the hypervisor has for the GHz that are sold."""

    cpu_ghz: int | float
    vcpus: int
    ram_mb: int
    disk_gb: int
    bandwidth_mbps: int | None


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked, checked: nothing of it needs to be doubted any more."""

    operation: str
    task: str | None
    fence: int
    deadline: float | None
    server: str | None
    generation: int
    running: bool | None
    size: Size | None
    image: str | None
    hostname: str | None
    login: str
    password: str | None
    password_version: int | None
    addresses: tuple[Address, ...] | None
    firewall: dict | None
    params: dict


def read(operation, text, ghz_per_vcpu):
    """The request in `text`. Fails with 64 when it can't be understood and 65 when it is nothing that can be done."""
    try:
        document = json.loads(text)
    except ValueError:
        raise Failure(MALFORMED, "the request is no JSON") from None
    if not isinstance(document, dict) or document.get("protocol") != PROTOCOL:
        raise Failure(MALFORMED, f"this hook knows protocol {PROTOCOL} only")
    # `observe` of a task comes with the task's document: the command line says what is to be done.
    server = document.get("server")
    server = server if isinstance(server, dict) else {}
    return Request(
        operation=operation,
        task=_field(document, "task", str),
        fence=_field(document, "fence", int, 0),
        deadline=_field(document, "deadline", (int, float)),
        server=_matching(server, "id", SERVER_ID),
        generation=_field(server, "generation", int, 1),
        running=_field(server, "running", bool),
        size=_size(server, ghz_per_vcpu),
        image=_field(server, "image", str),
        hostname=_matching(server, "hostname", HOSTNAME),
        login=_matching(server, "login", LOGIN) or "root",
        password=_field(server, "password", str),
        password_version=_field(server, "password_version", int),
        addresses=_addresses(server),
        firewall=_limits(server),
        params=_field(document, "params", dict, {}),
    )


def _field(document, name, kind, default=None):
    value = document.get(name)
    if value is None:
        return default
    # In Python True is an int.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Failure(MALFORMED, f"{name} is of the wrong kind")
    return value


def _matching(document, name, pattern):
    value = _field(document, name, str)
    if value is not None and not pattern.fullmatch(value):
        raise Failure(IMPOSSIBLE, f"the {name} can't be had: it has characters that it may not have")
    return value


def _size(server, ghz_per_vcpu):
    size = _field(server, "size", dict)
    if size is None:
        return None
    ghz = _field(size, "cpu_ghz", (int, float))
    vcpus = _field(size, "vcpus", int) or (None if ghz is None else -int(-ghz // ghz_per_vcpu))
    parts = vcpus, _field(size, "ram_mb", int), _field(size, "disk_gb", int)
    if any(part is None or not 0 < part < 1 << 24 for part in parts):
        raise Failure(IMPOSSIBLE, "the size can't be had: vcpus or cpu_ghz, ram_mb and disk_gb must be above 0")
    bandwidth = _field(size, "bandwidth_mbps", int)
    if bandwidth is not None and not 0 <= bandwidth <= 1_000_000:
        raise Failure(IMPOSSIBLE, "the bandwidth can't be had")
    return Size(vcpus * ghz_per_vcpu if ghz is None else ghz, *parts, bandwidth or None)


def _addresses(server):
    given = _field(server, "addresses", list)
    if given is None:
        return None
    try:
        return tuple(_address(one) for one in given)
    except (ValueError, TypeError, KeyError):
        raise Failure(IMPOSSIBLE, "one of the addresses is none") from None


def _address(one):
    ip = ipaddress.ip_address(one["ip"])
    prefix = one.get("prefix")
    prefix = ip.max_prefixlen if prefix is None else int(prefix)
    if not 0 < prefix <= ip.max_prefixlen:
        raise ValueError
    gateway = one.get("gateway")
    gateway = None if gateway is None else str(ipaddress.ip_address(gateway))
    return Address(str(ip), prefix, gateway, _matching(one, "ptr", HOSTNAME))


LIMITS = ("pps", "pps_icmp", "pps_udp", "pps_syn", "connlimit")


def _limits(server):
    given = _field(server, "firewall", dict)
    if given is None:
        return None
    limits = {name: _field(given, name, int, 0) for name in LIMITS}
    if any(not 0 <= limit <= 100_000_000 for limit in limits.values()):
        raise Failure(IMPOSSIBLE, "one of the limits of the firewall can't be had")
    return limits
