"""What each operation brings about, seen from outside."""

import re
import socket
import time

from bench import BED, check, download, pings, server, table, virsh


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
    server.inside("d=$(ls /sys/class/net | grep -v lo | head -1); ip link add link $d name tagged type vlan id 5 && "
                  "ip addr add 10.77.5.1/24 dev tagged && ip link set tagged up; ping -c 2 -W 1 10.77.5.2; ip link del tagged")
    dropped = re.search(r"ether type != .* counter packets (\d+)", table(31))
    check(dropped and int(dropped[1]) > 0, "frames with a tag get out: " + table(31))
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


def destroy():
    for codes in ((0,), (10,)):
        server.hook("destroy", codes=codes)
    check(not server.answers() and "bed-31" not in virsh("list", "--all", "--name")[1], "it is still there")
    check(not (BED / "storage/bed-31").exists() and not table(31), "disks or rules are left")
    check(server.hook("observe")["state"] == "missing", "observed")
    server.hook("create", fence=5, codes=(79,))
