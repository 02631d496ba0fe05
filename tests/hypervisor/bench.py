"""What prove.py measures with: the hook as a worker would run it, and the machine as its owner sees it."""

import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BED = pathlib.Path(os.environ["LIBVIRT_HOOK_BED"])
HOOK = BED / "hooks/libvirt"
ASKPASS = tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False)
ASKPASS.write('#!/bin/sh\nprintf "%s\\n" "$BENCH_PASSWORD"\n')
ASKPASS.close()
os.chmod(ASKPASS.name, 0o700)
STARTED = time.monotonic()


class Wrong(Exception):
    """Something is not as it is to be."""


def check(held, what):
    """Fails the proof unless it holds."""
    if not held:
        raise Wrong(what)


def wait(seconds, what, condition, every=0.5):
    """Waits for a condition, and fails with the reason when it does not come true in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Wrong(f"not within {seconds} seconds: {what}")
        time.sleep(every)


class Server:
    """A server as Vartai would describe it, with the hook's answers about it."""

    # Above those of an earlier proof on the same bed.
    fence = int(time.time())

    def __init__(self, number, **changed):
        self.document = {
            "id": str(number), "generation": 1, "running": True,
            "size": {"cpu_ghz": 2, "vcpus": 1, "ram_mb": 512, "disk_gb": 3, "bandwidth_mbps": 40},
            "image": "debian-12-x86_64", "hostname": f"s{number}.example.com", "login": "root",
            "password": "First-Secret-1", "password_version": 1,
            "addresses": [{"ip": f"10.77.0.{number}", "prefix": 24, "gateway": "10.77.0.1", "ptr": None}],
            "firewall": {"pps": 0, "pps_icmp": 0, "pps_udp": 0, "pps_syn": 0, "connlimit": 0},
        } | changed
        self.tasks = 1000 * number

    @property
    def ip(self):
        return self.document["addresses"][0]["ip"]

    @property
    def password(self):
        return self.document["password"]

    def start(self, operation, task=None, params=None, fence=None, config=None, deadline=1800):
        """Starts the hook; the process, its request given."""
        if fence is None:
            Server.fence += 1
            fence = Server.fence
        if task is None:
            self.tasks += 1
            task = str(self.tasks)
        request = {
            "protocol": 1, "operation": operation, "task": task, "attempt": 1, "fence": fence,
            "deadline": int(time.time()) + deadline, "server": self.document, "params": params or {},
        }
        environment = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LIBVIRT_HOOK_DEBUG": "1",
            "LIBVIRT_HOOK_CONFIG": str(config or BED / "libvirt.toml"),
        }
        process = subprocess.Popen(
            [HOOK, operation], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True, cwd="/tmp"
        )
        process.stdin.write(json.dumps(request))
        process.stdin.close()
        process.task = task
        return process

    def hook(self, operation, codes=(0,), **given):
        """Runs the hook to its end. Its result; fails when the code is none of those expected."""
        process = self.start(operation, **given)
        lines = process.stdout.read().splitlines()
        code = process.wait()
        documents = [json.loads(line) for line in lines]
        self.log = [document["line"] for document in documents if document["t"] == "log"]
        results = [document for document in documents if document["t"] == "result"]
        check(code in codes, f"{operation} ended with {code}, not one of {codes}: {self.log}")
        if code in (0, 10):
            check(results and results[-1].get("task") == process.task, f"{operation} has no result of its task")
        return (results[-1] if results else {}) | {"code": code}

    def kill_when(self, operation, line, **given):
        """Starts the hook and ends it with KILL as soon as it says `line`."""
        process = self.start(operation, **given)
        for text in process.stdout:
            if line in text:
                process.kill()
                check(process.wait() == -9, "it was to be killed")
                return process.task
        raise Wrong(f"{operation} ended without saying {line!r}")

    def meanwhile(self, operation, line, act, **given):
        """Runs the hook to its end, with `act` as soon as it says `line`. Its code."""
        process = self.start(operation, **given)
        self.log = []
        for text in process.stdout:
            document = json.loads(text)
            if document["t"] == "log":
                self.log.append(document["line"])
                if line in document["line"]:
                    act()
        check(any(line in said for said in self.log), f"{operation} ended without saying {line!r}: {self.log}")
        return process.wait()

    def machine(self):
        """What the hook observes."""
        return self.hook("observe").get("machine")

    def ssh(self, command, password=None, seconds=60):
        """Runs a command in the machine as its owner would. None when the login fails."""
        argv = [
            "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1", "-o", "ConnectTimeout=20",
            "-o", "LogLevel=ERROR", f"root@{self.ip}", command,
        ]
        environment = os.environ | {
            "SSH_ASKPASS": ASKPASS.name, "SSH_ASKPASS_REQUIRE": "force", "BENCH_PASSWORD": password or self.password,
        }
        try:
            ended = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=seconds,
                                   stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None
        return None if ended.returncode == 255 else ended.stdout.strip()

    def inside(self, command, seconds=900):
        """As `ssh`, waiting until the login is there."""
        return wait(seconds, f"a login at {self.ip}", lambda: (found := self.ssh(command)) is not None and (found,))[0]

    def boot(self):
        """The boot id, read over the network."""
        return self.inside("cat /proc/sys/kernel/random/boot_id")

    def answers(self, seconds=3):
        """Whether something answers at the machine's SSH port."""
        try:
            with socket.create_connection((self.ip, 22), timeout=seconds) as connection:
                connection.settimeout(seconds)
                return connection.recv(4).startswith(b"SSH")
        except OSError:
            return False


# The machine that the steps of the proof are about.
server = Server(31)


def table(number):
    """A machine's rules, as the kernel has them; empty without any."""
    return subprocess.run(["nft", "list", "table", "bridge", f"vartai_{number}"], capture_output=True, text=True).stdout


def virsh(*argv):
    """What virsh says, and whether it succeeded."""
    ended = subprocess.run(["virsh", "-q", *argv], capture_output=True, text=True, timeout=60)
    return ended.returncode == 0, ended.stdout.strip() + ended.stderr.strip()


def pings(ip, count, seconds, source=None):
    """How many of `count` echo requests, sent evenly within `seconds`, are answered."""
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    if source:
        raw.bind((source, 0))
    answered, begun = set(), time.monotonic()
    identity = os.getpid() & 0xFFFF
    sent = 0
    while time.monotonic() < begun + seconds + 2:
        if sent < count and time.monotonic() >= begun + sent * seconds / count:
            header = struct.pack("!BBHHH", 8, 0, 0, identity, sent)
            total = sum(struct.unpack("!4H", header))
            total = (total & 0xFFFF) + (total >> 16)
            raw.sendto(struct.pack("!BBHHH", 8, 0, ~total & 0xFFFF, identity, sent), (ip, 0))
            sent += 1
        if select.select([raw], [], [], 0.002)[0]:
            packet, (sender, _) = raw.recvfrom(2048)
            kind, _, _, theirs, sequence = struct.unpack("!BBHHH", packet[20:28])
            if kind == 0 and theirs == identity and sender == ip:
                answered.add(sequence)
    raw.close()
    return len(answered)


def download(server, megabytes):
    """Mbit/s that the machine gets from this host over a plain connection."""
    with socket.create_server(("10.77.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        fetch = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1]); import bench; "
             "s = bench.Server(int(sys.argv[2])); s.document['addresses'][0]['ip'] = sys.argv[3]; "
             "s.document['password'] = sys.argv[4]; print(s.ssh(sys.argv[5], seconds=200))",
             str(HERE), server.document["id"], server.ip, server.password,
             f"bash -c 'cat </dev/tcp/10.77.0.1/{port} | wc -c'"], stdout=subprocess.PIPE, text=True)
        listener.settimeout(120)
        connection, _ = listener.accept()
        begun = time.monotonic()
        with connection:
            connection.sendall(bytes(megabytes << 20))
            connection.shutdown(socket.SHUT_WR)
            # It closes when it has read all.
            connection.settimeout(180)
            connection.recv(1)
        seconds = time.monotonic() - begun
        check(fetch.communicate(timeout=60)[0].strip() == str(megabytes << 20), "not all of it arrived")
    return megabytes * 8 * 1.048576 / seconds


def run(step):
    """Runs a step of the proof, times it and tells of it. One that fails ends the proof: those after it build on it."""
    begun = time.monotonic()
    print(f"  {step.__name__} …", flush=True)
    told = step()
    took = time.monotonic() - begun
    print(f"✔ {took:6.1f} s  {step.__name__}" + (f": {told}" if told else ""), flush=True)


def elapsed():
    """Seconds since the start."""
    return time.monotonic() - STARTED
