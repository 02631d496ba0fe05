"""The program: reads the request, runs the operation under the server's lock, and ends with the protocol's code."""

import json
import os
import subprocess
import sys
import syslog

from . import check, measure, protocol
from . import config as configuration
from .disks import Disks
from .guest import Guest
from .machine import Machine
from .network import Network
from .operations import OPERATIONS, ask_ptr
from .protocol import FAILED, MALFORMED, MISSING, UNAVAILABLE, Failure, Unreachable, answer, say
from .run import AgentRefused, Clock, Failed, Virsh
from .store import Store


class Parts:
    """What an operation works with."""

    def __init__(self, config, request):
        self.config = config
        self.request = request
        # `probe` is of none.
        self.server = request.server or ""
        self.clock = Clock(request.deadline)
        self.store = Store(config, self.server)
        self.virsh = Virsh(config, self.clock, self.store.check_fence)
        self.machine = Machine(config, self.virsh, self.server)
        self.guest = Guest(self.machine)
        self.disks = Disks(config, self.clock, self.virsh, self.server)
        self.network = Network(config, self.server, self.machine, self.store)


def main(argv):
    """Runs one operation; the exit code."""
    os.umask(0o077)
    if len(argv) != 2:
        say("usage: libvirt OPERATION, with the request on standard input (docs/hooks.md), or libvirt check")
        return MALFORMED
    virsh = None
    try:
        config = configuration.load()
        if argv[1] == "check":
            return 0 if check.checked(Parts(config, check.request(config))) else FAILED
        request = protocol.read(argv[1], sys.stdin.read(), config.ghz_per_vcpu)
        if request.operation == "probe":
            return _probe(Parts(config, request))
        if request.operation not in (*OPERATIONS, "observe", "usage"):
            raise Failure(MALFORMED, "this hook does not know the operation")
        if request.server is None:
            raise Failure(MALFORMED, "there is no server")
        parts = Parts(config, request)
        virsh = parts.virsh
        return _run(parts)
    except Unreachable as failure:
        say(failure.public)
        # That nothing was done can be said of a run that has changed nothing yet.
        return FAILED if virsh is not None and virsh.touched else UNAVAILABLE
    except Failure as failure:
        say(failure.public)
        return failure.code
    except (Failed, AgentRefused, OSError, subprocess.TimeoutExpired, ValueError) as error:
        _tell_staff(argv[1], error)
        say("the host could not do it: its log says why")
        return FAILED


def _run(parts):
    operation = parts.request.operation
    if operation == "usage":
        counters = measure.usage(parts)
        if counters is None:
            return MISSING
        answer(parts.request, parts.config.node, **counters)
        return 0
    parts.store.enter(parts.request.fence)
    with parts.store.lock():
        if operation == "observe":
            return _observe(parts)
        code = OPERATIONS[operation](parts)
    answer(parts.request, parts.config.node)
    return code


def _observe(parts):
    machine = measure.observed(parts)
    if machine is None:
        answer(parts.request, parts.config.node, state="missing")
        return 0
    ip = parts.request.params.get("ip")
    if parts.config.ptr_command is not None and isinstance(ip, str):
        try:
            machine["ptr"] = {ip: json.loads(ask_ptr(parts, "get", {"ip": ip}))["ptr"]}
        except (Failure, ValueError, KeyError, TypeError) as error:
            _tell_staff("observe", error)
    answer(parts.request, parts.config.node, state="present", machine=machine)
    return 0


def _probe(parts):
    config = parts.config
    known = [name for name in OPERATIONS if name != "ptr" or config.ptr_command is not None]
    try:
        room = measure.room(parts)
    except (Failure, Failed, OSError, ValueError) as error:
        # What it knows it knows all the same; nobody makes a machine where there is no telling whether it fits.
        _tell_staff("probe", error)
        room = {}
    answer(parts.request, config.node, protocol=[protocol.PROTOCOL], operations=[*known, "observe", "usage"], **room)
    return 0


def _tell_staff(operation, error):
    """What went wrong in full, for the host's log only: it has paths and names that are not the customer's to know."""
    text = f"{operation}: {type(error).__name__}: {error}"
    syslog.openlog("vartai-libvirt", syslog.LOG_PID)
    syslog.syslog(syslog.LOG_ERR, text)
    if "LIBVIRT_HOOK_DEBUG" in os.environ:
        print(text, file=sys.stderr)
