"""What there is, measured: of the machine, from within it and from the host, and not what was sent to it."""

import math
import shutil

from . import domain
from .disks import GB
from .domain import MB
from .protocol import AgentSilent
from .run import Failed

# A guest's kernel keeps something of its memory for itself, and a file system of its disk.
SHARE = 0.8


def observed(parts):
    """The machine of `observe`; None when there is none. What can't be made out is None in it."""
    machine, disks, network, guest, config = parts.machine, parts.disks, parts.network, parts.guest, parts.config
    tree = machine.tree(inactive=True)
    if tree is None:
        return None
    mark = domain.mark_in(tree)
    running = machine.running()
    active = running or machine.active()
    live = machine.tree() if active else tree
    facts = guest.facts() if running else None
    size = {
        "cpu_ghz": _cpu(config, mark, tree, facts, active),
        "ram_mb": _memory(machine, live, facts, active),
        "disk_gb": _disk(disks, live, facts, active),
        "bandwidth_mbps": network.bandwidth_mbps(),
    }
    limits = network.limits()
    return {
        "running": running,
        "generation": mark.generation,
        "boot": facts["boot"][0] if facts else None,
        # Half a size is none: nobody could compare it.
        "size": None if None in size.values() else size,
        "hostname": facts.get("hostname", [None])[0] if facts else None,
        "password_version": mark.password_version,
        "addresses": _addresses(parts, facts),
        "firewall": limits,
        "filter_is_empty": {"yes": True, "no": False}.get(facts.get("filter_is_empty", [""])[0]) if facts else None,
    }


def fact(parts, name):
    """A number that the machine's system tells of itself; None when it does not."""
    facts = parts.guest.facts()
    return int(facts[name][0]) if facts and name in facts else None


def has_memory(parts, wanted):
    """Whether the machine's system has about so many MB, and not yet more."""
    seen = fact(parts, "memory_kb")
    return seen is not None and wanted * SHARE <= seen >> 10 <= wanted


def _cpu(config, mark, tree, facts, active):
    """GHz: those that were asked for if the machine has the vCPUs for them, else what its vCPUs amount to."""
    if active and facts is None:
        return None
    count = int(facts["vcpus"][0]) if facts else domain.vcpus(tree)[0]
    return int(mark.cpu_ghz if count == mark.vcpus and mark.cpu_ghz else count * config.ghz_per_vcpu)


def _memory(machine, live, facts, active):
    """MB: what the balloon leaves, if the machine's system has about that; else what it has."""
    if not active:
        return domain.memory_mb(live, "currentMemory")
    if facts is None or "memory_kb" not in facts:
        return None
    left = stats(machine).get("balloon.current")
    given = int(left) >> 10 if left else domain.memory_mb(live, "currentMemory")
    seen = int(facts["memory_kb"][0]) >> 10
    return given if given * SHARE <= seen <= given else seen


def _disk(disks, live, facts, active):
    """GB: the disk, if its file system fills it; else the file system."""
    path = domain.disk_of(live)
    if path is None or (active and facts is None):
        return None
    whole = disks.virtual_gb(path)
    if not facts or "root_kb" not in facts:
        return whole
    filled = int(facts["root_kb"][0]) / MB
    return whole if filled >= whole * SHARE - 0.3 else math.floor(filled)


def _addresses(parts, facts):
    """The addresses that the machine has and may use."""
    if not facts:
        return None
    mac = domain.mac_of(parts.config, parts.server)
    own = [address for device, address in facts["addresses"] if device == mac]
    allowed = parts.network.allowed()
    return sorted(own if allowed is None else set(own) & allowed)


def stats(machine):
    """Libvirt's counters of a machine that runs."""
    lines = machine.virsh.ask("domstats", "--raw", "--nowait", machine.uuid).splitlines()
    return dict(line.strip().split("=", 1) for line in lines if "=" in line)


def room(parts):
    """What is left on the host: memory that no machine was given, be it on or off, and storage that may be filled."""
    lines = parts.virsh.ask("domstats", "--balloon", "--raw", "--nowait").splitlines()
    given = sum(int(line.split("=")[1]) for line in lines if "balloon.current=" in line)
    info = dict(line.split(":", 1) for line in parts.virsh.ask("nodeinfo").splitlines() if ":" in line)
    total = int(info["Memory size"].split()[0])
    free = shutil.disk_usage(parts.config.storage_dir).free // GB - parts.config.least_free_gb
    return {"free_mb": max(0, total - given) >> 10, "free_gb": max(0, free)}


def usage(parts):
    """The counters of `usage`; None when there is no machine. What can't be measured is left out."""
    machine = parts.machine
    tree = machine.tree()
    if tree is None:
        return None
    found = {}
    path = domain.disk_of(tree)
    if path is not None:
        found["disk_limit_mb"] = parts.disks.virtual_gb(path) << 10
    found["memory_limit_mb"] = domain.memory_mb(tree, "currentMemory")
    if not machine.running():
        return found
    counted = stats(machine)
    number = lambda name: int(counted[name]) if name in counted else None  # noqa: E731
    available, usable, unused = number("balloon.available"), number("balloon.usable"), number("balloon.unused")
    free = unused if usable is None else usable
    used = None if available is None or free is None else (available - free) >> 10
    # Libvirt tells a tap's counters as the machine sees them.
    found |= {
        "cpu_ns": number("cpu.time"), "vcpus": number("vcpu.current"),
        "rx_bytes": number("net.0.rx.bytes"), "tx_bytes": number("net.0.tx.bytes"),
        "disk_read_bytes": number("block.0.rd.bytes"), "disk_write_bytes": number("block.0.wr.bytes"),
        "memory_used_mb": used,
    }
    try:
        facts = parts.guest.facts(seconds=15)
    except (AgentSilent, Failed):
        facts = None
    if facts:
        found |= {
            "disk_used_mb": int(facts["root_kb"][1]) >> 10 if "root_kb" in facts else None,
            "inodes_limit": int(facts["inodes"][0]) if "inodes" in facts else None,
            "inodes_used": int(facts["inodes"][1]) if "inodes" in facts else None,
            "load_hundredths": round(float(facts["load"][0]) * 100) if "load" in facts else None,
        }
    return {name: value for name, value in found.items() if value is not None}
