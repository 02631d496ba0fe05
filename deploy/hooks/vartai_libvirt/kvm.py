"""Whether this host's KVM can be used. That /dev/kvm is there says nothing: a guest may be made and never get on."""

import pathlib
import subprocess
import tempfile

from . import store
from .run import Failed, run

# A boot sector: it enters long mode with paging on, counts to 2^27, and ends QEMU with status (0x2a << 1) | 1. That is
# 0.1 seconds of work for a processor and 1 second for emulation; a KVM that has to emulate instructions takes minutes.
#
#   cli; ax = ds = es = ss = 0; rep stosw: 0x1800 words of zero at 0x1000; page tables: [0x1000] = 0x2003,
#   [0x2000] = 0x3003, [0x3000] = 0x83; lgdtl gdtr; cr4 = 0xa0 (PAE, PGE); cr3 = 0x1000; EFER |= 0x100 (LME);
#   cr0 |= 0x80000001 (PG, PE); ljmpl 8:long
#   long: ecx = 1 << 27; 1: dec ecx; jnz 1b; outb 0x2a, 0x501; 2: hlt; jmp 2b
#   gdt: 0, 0x00209a0000000000 (64-bit code); gdtr: 15, gdt
BOOT_SECTOR = bytes.fromhex(
    "fa31c08ed88ec08ed0bf0010b90018fcf3ab66c70600100320000066c70600200330000066c706003083000000660f0116907c66b8a0000000"
    "0f22e066b8001000000f22d866b9800000c00f32660d000100000f300f20c0660d010000800f22c066ea697c00000800b900000008ffc975fc"
    "66ba0105b02aeef4ebfd0f1f4000000000000000000000000000009a20000f00807c0000"
)
DONE = 0x2A << 1 | 1
SECONDS = 15


def domain_type(config):
    """`kvm` or `qemu`: as configured, else by the probe, whose outcome is kept until the host boots anew."""
    if config.domain_type != "auto":
        return config.domain_type
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    path = config.state_dir / f"kvm-{boot}"
    with store.host_lock(config, "kvm", SECONDS + 5):
        if not path.exists():
            for old in config.state_dir.glob("kvm-*-*"):
                old.unlink()
            store.write(path, "kvm" if boots(config) else "qemu")
        return path.read_text()


def boots(config):
    """Whether a guest gets on under KVM."""
    if not pathlib.Path("/dev/kvm").exists():
        return False
    with tempfile.NamedTemporaryFile(suffix=".img") as disk:
        disk.write((BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0"))
        disk.flush()
        argv = [
            config.emulator, "-accel", "kvm", "-machine", "q35", "-m", "64", "-nodefaults", "-display", "none", "-no-reboot",
            "-device", "isa-debug-exit,iobase=0x501,iosize=1",
            "-drive", f"file={disk.name},format=raw,if=virtio,readonly=on",
        ]
        try:
            run(argv, SECONDS)
        except Failed as failed:
            return failed.code == DONE
        except (subprocess.TimeoutExpired, OSError):
            return False
        return False
