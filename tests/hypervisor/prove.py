#!/usr/bin/env python3
"""Proves the libvirt hook on real machines, from outside: tests/hypervisor/enter tests/hypervisor/prove.py [STEP …]

What the hook says of itself is not believed. Every wait has a deadline and a reason.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import operations  # noqa: E402
import trouble  # noqa: E402
from bench import Wrong, elapsed, run  # noqa: E402

# In this order: they are about one machine, from its creation to its end.
STEPS = [
    trouble.set_up, trouble.refusals, operations.create, operations.observe, operations.reboot,
    operations.change_live, operations.change_restarting, operations.bandwidth, operations.password,
    operations.rename, operations.firewall, operations.spoofing, operations.flush, operations.move_ip, operations.ptr,
    operations.suspend, trouble.host_restarts, operations.usage, trouble.recreate_failing, trouble.recreate,
    trouble.fences, trouble.agent_silent, trouble.deaf_system, trouble.foreign, trouble.frozen,
    trouble.libvirtd_restarts, trouble.full_storage, operations.destroy,
]


def main():
    if unknown := set(sys.argv[1:]) - {step.__name__ for step in STEPS}:
        print(f"no such steps: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 64
    wanted = [step for step in STEPS if not sys.argv[1:] or step.__name__ in sys.argv[1:]]
    try:
        for step in wanted:
            run(step)
    except Wrong as wrong:
        print(f"✘ {wrong}", flush=True)
        return 1
    print(f"{len(wanted)} of {len(STEPS)} steps in {elapsed():.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
