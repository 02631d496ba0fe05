"""What this host's kernel can do."""

import os
import subprocess

from .run import Failed, run


def bandwidth_mode(config):
    """How bandwidth is limited: `libvirt`, `tc` or `none`. Libvirt needs the queueing discipline sfq for it."""
    if config.bandwidth != "auto":
        return config.bandwidth
    tap = f"vtp{os.getpid()}"
    try:
        run(["ip", "tuntap", "add", tap, "mode", "tap"], 10)
        try:
            run(["tc", "qdisc", "add", "dev", tap, "root", "sfq"], 10)
        finally:
            run(["ip", "link", "del", tap], 10)
    except (Failed, subprocess.TimeoutExpired, OSError):
        return "tc"
    return "libvirt"
