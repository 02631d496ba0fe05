#!/usr/bin/env python3
"""Proves the libvirt hook on real machines, from outside: tests/hypervisor/enter tests/hypervisor/prove.py [STEP …]

What the hook says of itself is not believed. Every wait has a deadline and a reason.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from bench import BED, HOOK, Server, Wrong, check, download, elapsed, pings, run, virsh, wait

server = Server(31)


def table(number):
    return subprocess.run(["nft", "list", "table", "bridge", f"vartai_{number}"], capture_output=True, text=True).stdout


def set_up():
    """The hook's own look at the host tells a guard that is there from one that is not."""
    guard = BED / "etc/hooks/qemu.d/50-vartai"
    good = guard.read_text()
    try:
        for text, well in (("#!/bin/sh\n", False), (good, True)):
            guard.write_text(text)
            told = subprocess.run([HOOK, "check"], capture_output=True, text=True, timeout=300).stdout
            said = {line[2:].strip() for line in told.splitlines() if line.startswith("ok ")}
            check({"libvirt", "image debian-12-x86_64"} <= said, told)
            check(("machine and guard" in said) == well, told)
    finally:
        guard.write_text(good)
    check("check" not in virsh("list", "--all", "--name")[1] and not (BED / "storage/bed-check").exists(), "it is left")


def refusals():
    """Nothing is made of what can't be had."""
    for hostname in (";touch /tmp/bed-owned", "$(touch /tmp/bed-owned)", "`touch /tmp/bed-owned`", "a b", "-a", "ąžuolas.lt"):
        Server(30, hostname=hostname).hook("create", codes=(65,))
    Server(30, id="../../etc").hook("create", codes=(65,))
    Server(30, image="no-such-image").hook("create", codes=(65,))
    Server(30, size={"cpu_ghz": 0, "ram_mb": 512, "disk_gb": 3, "bandwidth_mbps": 1}).hook("create", codes=(65,))
    check(not os.path.exists("/tmp/bed-owned"), "a hostname was interpreted")
    for operation in ("reboot", "suspend", "change", "recreate", "firewall", "domain"):
        Server(30).hook(operation, codes=(20,))
    Server(30).hook("destroy", codes=(10,))
    check(Server(30).hook("observe")["state"] == "missing", "there is a machine")
    check("bed-30" not in virsh("list", "--all", "--name")[1], "a machine was made")


def create():
    """Killed at two places, it converges; done again, it does nothing."""
    task = server.kill_when("create", "the disk is made")
    server.kill_when("create", "the system is starting", task=task)
    begun = time.monotonic()
    server.hook("create", task=task)
    took = time.monotonic() - begun
    boot = server.boot()
    check(server.inside("hostname") == "s31.example.com", "hostname")
    check(server.inside("nproc") == "1", "nproc")
    check(server.hook("create", task=task, codes=(10,))["code"] == 10, "again")
    check(server.boot() == boot, "the second create restarted it")
    return f"{took:.0f} s from nothing to configured"


def observe():
    machine = server.machine()
    wanted = {"cpu_ghz": 2, "ram_mb": 512, "disk_gb": 3, "bandwidth_mbps": 40}
    check(machine["size"] == wanted, f"size {machine['size']}")
    check(machine["running"] and machine["generation"] == 1 and machine["password_version"] == 1, str(machine))
    check(machine["hostname"] == "s31.example.com" and machine["addresses"] == [server.ip], str(machine))
    check(machine["boot"] == server.boot(), "boot")


def reboot():
    before = server.boot()
    server.hook("reboot", task="reboot-1")
    after = server.boot()
    check(after != before, "it has not restarted")
    server.hook("reboot", task="reboot-1", codes=(10,))
    check(server.boot() == after, "one task restarted it twice")
    begun = time.monotonic()
    server.hook("reboot")
    check(server.boot() not in (before, after), "another task did not restart it")
    return f"{time.monotonic() - begun:.0f} s; {server.log[-1]}"


def change_live():
    server.document["size"] = {"cpu_ghz": 4, "vcpus": 2, "ram_mb": 900, "disk_gb": 5, "bandwidth_mbps": 40}
    boot = server.boot()
    for _ in range(2):
        server.hook("change")
    check(server.inside("nproc") == "2", "nproc")
    memory = int(server.inside("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) >> 10
    check(720 <= memory <= 900, f"MemTotal {memory} MB")
    check(server.inside("cat /sys/block/vda/size") == str(5 << 21), "sectors")
    disk = int(server.inside("df -k --output=size / | tail -1")) >> 10
    check(disk > 4700, f"file system {disk} MB")
    check(server.boot() == boot, "it was restarted")
    check(server.machine()["size"] == {"cpu_ghz": 4, "ram_mb": 900, "disk_gb": 5, "bandwidth_mbps": 40}, "observed")
    return f"MemTotal {memory} MB, file system {disk} MB, 2 vCPUs, no restart"


def change_restarting():
    server.document["size"] |= {"ram_mb": 1280, "cpu_ghz": 2, "vcpus": 1}
    boot = server.boot()
    server.hook("change")
    check(any("restarted" in line for line in server.log), str(server.log))
    check(server.boot() != boot, "more than it may grow to without a restart")
    memory = int(server.inside("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) >> 10
    check(1024 < memory <= 1280, f"MemTotal {memory} MB")
    check(server.inside("nproc") == "1", "nproc")
    after = server.boot()
    server.hook("change")
    check(server.boot() == after, "the same size again restarted it")
    check(server.machine()["size"]["ram_mb"] == 1280, "observed")
    return f"MemTotal {memory} MB"


def bandwidth():
    fast = download(server, 12)
    server.document["size"]["bandwidth_mbps"] = 4
    for _ in range(2):
        server.hook("change")
    slow = download(server, 3)
    check(3 < slow < 4.4, f"{slow:.1f} Mbit/s of 4")
    check(slow * 2 < fast < 44, f"{fast:.1f} Mbit/s of 40")
    check(server.machine()["size"]["bandwidth_mbps"] == 4, "observed")
    server.document["size"]["bandwidth_mbps"] = 40
    server.hook("change")
    return f"{fast:.1f} Mbit/s of 40, {slow:.2f} Mbit/s of 4"


def password():
    old, new = server.password, "Kitas '\"$(reboot)` slaptažodis"
    server.document |= {"password": new, "password_version": 2}
    for _ in range(2):
        server.hook("reset_password")
    check(server.ssh("true", password=old) is None, "the old password still works")
    check(server.inside("echo in") == "in", "the new password does not work")
    check(server.machine()["password_version"] == 2, "observed")
    server.document["login"] = "nobody-there"
    server.hook("reset_password", codes=(65,))
    server.document["login"] = "root"


def rename():
    server.document["hostname"] = "vps3.example.lt"
    for _ in range(2):
        server.hook("domain")
    check(server.inside("hostname") == "vps3.example.lt", "hostname")
    check(server.inside("cat /etc/hostname") == "vps3.example.lt", "/etc/hostname")
    check(server.machine()["hostname"] == "vps3.example.lt", "observed")


def firewall():
    server.inside("true")
    free = pings(server.ip, 200, 2)
    server.document["firewall"] |= {"pps_icmp": 10, "connlimit": 4}
    for _ in range(2):
        server.hook("firewall")
    limited = pings(server.ip, 200, 2)
    check(server.machine()["firewall"] == server.document["firewall"], "observed")
    connections, refused = [], 0
    for _ in range(8):
        try:
            connections.append(socket.create_connection((server.ip, 22), timeout=3))
        except OSError:
            refused += 1
    for connection in connections:
        connection.close()
    # Two seconds of 10 and what may come at once.
    check(free > 150 and limited <= 35, f"{free} and {limited} of 200 answered")
    check(len(connections) <= 4 and refused >= 4, f"{len(connections)} of 8 connections, at most 4")
    server.document["firewall"] |= {"pps_icmp": 0, "connlimit": 0}
    server.hook("firewall")
    again = pings(server.ip, 200, 2)
    check(again > 150, f"{again} of 200 answered without a limit")
    return f"pings answered of 200: {free} free, {limited} at 10/s; {len(connections)} of 8 connections at connlimit 4"


def spoofing():
    server.inside("ip addr add 10.77.0.231/24 dev $(ls /sys/class/net | grep -v lo | head -1)")
    stranger = server.inside("ping -c 3 -W 1 -I 10.77.0.231 10.77.0.1 >/dev/null && echo heard || echo unheard")
    own = server.inside(f"ping -c 3 -W 1 -I {server.ip} 10.77.0.1 >/dev/null && echo heard || echo unheard")
    check((own, stranger) == ("heard", "unheard"), f"own address {own}, another {stranger}")
    check(server.machine()["addresses"] == [server.ip], "an address that it may not use counts")


def flush():
    server.inside("nft add table inet t; nft add chain inet t i '{ type filter hook input priority 0; }'; "
                  "nft add rule inet t i icmp type echo-request drop")
    check(pings(server.ip, 3, 1) == 0, "the filter inside does not filter")
    check(server.machine()["filter_is_empty"] is False, "observed before")
    for _ in range(2):
        server.hook("flush_iptables")
    check(pings(server.ip, 3, 1) == 3, "the filter inside still filters")
    check(server.machine()["filter_is_empty"] is True, "observed")


def move_ip():
    old = server.ip
    server.document["addresses"] = [{"ip": "10.77.0.41", "prefix": 24, "gateway": "10.77.0.1"}]
    for _ in range(2):
        server.hook("move_ip")
    check(server.inside("echo in") == "in", "the new address does not answer")
    check(pings(old, 3, 1) == 0, "the old address still answers")
    check(server.machine()["addresses"] == ["10.77.0.41"], "observed")


def ptr():
    server.document["addresses"][0]["ptr"] = "mail.example.lt"
    for _ in range(2):
        server.hook("ptr", params={"ip": server.ip})
    seen = server.hook("observe", params={"ip": server.ip})["machine"]
    check(seen["ptr"] == {server.ip: "mail.example.lt"}, str(seen))
    server.hook("ptr", params={"ip": "10.77.0.1"}, codes=(65,))


def suspend():
    server.inside("true")
    begun = time.monotonic()
    server.hook("suspend")
    took, told = time.monotonic() - begun, server.log
    server.hook("suspend")
    check(not server.answers() and pings(server.ip, 3, 1) == 0, "it answers")
    server.hook("reboot", codes=(65,))
    server.document["generation"] = 2
    server.hook("recreate", codes=(65,))
    server.document["generation"] = 1
    started, said = virsh("start", "bed-31")
    check(not started and virsh("domstate", "bed-31")[1] == "shut off", f"virsh started it: {said}")
    check(virsh("dominfo", "bed-31")[1].split("Autostart:")[1].split()[0] == "disable", "autostart")
    check(server.machine()["running"] is False, "observed")
    server.document["size"]["disk_gb"] = 6
    server.hook("change")
    check(server.machine()["running"] is False, "a change started it")
    for _ in range(2):
        server.hook("unsuspend")
    check(server.inside("cat /sys/block/vda/size") == str(6 << 21), "what was changed while it was off")
    check(server.machine()["running"] is True, "observed")
    return f"off after {took:.0f} s: {told[-1]}"


def usage():
    used = server.hook("usage", task=None)
    names = ("cpu_ns", "vcpus", "rx_bytes", "tx_bytes", "disk_read_bytes", "disk_write_bytes", "memory_used_mb",
             "memory_limit_mb", "disk_used_mb", "disk_limit_mb", "inodes_used", "inodes_limit")
    check(all(used.get(name, 0) > 0 for name in names) and "load_hundredths" in used, str(used))
    check(used["memory_limit_mb"] == 1280 and used["disk_limit_mb"] == 6 << 10, str(used))
    return {name: used[name] for name in names}


def altered(name, **changes):
    """The bed's configuration with other values."""
    text = (BED / "libvirt.toml").read_text()
    lines = [line for line in text.splitlines() if line.split(" =")[0] not in changes]
    head = [f"{key} = {value}" for key, value in changes.items() if key not in ("sha256", "file")]
    path = BED / f"{name}.toml"
    path.write_text("\n".join([*head, *lines, *(f"{key} = {changes[key]}" for key in ("file", "sha256") if key in changes)]) + "\n")
    return path


def recreate_failing():
    """A template that is wrong or does not boot takes nothing from the machine that there is."""
    boot = server.boot()
    server.inside("echo precious >/root/before && sync")
    server.document |= {"generation": 2, "password": "Third-Secret-3", "password_version": 3}
    old = "Kitas '\"$(reboot)` slaptažodis"
    server.hook("recreate", codes=(77,), config=altered("wrong-sum", sha256='"' + "0" * 64 + '"'))
    server.hook("recreate", codes=(77,), config=altered("no-file", file='"none.qcow2"', sha256='"' + "1" * 64 + '"'))
    check(server.ssh("cat /proc/sys/kernel/random/boot_id", password=old) == boot, "the machine was touched")
    blank = BED / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", blank, "1G"], check=True)
    total = subprocess.run(["sha256sum", blank], capture_output=True, text=True, check=True).stdout.split()[0]
    config = altered("blank", boot_seconds=20, file=f'"{blank}"', sha256=f'"{total}"')
    server.hook("recreate", codes=(1,), config=config)
    check("the old one is back in place" in server.log[-2], str(server.log))
    kept = wait(240, "the old system's start", lambda: server.ssh("cat /root/before", password=old))
    check(kept == "precious", "the old disk is not what it was")
    check(server.machine()["generation"] == 1, "observed")


def recreate():
    # What is kept of the old system's memory would go on with the old disk.
    check(virsh("managedsave", "bed-31")[0], "its memory can't be kept")
    task = server.kill_when("recreate", "the system is starting")
    check(server.hook("observe")["machine"]["generation"] == 1, "half built counts as built")
    begun = time.monotonic()
    server.hook("recreate", task=task)
    took = time.monotonic() - begun
    check(server.inside("test -e /root/before && echo kept || echo gone") == "gone", "the old disk is still there")
    boot = server.boot()
    machine = server.machine()
    check(machine["generation"] == 2 and machine["password_version"] == 3, str(machine))
    check(machine["size"] == {"cpu_ghz": 2, "ram_mb": 1280, "disk_gb": 6, "bandwidth_mbps": 40}, str(machine["size"]))
    server.hook("recreate", task=task, codes=(10,))
    check(server.boot() == boot, "the second recreate did it again")
    check([path.name for path in (BED / "storage/bed-31").iterdir()] == ["disk-g2.qcow2"], "disks are left over")
    return f"{took:.0f} s after being killed"


def fences():
    server.hook("reboot", fence=5, codes=(79,))
    # One that is thought dead and is not: the newer task makes it give up before its next step.
    zombie = server.start("suspend")
    wait(30, "the older task to be at work", lambda: "in shutdown" in virsh("domstate", "bed-31")[1] or
         virsh("dominfo", "bed-31")[1].split("Autostart:")[1].split()[0] == "disable", every=0.1)
    newer = server.start("unsuspend")
    codes = (zombie.wait(timeout=400), newer.wait(timeout=400))
    for process in (zombie, newer):
        process.stdout.close()
    check(codes[0] in (79, 0) and codes[1] in (0, 75), f"codes {codes}")
    if codes[1] == 75:
        server.hook("unsuspend")
    server.inside("true")
    return f"older {codes[0]}, newer {codes[1]}"


def agent_silent():
    server.inside("systemctl stop qemu-guest-agent")
    server.hook("reset_password", codes=(75,))
    check("guest agent" in server.log[-1], str(server.log))
    server.hook("domain", codes=(75,))
    machine = server.machine()
    check(machine["running"] and machine["boot"] is None and machine["hostname"] is None, str(machine))
    check(machine["size"] is None and machine["addresses"] is None, str(machine))
    check("cpu_ns" in server.hook("usage"), "usage without an agent")
    server.inside("systemctl start qemu-guest-agent")


def foreign():
    """A machine that is not ours is nobody's to touch."""
    xml = BED / "foreign.xml"
    xml.write_text("<domain type='qemu'><name>bed-99</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>")
    check(virsh("define", str(xml))[0], "define")
    for operation in ("create", "recreate", "destroy", "suspend", "reboot", "observe"):
        Server(99).hook(operation, codes=(77,))
    check("shut off" in virsh("domstate", "bed-99")[1], "it was touched")
    virsh("undefine", "bed-99")


def frozen():
    """A libvirtd that stands still keeps nobody waiting for longer than a call may take."""
    pid = int((BED / "libvirtd.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        server.hook("reboot", codes=(69,))
        server.hook("observe", codes=(69,))
        server.hook("usage", codes=(69,))
        took = time.monotonic() - begun
    finally:
        os.kill(pid, signal.SIGCONT)
    check(took < 75, f"{took:.0f} s")
    check(server.machine()["running"] is True, "observed afterwards")
    return f"3 calls in {took:.0f} s"


def full():
    """A machine that stands still because the storage is full does not count as running."""
    storage = BED / "small"
    storage.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m,mode=711", "tmpfs", storage], check=True)
    config = altered("small", storage_dir=f'"{storage}"', disk_cache='"writeback"')
    crowded = Server(32)
    try:
        crowded.hook("create", config=config)
        crowded.inside("(sleep 1; dd if=/dev/urandom of=/root/fill bs=1M count=600; sync) >/dev/null 2>&1 & true")
        wait(180, "a full storage", lambda: "paused" in virsh("domstate", "bed-32")[1])
        seen = crowded.hook("observe", config=config)["machine"]
        check(seen["running"] is False, "it counts as running")
        crowded.hook("reset_password", config=config, codes=(1,))
        check("storage" in crowded.log[-1], str(crowded.log))
        crowded.hook("destroy", config=config)
        check("bed-32" not in virsh("list", "--all", "--name")[1], "it is still there")
    finally:
        subprocess.run(["umount", "-l", storage], check=False)


def destroy():
    for codes in ((0,), (10,)):
        server.hook("destroy", codes=codes)
    check(not server.answers() and "bed-31" not in virsh("list", "--all", "--name")[1], "it is still there")
    check(not (BED / "storage/bed-31").exists() and not table(31), "disks or rules are left")
    check(server.hook("observe")["state"] == "missing", "observed")
    server.hook("create", fence=5, codes=(79,))


STEPS = [set_up, refusals, create, observe, reboot, change_live, change_restarting, bandwidth, password, rename, firewall, spoofing,
         flush, move_ip, ptr, suspend, usage, recreate_failing, recreate, fences, agent_silent, foreign, frozen, full, destroy]


def main():
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
