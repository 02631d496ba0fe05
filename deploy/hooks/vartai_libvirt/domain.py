"""The definition of a machine in libvirt, with our mark in it."""

import dataclasses
import hashlib
import uuid
import xml.etree.ElementTree as ElementTree

NAMESPACE = "urn:vartai:libvirt:1"
PREFIX = "vartai"
ElementTree.register_namespace(PREFIX, NAMESPACE)
AGENT = "org.qemu.guest_agent.0"
MB = 1 << 20


def name_of(config, server):
    """The machine's name in libvirt."""
    return config.name_prefix + server


def uuid_of(config, server):
    """The machine's UUID, derived from the server and the site, so that a lost answer makes no second machine."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, f"{NAMESPACE}:{config.site}"), server))


def mac_of(config, server):
    """The machine's hardware address. 40 bits of a hash: derived, and yet two alike are not to be expected."""
    digest = hashlib.sha256(uuid_of(config, server).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in b"\x02" + digest[:5])


def tap_of(server):
    """The tap's name: the same at every start, so that rules can stand before it does. 15 characters at the most."""
    return f"vt{server}" if len(server) <= 13 else "vt" + hashlib.sha256(server.encode()).hexdigest()[:13]


@dataclasses.dataclass(frozen=True)
class Mark:
    """What we write of a machine into its definition: that it is ours, and what can't be seen of it otherwise."""

    id: str
    # Of which of the order's systems its disk is; 0 while the first is being made.
    generation: int = 0
    # The generation that is being made: what is there of it is worth nothing.
    building: int | None = None
    fence: int = 0
    password_version: int = 0
    # Whether it may be started: not when it is suspended.
    startable: bool = True
    hostname: str | None = None
    cpu_ghz: float | None = None
    vcpus: int | None = None

    def element(self):
        """As XML."""
        element = ElementTree.Element(f"{{{NAMESPACE}}}server")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                text = ("no", "yes")[value] if isinstance(value, bool) else str(value)
                element.set(field.name.replace("_", "-"), text)
        return element

    def xml(self):
        """As text for `virsh metadata`, which adds the namespace itself."""
        element = self.element()
        element.tag = "server"
        return ElementTree.tostring(element, encoding="unicode")


def mark_in(tree):
    """Our mark in a definition; None when it has none."""
    element = tree.find(f"metadata/{{{NAMESPACE}}}server")
    if element is None or not element.get("id"):
        return None
    number = lambda name: None if element.get(name) is None else int(element.get(name))  # noqa: E731
    ghz = element.get("cpu-ghz")
    return Mark(
        id=element.get("id"), generation=number("generation") or 0, building=number("building"), fence=number("fence") or 0,
        password_version=number("password-version") or 0, startable=element.get("startable") != "no",
        hostname=element.get("hostname"), cpu_ghz=None if ghz is None else float(ghz), vcpus=number("vcpus"),
    )


def definition(config, server, kind, size, disk, mark):
    """The XML of a machine. Built as a tree: nothing that was given to us can end as anything but a value."""
    domain = ElementTree.Element("domain", type=kind)

    def add(parent, tag, text=None, **attributes):
        element = ElementTree.SubElement(parent, tag, attributes)
        element.text = None if text is None else str(text)
        return element

    add(domain, "name", name_of(config, server))
    add(domain, "uuid", uuid_of(config, server))
    add(domain, "metadata").append(mark.element())
    add(domain, "memory", max(size.ram_mb, config.live_ram_mb), unit="MiB")
    add(domain, "currentMemory", size.ram_mb, unit="MiB")
    add(domain, "vcpu", max(size.vcpus, config.live_vcpus), current=str(size.vcpus))
    system = add(domain, "os")
    add(system, "type", "hvm", arch="x86_64", machine=config.machine)
    add(system, "boot", dev="hd")
    features = add(domain, "features")
    add(features, "acpi")
    add(features, "apic")
    # Emulation has no processor of the host to pass on.
    add(domain, "cpu", mode="maximum" if kind == "qemu" else config.cpu_mode)
    add(domain, "clock", offset="utc")
    for event, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "restart")):
        add(domain, event, action)
    devices = add(domain, "devices")
    add(devices, "emulator", config.emulator)
    drive = add(devices, "disk", type="file", device="disk")
    # A full storage stops the machine rather than losing its writes; that is then told as a failure.
    add(drive, "driver", name="qemu", type="qcow2", cache=config.disk_cache, discard="unmap", error_policy="stop")
    add(drive, "source", file=str(disk))
    add(drive, "target", dev="vda", bus="virtio")
    interface = add(devices, "interface", type="bridge")
    add(interface, "mac", address=mac_of(config, server))
    add(interface, "source", bridge=config.bridge)
    add(interface, "target", dev=tap_of(server))
    add(interface, "model", type="virtio")
    channel = add(devices, "channel", type="unix")
    add(channel, "target", type="virtio", name=AGENT)
    add(devices, "serial", type="pty")
    add(devices, "console", type="pty")
    add(add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")
    add(add(devices, "memballoon", model="virtio"), "stats", period="10")
    return ElementTree.tostring(domain, encoding="unicode")


def disk_of(tree):
    """The file of a machine's disk."""
    source = tree.find("devices/disk[@device='disk']/source")
    return None if source is None else source.get("file")


def memory_mb(tree, tag):
    """`memory` or `currentMemory` of a definition, in MB. Libvirt prints KiB always."""
    text = tree.findtext(tag)
    return None if text is None else int(text) >> 10


def vcpus(tree):
    """How many vCPUs there are and may be."""
    element = tree.find("vcpu")
    most = int(element.text)
    return int(element.get("current", most)), most
