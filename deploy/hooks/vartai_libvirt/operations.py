"""The operations, each of which brings a state about: asked twice, it does it once."""

import json
import subprocess

from . import domain, measure
from .build import build
from .protocol import (
    DONE_BEFORE, FAILED, IMPOSSIBLE, MALFORMED, MISSING, NOT_NOW, PERSON, UNAVAILABLE, AgentSilent, Failure, say,
)
from .run import AgentRefused, Failed, run


def create(parts):
    """The machine is there, of the generation asked for, and runs."""
    mark = parts.machine.mark()
    if mark is not None and mark.building is None and mark.generation >= parts.request.generation:
        if parts.machine.start():
            parts.machine.wait_for_agent()
        parts.disks.keep_only(mark.generation)
        return DONE_BEFORE
    build(parts, mark)
    return 0


def recreate(parts):
    """As `create`, over the machine that there is."""
    _marked(parts, half_built=True)
    return create(parts)


def reboot(parts):
    """It has been restarted since the task was first taken."""
    machine, store = parts.machine, parts.store
    mark = _marked(parts)
    if not mark.startable:
        raise Failure(IMPOSSIBLE, "the server is suspended: it may not be started")
    facts = parts.guest.facts() if machine.running() else None
    boot = facts["boot"][0] if facts else None
    noted = store.read("reboot", {})
    if noted.get("task") != parts.request.task:
        noted = {"task": parts.request.task, "boot": boot, "off": not machine.active()}
        store.keep("reboot", noted)
    elif (noted["boot"] and boot and boot != noted["boot"]) or (noted["off"] and machine.running()):
        _up(parts)
        return DONE_BEFORE
    # Off and on again, and not a reset within: so it gets what it was changed to, and an emulator that was updated.
    machine.shut_down(parts.config.reboot_grace_seconds)
    store.keep("reboot", {**noted, "off": True})
    machine.start()
    say("the machine is started")
    _up(parts)
    return 0


def _up(parts):
    """Waits for the system and puts right inside what was changed while it was off. Not having an agent is no failure."""
    try:
        parts.machine.wait_for_agent()
        parts.guest.grow()
        if (addresses := parts.network.addresses()) is not None:
            parts.guest.set_addresses(domain.mac_of(parts.config, parts.server), addresses)
    except Failure as failure:
        if not parts.machine.running():
            raise
        say(failure.public)


def suspend(parts):
    """It is off and may not be started."""
    _marked(parts)
    parts.machine.remark(startable=False)
    parts.machine.autostart(False)
    parts.machine.shut_down()
    return 0


def unsuspend(parts):
    """It may be started, and runs."""
    _marked(parts)
    parts.machine.remark(startable=True)
    parts.machine.autostart(True)
    if parts.machine.start():
        _up(parts)
    return 0


def change(parts):
    """It has the size given; the disk only ever grows."""
    mark, size = _marked(parts), parts.request.size
    if size is None:
        raise Failure(IMPOSSIBLE, "there is no size to change to")
    machine, config = parts.machine, parts.config
    active = machine.active()
    if not active:
        machine.drop_memory()
    live = machine.tree()
    _grow_disk(parts, live, size.disk_gb, active)
    _, most = domain.vcpus(machine.tree(inactive=True))
    if size.vcpus > most:
        parts.virsh.change("setvcpus", machine.uuid, size.vcpus, "--maximum", "--config")
    parts.virsh.change("setvcpus", machine.uuid, size.vcpus, "--config")
    parts.virsh.change("setmaxmem", machine.uuid, f"{max(size.ram_mb, config.live_ram_mb)}MiB", "--config")
    parts.virsh.change("setmem", machine.uuid, f"{size.ram_mb}MiB", "--config")
    parts.network.set(bandwidth_mbps=size.bandwidth_mbps)
    machine.remark(cpu_ghz=size.cpu_ghz, vcpus=size.vcpus)
    if active:
        # Both are tried: after a restart both are as defined.
        done = [_vcpus_live(parts, live, size.vcpus), _memory_live(parts, live, size.ram_mb)]
        if not all(done):
            say("the size can't be changed while the system runs: it is restarted")
            machine.shut_down()
        if mark.startable:
            machine.start()
        _up(parts)
    return 0


def _grow_disk(parts, live, wanted, active):
    path = domain.disk_of(live)
    has = parts.disks.virtual_gb(path)
    if has < wanted and active:
        parts.virsh.change("blockresize", parts.machine.uuid, "vda", f"{wanted}GiB")
    elif has < wanted:
        parts.disks.grow(path, wanted)
    elif has > wanted:
        say(f"a disk can't shrink: it stays at {has} GB")


def _vcpus_live(parts, live, wanted):
    """Gives the running system its vCPUs. Whether it has them."""
    has, most = domain.vcpus(live)
    if wanted > most:
        return False
    try:
        if has != wanted:
            parts.virsh.change("setvcpus", parts.machine.uuid, wanted, "--live", seconds=40)
    except Failed:
        return False

    def on():
        # A vCPU that was added is there and off, until the system switches it on.
        try:
            parts.virsh.change("setvcpus", parts.machine.uuid, wanted, "--guest", seconds=40)
        except Failed:
            return False
        return measure.fact(parts, "vcpus") == wanted

    return parts.machine.clock.wait(parts.config.inside_seconds, on, every=2)


def _memory_live(parts, live, wanted):
    """Gives the running system its memory. Whether it has it."""
    if wanted > domain.memory_mb(live, "memory"):
        return False
    try:
        parts.virsh.change("setmem", parts.machine.uuid, f"{wanted}MiB", "--live")
    except Failed:
        return False

    return parts.machine.clock.wait(parts.config.inside_seconds, lambda: measure.has_memory(parts, wanted))


def reset_password(parts):
    """The login has the password."""
    _marked(parts)
    request = parts.request
    if request.password is None:
        raise Failure(MALFORMED, "there is no password")
    _need_agent(parts)
    parts.guest.set_password(request.login, request.password)
    parts.machine.remark(password_version=request.password_version or 0)
    return 0


def rename(parts):
    """It calls itself by the hostname."""
    _marked(parts)
    if parts.request.hostname is None:
        raise Failure(MALFORMED, "there is no hostname")
    _need_agent(parts)
    parts.guest.set_hostname(parts.request.hostname)
    parts.machine.remark(hostname=parts.request.hostname)
    return 0


def ptr(parts):
    """An address resolves to its name; what does it is the company's own program."""
    ip = parts.request.params.get("ip")
    names = {one.ip: one.ptr for one in parts.request.addresses or ()}
    if ip not in names:
        raise Failure(IMPOSSIBLE, "the address is not the server's")
    ask_ptr(parts, "set", {"ip": ip, "ptr": names[ip]})
    return 0


def ask_ptr(parts, verb, document):
    """Runs `ptr_command`."""
    if parts.config.ptr_command is None:
        raise Failure(IMPOSSIBLE, "names of addresses can't be set here")
    try:
        return run([parts.config.ptr_command, verb], parts.clock.within(60), json.dumps(document))
    except subprocess.TimeoutExpired:
        raise Failure(FAILED, "the name server did not answer in time") from None
    except Failed as failed:
        known = failed.code in (IMPOSSIBLE, UNAVAILABLE, NOT_NOW, PERSON)
        raise Failure(failed.code if known else FAILED, "the name server did not take it") from None
    except OSError:
        raise Failure(PERSON, "what sets names of addresses can't be run") from None


def firewall(parts):
    """The limits are in force."""
    _marked(parts)
    parts.network.set(firewall=parts.request.firewall or {})
    return 0


def flush_iptables(parts):
    """The packet filter inside is empty."""
    _marked(parts)
    _need_agent(parts)
    parts.guest.flush_filter()
    return 0


def move_ip(parts):
    """It has the addresses given. One that is off gets them inside when it starts."""
    mark, addresses = _marked(parts), parts.request.addresses or ()
    parts.network.set(addresses=addresses)
    if mark.startable and parts.machine.running():
        _need_agent(parts)
        parts.guest.set_addresses(domain.mac_of(parts.config, parts.server), addresses)
    return 0


def destroy(parts):
    """It is gone, with its disks."""
    there = parts.machine.tree() is not None
    if there:
        parts.machine.power_off()
        parts.virsh.change(
            "undefine", parts.machine.uuid, "--managed-save", "--snapshots-metadata", "--checkpoints-metadata", "--nvram"
        )
    parts.network.remove()
    parts.disks.remove_all()
    parts.store.forget()
    return 0 if there else DONE_BEFORE


def _marked(parts, half_built=False):
    """Our mark. 20 when there is no machine, 75 when its first system was never finished."""
    mark = parts.machine.mark()
    if mark is None:
        raise Failure(MISSING, "there is no machine")
    if mark.building is not None and not half_built:
        raise Failure(NOT_NOW, "the machine's system is not finished")
    return mark


def _need_agent(parts):
    parts.machine.need_running()
    try:
        parts.virsh.agent(parts.machine.uuid, "guest-ping", harmless=True)
    except AgentRefused:
        raise AgentSilent() from None


OPERATIONS = {
    "create": create, "recreate": recreate, "reboot": reboot, "suspend": suspend, "unsuspend": unsuspend, "change": change,
    "reset_password": reset_password, "domain": rename, "ptr": ptr, "firewall": firewall, "flush_iptables": flush_iptables,
    "move_ip": move_ip, "destroy": destroy,
}
