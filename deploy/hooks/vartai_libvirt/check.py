"""Whether this host is set up, found out by trying: `libvirt check`, by hand, before there are customers."""

import contextlib
import dataclasses
import json
import subprocess
import tempfile

from . import domain, kvm, protocol
from .disks import GB
from .protocol import Failure
from .run import Failed

# The machine that is tried out. No order has this number.
SERVER = "check"


class Wrong(Exception):
    """What is not as it has to be."""


def request(config):
    """What the parts are made for that `checked` works with."""
    size = {"vcpus": 1, "ram_mb": 128, "disk_gb": 1}
    document = {"protocol": protocol.PROTOCOL, "server": {"id": SERVER, "size": size}}
    return protocol.read("create", json.dumps(document), config.ghz_per_vcpu)


def checked(parts):
    """Tries everything and tells of each; whether all is well."""
    trials = [
        ("libvirt", lambda: parts.virsh.ask("version")),
        ("kvm", lambda: _kvm(parts.config)),
        *((f"image {name}", lambda name=name: parts.disks.template(name)) for name in parts.config.images),
        ("machine and guard", lambda: _machine(parts)),
    ]
    return all([_well(what, trial) for what, trial in trials])


def _well(what, trial):
    try:
        trial()
    except Failure as failure:
        why = failure.public
    except (Wrong, Failed, OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = str(error)
    else:
        print(f"ok     {what}")
        return True
    print(f"WRONG  {what}: {why}")
    return False


def _kvm(config):
    if config.domain_type != "qemu" and not kvm.boots(config):
        raise Wrong("no guest gets on under KVM here: machines do not start, or are emulated where domain_type is auto")


def _machine(parts):
    """One starts with a disk of the first template, on the bridge; one that is marked as suspended does not."""
    config, images = parts.config, list(parts.config.images)
    if not images:
        raise Wrong("there are no images in the configuration")
    template = parts.disks.template(images[0])
    size = dataclasses.replace(parts.request.size, disk_gb=-(-parts.disks.virtual_bytes(template) // GB))
    parts.store.enter(0)
    # One that was killed may have left it.
    _off(parts)
    try:
        path = parts.disks.make(template, 1, size.disk_gb)
        for startable in (True, False):
            mark = domain.Mark(SERVER, 1, startable=startable)
            _start(parts, domain.definition(config, SERVER, kvm.domain_type(config), size, path, mark), startable)
    finally:
        _off(parts)
        parts.disks.remove_all()
        parts.store.forget()


def _start(parts, xml, startable):
    with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as file:
        file.write(xml)
        file.flush()
        try:
            # It is never defined: nothing is left of it when it is off.
            parts.virsh.change("create", file.name, "--paused", seconds=60)
        except Failed as failed:
            if startable:
                raise Wrong(f"a machine does not start: {failed.text}") from None
            return
    _off(parts)
    if not startable:
        raise Wrong("libvirt starts a suspended machine: libvirt-guard is not in /etc/libvirt/hooks/qemu.d")


def _off(parts):
    with contextlib.suppress(Failed):
        parts.virsh.change("destroy", parts.machine.uuid, seconds=60)
