"""What may happen to a hook, its machines and its host, and what comes of it."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from bench import BED, HOOK, Server, check, server, table, virsh, wait


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
    touching = [";touch /tmp/bed-owned", "$(touch /tmp/bed-owned)", "`touch /tmp/bed-owned`"]
    for hostname in (*touching, "a b", "-a", "ąžuolas.lt"):
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


def emulators():
    """The processes of machines."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            program = os.readlink(process / "exe")
        except OSError:
            # It has ended meanwhile, or is the kernel's.
            continue
        if os.path.basename(program).startswith("qemu-system"):
            found.append(int(process.name))
    return sorted(found)


def start_libvirtd():
    """Starts libvirtd, and waits until it answers. What it says by then."""
    log = BED / "log/restarted.log"
    with open(log, "w") as file:
        argv = ["libvirtd", "-f", "/etc/libvirt/libvirtd.conf", "-p", "/run/libvirt/libvirtd.pid"]
        started = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    (BED / "libvirtd.pid").write_text(str(started.pid))
    wait(300, "libvirtd", lambda: virsh("version")[0])
    return log


def end_libvirtd(how):
    """Ends libvirtd by a signal, and waits until it is gone. Machines run on."""
    pid = int((BED / "libvirtd.pid").read_text())

    def ended():
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
        except OSError:
            return True

    os.kill(pid, how)
    wait(60, "libvirtd's end", ended, every=0.05)


def restart_host():
    """As a power failure does: nothing runs and no rules are loaded, and then libvirtd starts. What it says by then."""
    end_libvirtd(signal.SIGKILL)
    for process in emulators():
        os.kill(process, signal.SIGKILL)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    for kept in pathlib.Path("/run/libvirt").iterdir():
        shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    return start_libvirtd()


def host_restarts():
    """With the host those start that ran, behind their rules; a suspended one does not, even if somebody wants it to."""
    server.hook("suspend")
    check(virsh("autostart", "bed-31")[0], "autostart")
    log = restart_host()
    wait(300, "libvirtd to try it", lambda: "autostart" in log.read_text() and "bed-31" in log.read_text())
    check("shut off" in virsh("domstate", "bed-31")[1] and server.machine()["running"] is False, "it was started")
    server.hook("unsuspend")
    boot = server.boot()
    begun = time.monotonic()
    restart_host()
    wait(300, "its rules", lambda: "10.77.0.41" in table(31))
    check(server.boot() != boot, "it was not started")
    return f"{time.monotonic() - begun:.0f} s from libvirtd's start to a login"


def altered(name, **changes):
    """The bed's configuration with other values."""
    text = (BED / "libvirt.toml").read_text()
    lines = [line for line in text.splitlines() if line.split(" =")[0] not in changes]
    head = [f"{key} = {value}" for key, value in changes.items() if key not in ("sha256", "file")]
    path = BED / f"{name}.toml"
    tail = [f"{key} = {changes[key]}" for key in ("file", "sha256") if key in changes]
    path.write_text("\n".join([*head, *lines, *tail]) + "\n")
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
    kept = wait(900, "the old system's start", lambda: server.ssh("cat /root/before", password=old))
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
    wait(120, "the older task to be at work", lambda: "in shutdown" in virsh("domstate", "bed-31")[1] or
         virsh("dominfo", "bed-31")[1].split("Autostart:")[1].split()[0] == "disable", every=0.1)
    newer = server.start("unsuspend")
    codes = (zombie.wait(timeout=1200), newer.wait(timeout=1200))
    for process in (zombie, newer):
        process.stdout.close()
    check(codes[0] in (79, 0) and codes[1] in (0, 75), f"codes {codes}")
    if codes[1] == 75:
        server.hook("unsuspend")
    server.inside("true")
    return f"older {codes[0]}, newer {codes[1]}"


def agent_silent():
    """One that hangs, or is not there, keeps nobody waiting for long; what can't be seen then is not told."""
    process = "$(systemctl show -p MainPID --value qemu-guest-agent)"
    for silenced, woken in (("kill -STOP " + process, "kill -CONT " + process),
                            ("systemctl stop qemu-guest-agent", "systemctl start qemu-guest-agent")):
        server.inside(silenced)
        begun = time.monotonic()
        server.hook("reset_password", codes=(76,))
        check("guest agent" in server.log[-1], str(server.log))
        server.hook("domain", codes=(76,))
        machine = server.machine()
        check(machine["running"] and machine["boot"] is None and machine["hostname"] is None, str(machine))
        check(machine["size"] is None and machine["addresses"] is None, str(machine))
        check("cpu_ns" in server.hook("usage"), "usage without an agent")
        took = time.monotonic() - begun
        check(took < 120, f"{took:.0f} s for four calls")
        server.inside(woken)
        wait(120, "the agent", lambda: server.machine()["boot"])


def deaf_system():
    """One that has no agent and does not go when it is asked to is switched off: its restart is a hard one."""
    before = server.boot()
    server.inside("systemctl stop qemu-guest-agent && systemctl mask --runtime --now systemd-logind 2>/dev/null; true")
    for operation in ("reset_password", "domain"):
        server.hook(operation, codes=(76,))
        check("guest agent" in server.log[-1], str(server.log))
    server.hook("reboot", config=altered("hasty", reboot_grace_seconds=10))
    check(any("did not shut down within 10 seconds: it is switched off" in line for line in server.log), str(server.log))
    check(server.boot() != before, "it was not restarted")
    check(server.machine()["running"] is True, "observed")


def libvirtd_restarts():
    """A libvirtd that is restarted under a task takes no machine with it, and the task comes to its end, once."""
    before = server.boot()

    def restart():
        machines = emulators()
        check(len(machines) == 1, f"machines: {machines}")
        # As an update of its package does, and as one that crashes does.
        for how in (signal.SIGTERM, signal.SIGKILL):
            end_libvirtd(how)
            start_libvirtd()
        check(emulators() == machines, "the machine did not run on")

    begun = time.monotonic()
    patient = altered("patient", call_seconds=60)
    code = server.meanwhile("reboot", "the machine is started", restart, task="reboot-2", config=patient)
    took = time.monotonic() - begun
    check(code == 0, f"it ended with {code}: {server.log}")
    after = server.boot()
    check(after != before, "it was not restarted")
    server.hook("reboot", task="reboot-2", codes=(10,))
    check(server.boot() == after and server.machine()["boot"] == after, "it was restarted twice")
    check(virsh("list", "--all", "--name")[1].split() == ["bed-31"], "there is another machine")
    return f"{took:.0f} s for a restart of the machine with two of libvirtd in it"


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


def full_storage():
    """A machine that stands still because the storage is full does not count as running, and keeps its disk."""
    storage = BED / "small"
    storage.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=420m,mode=711", "tmpfs", storage], check=True)
    config = altered("small", storage_dir=f'"{storage}"', disk_cache='"writeback"', least_free_gb=0)
    crowded = Server(32)
    disks = lambda: sorted(path.name for path in (storage / "bed-32").iterdir())  # noqa: E731
    try:
        picky = altered("picky", storage_dir=f'"{storage}"', disk_cache='"writeback"', least_free_gb=1)
        crowded.hook("create", config=picky, codes=(77,))
        check("nearly full" in crowded.log[-1], str(crowded.log))
        crowded.hook("create", config=config)
        crowded.inside("echo precious >/root/before && sync")
        crowded.inside("(sleep 1; dd if=/dev/urandom of=/root/fill bs=1M count=600; sync) >/dev/null 2>&1 & true")
        wait(900, "a full storage", lambda: "paused" in virsh("domstate", "bed-32")[1])
        seen = crowded.hook("observe", config=config)["machine"]
        check(seen["running"] is False, "it counts as running")
        crowded.hook("reset_password", config=config, codes=(77,))
        check("storage" in crowded.log[-1], str(crowded.log))
        crowded.document["generation"] = 2
        # To the last byte, so that there is no room for a disk; then with room for one and not for what its system writes.
        with contextlib.suppress(OSError), open(storage / "filler", "wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass
        for size, said in (("420m", "storage is full: no disk"), ("422m", "its storage is full")):
            subprocess.run(["mount", "-o", f"remount,size={size}", storage], check=True)
            crowded.hook("recreate", config=config, codes=(77,))
            check(said in crowded.log[-1], str(crowded.log))
            check(disks() == ["disk-g1.qcow2"], f"disks: {disks()}")
            check(crowded.hook("observe", config=config)["machine"]["generation"] == 1, "observed")
        # Staff make room: the old system goes on.
        subprocess.run(["mount", "-o", "remount,size=1600m", storage], check=True)
        virsh("resume", "bed-32")
        check(crowded.inside("cat /root/before") == "precious", "the disk is not what it was")
        check(crowded.hook("observe", config=config)["machine"]["running"] is True, "observed with room")
        crowded.hook("destroy", config=config)
        check("bed-32" not in virsh("list", "--all", "--name")[1], "it is still there")
    finally:
        subprocess.run(["umount", "-l", storage], check=False)
