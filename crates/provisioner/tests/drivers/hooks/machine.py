#!/usr/bin/env python3
"""A hook whose machines are JSON files in the directory named by MACHINES.

It keeps the protocol of docs/hooks.md to the letter: the tests of the drivers and of `vartai hook lint` measure by it.
SABOTAGE names one thing that it does wrong.
"""
import fcntl
import json
import os
import sys
import time

SABOTAGE = os.environ.get("SABOTAGE", "")
OPERATIONS = ["create", "recreate", "reboot", "suspend", "unsuspend", "change", "reset_password", "domain",
              "ptr", "firewall", "flush_iptables", "move_ip", "destroy"]


def say(**fields):
    print(json.dumps(fields), flush=True)


def result(request, **fields):
    fields = {"t": "result", "node": "file-1", **fields}
    if request["task"] is not None:
        fields["task"] = request["task"]
    print(json.dumps(fields), flush=True)


class Machine:
    """A machine's file, held until the hook ends."""

    def __init__(self, server_id):
        path = os.path.join(os.environ["MACHINES"], "%d.json" % int(server_id))
        self.file = open(path, "a+")
        fcntl.flock(self.file, fcntl.LOCK_EX)
        self.file.seek(0)
        self.kept = json.loads(self.file.read() or "{}")

    def keep(self):
        self.file.truncate(0)
        self.file.write(json.dumps(self.kept))
        self.file.flush()

    @property
    def there(self):
        return self.kept.get("generation", 0) > 0


def started(kept):
    kept["running"] = True
    kept["boot"] = kept.get("boot", 0) + 1


def install(kept, server):
    kept["size"] = server["size"]
    if SABOTAGE == "small" and kept["size"]:
        kept["size"]["disk_gb"] -= 1
    kept["generation"] = server["generation"]
    kept["image"] = server["image"]
    kept["hostname"] = "localhost" if SABOTAGE == "nameless" else server["hostname"]
    kept["password_version"] = server["password_version"]
    kept["has_password"] = server["password"] is not None
    kept["addresses"] = server["addresses"]
    kept["firewall"] = server["firewall"]
    started(kept)


def bring_about(request, machine):
    """Returns an exit code."""
    operation, server, kept = request["operation"], request["server"], machine.kept
    if request["fence"] < kept.get("fence", 0) and SABOTAGE != "fence":
        return 79
    kept["fence"] = request["fence"]
    again = kept.get("task") == request["task"] and SABOTAGE != "twice"
    kept["task"] = request["task"]
    if SABOTAGE == "liar" and operation == "suspend":
        return 0
    if operation == "destroy":
        if not machine.there and SABOTAGE == "destroys-once":
            return 1
        fence, task = kept["fence"], kept["task"]
        kept.clear()
        kept.update(fence=fence, task=task)
        return 0
    if operation in ("create", "recreate"):
        if kept.get("generation", 0) < server["generation"] or SABOTAGE == "twice":
            install(kept, server)
        elif not kept["running"]:
            started(kept)
        return 0
    if not machine.there:
        return 20
    if operation == "reboot":
        if not again:
            started(kept)
    elif operation == "suspend":
        kept["running"] = False
    elif operation == "unsuspend":
        if not kept["running"]:
            started(kept)
    elif operation == "change":
        kept["size"] = server["size"]
    elif operation == "reset_password":
        kept["password_version"] = server["password_version"]
    elif operation == "domain":
        kept["hostname"] = server["hostname"]
    elif operation == "ptr":
        names = {address["ip"]: address["ptr"] for address in server["addresses"]}
        kept.setdefault("ptr", {})[request["params"]["ip"]] = names[request["params"]["ip"]]
    elif operation == "firewall":
        kept["firewall"] = server["firewall"]
    elif operation == "move_ip":
        kept["addresses"] = server["addresses"]
    return 0


def observe(request, machine):
    if not machine.there:
        result(request, state="missing")
        return
    kept = machine.kept
    seen = {"running": kept["running"], "generation": kept["generation"], "boot": "boot-%d" % kept["boot"],
            "hostname": kept["hostname"], "password_version": kept["password_version"],
            "addresses": [address["ip"] for address in kept.get("addresses", [])],
            "firewall": kept.get("firewall"), "ptr": kept.get("ptr", {}),
            "filter_is_empty": True}
    if kept["size"]:
        seen["size"] = {name: kept["size"][name] for name in ("cpu_ghz", "ram_mb", "disk_gb", "bandwidth_mbps")}
    if SABOTAGE == "blind":
        seen = {"running": kept["running"], "generation": kept["generation"]}
    result(request, state="present", machine=seen)


def usage(request, machine):
    if not machine.there:
        return 20
    size = machine.kept["size"] or {"ram_mb": 1024, "disk_gb": 10}
    cpu = -1 if SABOTAGE == "negative" else machine.kept["boot"] * 1_000_000_000
    result(request, cpu_ns=cpu, vcpus=1, rx_bytes=1, tx_bytes=2, disk_read_bytes=3, disk_write_bytes=4,
           memory_used_mb=100, memory_limit_mb=size["ram_mb"], disk_used_mb=5, disk_limit_mb=size["disk_gb"] * 1024,
           load_hundredths=25)
    return 0


def main():
    request = json.load(sys.stdin)
    if request["protocol"] != 1 or request["operation"] != sys.argv[1]:
        return 64
    operation = request["operation"]
    if operation == "probe":
        known = [name for name in OPERATIONS if name != SABOTAGE.removeprefix("without-")]
        result(request, protocol=[1], operations=known + ["observe", "usage"])
        return 0
    if operation == SABOTAGE.removeprefix("without-"):
        return 64
    machine = Machine(request["server"]["id"])
    if operation == "observe":
        observe(request, machine)
        return 0
    if operation == "usage":
        return usage(request, machine)
    if operation not in OPERATIONS:
        return 64
    if SABOTAGE == "slow":
        time.sleep(1)
    say(t="log", line="%s of server %s" % (operation, request["server"]["id"]))
    if SABOTAGE == "leaks":
        say(t="log", line="password %s" % request["server"]["password"])
    code = bring_about(request, machine)
    machine.keep()
    if code == 0 and SABOTAGE != "mute":
        result(request)
    return code


if __name__ == "__main__":
    sys.exit(main())
