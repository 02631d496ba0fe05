"""Making a machine's system: the first, and the ones after it.

The order of steps is what makes it safe to be killed anywhere: the template is checked and the new disk is whole before
the machine is touched; the definition says that a generation is being built until all of it is done; the old disk goes
last.
"""

from . import domain, kvm, measure
from .domain import Mark
from .protocol import FAILED, GUEST, IMPOSSIBLE, NOT_NOW, PERSON, Failure, progress, say

# A system gives up the memory that is held back from it while it starts. It is not told to be done before.
BALLOON_SECONDS = 60


def build(parts, mark):
    """Makes the system of the generation that is asked for. `mark` is the machine's now; None without a machine."""
    request, machine, disks = parts.request, parts.machine, parts.disks
    if request.size is None:
        raise Failure(IMPOSSIBLE, "a machine needs a size")
    if mark is not None and not mark.startable:
        raise Failure(IMPOSSIBLE, "the server is suspended: it may not be started")
    template = disks.template(request.image)
    kind = kvm.domain_type(parts.config)
    if mark is not None and mark.building is not None:
        say("what an interrupted run has left is made anew")
        machine.power_off()
    elif mark is not None:
        parts.store.keep("rollback", {"definition": machine.definition(), "running": machine.active()})
    path = disks.make(template, request.generation, request.size.disk_gb)
    say("the disk is made")
    progress(20)
    try:
        _boot(parts, kind, path, 0 if mark is None else mark.generation)
    except Failure as failure:
        if failure.code in (FAILED, IMPOSSIBLE, PERSON, NOT_NOW, GUEST):
            _roll_back(parts, mark)
        raise
    progress(100)


def _boot(parts, kind, path, old_generation):
    request, machine, config = parts.request, parts.machine, parts.config
    mark = Mark(
        id=request.server, generation=old_generation, building=request.generation, fence=request.fence,
        hostname=request.hostname, cpu_ghz=request.size.cpu_ghz, vcpus=request.size.vcpus,
    )
    if machine.tree() is not None:
        machine.power_off()
    machine.define(domain.definition(config, request.server, kind, request.size, path, mark))
    parts.network.set(request.addresses or None, request.firewall, request.size.bandwidth_mbps)
    machine.start()
    say("the system is starting")
    progress(40)
    machine.wait_for_agent()
    progress(80)
    configure(parts)
    if request.size.ram_mb < config.live_ram_mb:
        machine.clock.wait(BALLOON_SECONDS, lambda: measure.has_memory(parts, request.size.ram_mb))
    machine.remark(generation=request.generation, building=None, password_version=request.password_version or 0)
    machine.autostart(True)
    parts.disks.keep_only(request.generation)
    parts.store.drop("rollback")
    say("the system is up")


def configure(parts):
    """Makes the new system its owner's. The password comes last: until then nobody can be in it."""
    request, guest = parts.request, parts.guest
    guest.grow()
    if request.hostname is not None:
        guest.set_hostname(request.hostname)
    if request.addresses:
        guest.set_addresses(domain.mac_of(parts.config, request.server), request.addresses)
    if request.password is not None:
        guest.set_password(request.login, request.password)


def _roll_back(parts, mark):
    """Puts the old system back, when there is one."""
    kept = parts.store.read("rollback")
    if mark is None or mark.generation == 0 or kept is None:
        return
    parts.machine.power_off()
    parts.machine.define(kept["definition"])
    parts.disks.remove(parts.request.generation)
    parts.store.drop("rollback")
    if kept["running"]:
        parts.machine.start()
    say("the new system could not be brought up: the old one is back in place")
