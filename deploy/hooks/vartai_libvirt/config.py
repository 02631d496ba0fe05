"""The configuration file: /etc/vartai/libvirt.toml, or what LIBVIRT_HOOK_CONFIG names."""

import dataclasses
import os
import pathlib
import re
import socket
import tomllib

from .protocol import PERSON, Failure

PATH = "/etc/vartai/libvirt.toml"


@dataclasses.dataclass(frozen=True)
class Image:
    """A template."""

    file: pathlib.Path
    sha256: str


@dataclasses.dataclass(frozen=True)
class Config:
    """What the file says; libvirt.toml.example tells what each key means."""

    storage_dir: pathlib.Path
    images: dict[str, Image]
    uri: str = "qemu:///system"
    node: str = dataclasses.field(default_factory=socket.gethostname)
    state_dir: pathlib.Path = pathlib.Path("/var/lib/vartai-libvirt")
    name_prefix: str = "vartai-"
    site: str = "vartai"
    image_dir: pathlib.Path = pathlib.Path("/var/lib/vartai-images")
    clone: str = "overlay"
    disk_cache: str = "none"
    least_free_gb: int = 10
    bridge: str = "br0"
    dns: tuple[str, ...] = ()
    anti_spoofing: bool = True
    bandwidth: str = "auto"
    domain_type: str = "kvm"
    emulator: str = "/usr/bin/qemu-system-x86_64"
    machine: str = "q35"
    cpu_mode: str = "host-passthrough"
    ghz_per_vcpu: float = 2
    live_vcpus: int = 16
    live_ram_mb: int = 0
    boot_seconds: int = 240
    reboot_grace_seconds: int = 60
    shutdown_grace_seconds: int = 60
    call_seconds: int = 20
    agent_seconds: int = 10
    inside_seconds: int = 120
    lock_seconds: int = 20
    ptr_command: str | None = None


CHOICES = {
    "clone": ("overlay", "full"),
    "bandwidth": ("auto", "libvirt", "tc", "none"),
    "domain_type": ("auto", "kvm", "qemu"),
    "disk_cache": ("none", "writeback", "writethrough", "directsync", "unsafe"),
}


def load():
    """Reads the file. Fails with 77 when it is missing or wrong: nobody but staff can mend that."""
    path = os.environ.get("LIBVIRT_HOOK_CONFIG", PATH)
    try:
        with open(path, "rb") as file:
            return _checked(tomllib.load(file))
    except (OSError, ValueError) as error:
        raise Failure(PERSON, "the hook's configuration can't be used") from _logged(path, error)


def _logged(path, error):
    """Standard error is the log too, but what is wrong with a file of the host is not the customer's to know."""
    # Staff see it with `libvirt probe` by hand.
    if os.isatty(2) or "LIBVIRT_HOOK_DEBUG" in os.environ:
        os.write(2, f"{path}: {error}\n".encode())
    return error


def _checked(document):
    images = document.pop("images", {})
    fields = {field.name: field for field in dataclasses.fields(Config)}
    values = {}
    for key, value in document.items():
        if key not in fields or key == "images":
            raise ValueError(f"{key} is no key")
        kind = fields[key].type
        if kind is pathlib.Path:
            value = _absolute(key, value)
        elif kind in (int, float):
            if isinstance(value, bool) or not isinstance(value, int | kind) or value < 0:
                raise ValueError(f"{key} must be a number, and not below 0")
        elif key == "dns":
            value = tuple(value)
        elif not isinstance(value, bool if kind is bool else str):
            raise ValueError(f"{key} is of the wrong kind")
        if key in CHOICES and value not in CHOICES[key]:
            raise ValueError(f"{key} must be one of {', '.join(CHOICES[key])}")
        values[key] = value
    if "storage_dir" not in values:
        raise ValueError("storage_dir is missing")
    config = Config(images={}, **values)
    if config.ghz_per_vcpu <= 0 or not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", config.name_prefix):
        raise ValueError("ghz_per_vcpu or name_prefix can't be used")
    return dataclasses.replace(config, images={name: _image(config, name, image) for name, image in images.items()})


def _image(config, name, image):
    if set(image) != {"file", "sha256"} or not re.fullmatch(r"[0-9a-f]{64}", image["sha256"]):
        raise ValueError(f"images.{name} needs file and sha256 (64 small hexadecimal digits), and no more")
    return Image(config.image_dir / image["file"], image["sha256"])


def _absolute(key, value):
    path = pathlib.Path(value)
    if not path.is_absolute():
        raise ValueError(f"{key} must begin with /")
    return path
