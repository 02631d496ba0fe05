"""Several hosts behind one driver. Each has its own hook; this finds out whose a machine is, and asks that one.

Nothing is decided by what is remembered here: the hosts say which machines they have, and a new one is made only when
every host has said that it has none of its server. With that question each host has also seen the task's fence, so that an
older try that comes late makes no second machine elsewhere. What is remembered spares asking all of them each time.
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

from . import protocol, store
from .protocol import DONE_BEFORE, FAILED, MALFORMED, MISSING, PERSON, UNAVAILABLE, Failure, say
from .run import ENVIRONMENT

PATH = "/etc/vartai/libvirt-hosts.toml"
# What ssh ends with when it has not reached the host.
NOT_REACHED = 255
# How long a host may take to say what it has.
ASK_SECONDS = 90


@dataclasses.dataclass(frozen=True)
class Host:
    """A host, and how its hook is run: `command` and then the operation."""

    name: str
    command: tuple[str, ...]
    # Whether new machines are made on it.
    open: bool = True

    def ask(self, operation, document):
        """Its code and its result, which may be empty; UNAVAILABLE when it does not answer."""
        try:
            done = subprocess.run(
                [*self.command, operation], input=json.dumps(document), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                timeout=ASK_SECONDS, env=ENVIRONMENT, text=True,
            )
        except (subprocess.TimeoutExpired, OSError):
            return UNAVAILABLE, {}
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        results = [line for line in lines if line.get("t") == "result"]
        return UNAVAILABLE if done.returncode == NOT_REACHED else done.returncode, results[-1] if results else {}

    def hand_over(self, operation, text):
        """Has it do an operation, and passes on what it says; its code."""
        done = subprocess.run([*self.command, operation], input=text, env=ENVIRONMENT, text=True)
        if done.returncode == NOT_REACHED:
            say("the host can't be reached")
            return UNAVAILABLE
        # A hook that was killed has ended as no code says.
        return done.returncode if done.returncode >= 0 else FAILED


def main(argv):
    """Runs one operation on the host that it is for; the exit code."""
    os.umask(0o077)
    if len(argv) != 2:
        say("usage: libvirt-hosts OPERATION, with the request on standard input (docs/hooks.md)")
        return MALFORMED
    try:
        state_dir, hosts = load()
        text = sys.stdin.read()
        request = protocol.read(argv[1], text, 1)
        if request.operation == "probe":
            return _probe(hosts, request, json.loads(text))
        if request.server is None:
            raise Failure(MALFORMED, "there is no server")
        return Finder(state_dir, hosts, request, text).run()
    except Failure as failure:
        say(failure.public)
        return failure.code


def load():
    """The configuration: where to remember, and the hosts. Fails with 77 when it can't be used."""
    try:
        with open(os.environ.get("LIBVIRT_HOSTS_CONFIG", PATH), "rb") as file:
            document = tomllib.load(file)
        hosts = [Host(name, tuple(host.pop("command")), **host) for name, host in document["hosts"].items()]
        if not hosts or not all(re.fullmatch(r"[A-Za-z0-9._-]+", host.name) and host.command for host in hosts):
            raise ValueError("each host needs a name and a command")
        return pathlib.Path(document.get("state_dir", "/var/lib/vartai-libvirt-hosts")), hosts
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if os.isatty(2) or "LIBVIRT_HOOK_DEBUG" in os.environ:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise Failure(PERSON, "the configuration of the hosts can't be used") from error


def _probe(hosts, request, document):
    """What all hosts know that answer."""
    answers = [answer for code, answer in _asked(hosts, "probe", document).values() if code == 0]
    if not answers:
        raise Failure(UNAVAILABLE, "no host answers")
    known = [name for name in answers[0]["operations"] if all(name in answer["operations"] for answer in answers)]
    protocol.answer(request, "libvirt-hosts", protocol=[protocol.PROTOCOL], operations=known)
    return 0


def _asked(hosts, operation, document):
    """What each host answers."""
    with concurrent.futures.ThreadPoolExecutor(max(1, len(hosts))) as pool:
        return dict(zip(hosts, pool.map(lambda host: host.ask(operation, document), hosts), strict=True))


class Finder:
    """Where a server's machine is, or is to be."""

    def __init__(self, state_dir, hosts, request, text):
        self.hosts = hosts
        self.request = request
        self.text = text
        self.document = json.loads(text)
        self.path = state_dir / request.server

    def run(self):
        """Does the operation; the exit code."""
        operation = self.request.operation
        host = self._remembered()
        if operation in ("observe", "usage"):
            code, answer = (MISSING, {}) if host is None else host.ask(operation, self.document)
            if _is_missing(code, answer):
                # It may have been moved.
                host = self._found()
                code, answer = (MISSING, {}) if host is None else host.ask(operation, self.document)
            if answer:
                print(json.dumps(answer), flush=True)
            return code
        host = host or self._found()
        if host is None and operation == "create":
            host = self._roomiest()
            self._remember(host)
        if host is None:
            protocol.answer(self.request, "libvirt-hosts")
            return DONE_BEFORE if operation == "destroy" else MISSING
        code = host.hand_over(operation, self.text)
        if code == MISSING and (moved := self._found()) is not None:
            code = moved.hand_over(operation, self.text)
        elif code == MISSING or (operation == "destroy" and code in (0, DONE_BEFORE)):
            self.path.unlink(missing_ok=True)
        return code

    def _remembered(self):
        try:
            name = self.path.read_text()
        except FileNotFoundError:
            return None
        return next((host for host in self.hosts if host.name == name), None)

    def _remember(self, host):
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        store.write(self.path, host.name)

    def _found(self):
        """The host that has the machine; None when all say that they have none."""
        # `usage` comes without a fence, and `observe` without one would be refused.
        verb = "usage" if self.request.operation == "usage" else "observe"
        document = {**self.document, "operation": verb, "server": {**self.document["server"], "password": None}}
        answers = _asked(self.hosts, verb, document)
        having = [host for host, (code, answer) in answers.items() if code == 0 and not _is_missing(code, answer)]
        if len(having) > 1:
            raise Failure(PERSON, "more than one host has a machine of this server")
        if having:
            self._remember(having[0])
            return having[0]
        for code, answer in answers.values():
            if not _is_missing(code, answer):
                # What it has is not known: there could be a second machine.
                raise Failure(code if code in (PERSON, protocol.FENCED) else UNAVAILABLE, "a host does not say what it has")
        return None

    def _roomiest(self):
        """The open host with the most free memory of those that have room."""
        answers = _asked([host for host in self.hosts if host.open], "probe", {"protocol": protocol.PROTOCOL})
        size = self.request.size
        ram_mb, disk_gb = (size.ram_mb, size.disk_gb) if size else (0, 0)
        room = {
            host: answer["free_mb"] for host, (code, answer) in answers.items()
            if code == 0 and answer.get("free_mb", -1) >= ram_mb and answer.get("free_gb", -1) >= disk_gb
        }
        if not room:
            raise Failure(PERSON, "no host that is open has room for it")
        return max(room, key=room.get)


def _is_missing(code, answer):
    return code == MISSING or (code == 0 and answer.get("state") == "missing")
