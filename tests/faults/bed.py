"""Where a run happens: a directory of its own, with every process that works in it; both are gone when the run ends.

The harness itself runs in namespaces of its own (`enter`): processes, mounts and network. So all ports are free, hosts
have addresses that can be switched off, and whatever it started ends with it, also when it is killed.
"""
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import time

INSIDE = "VARTAI_FAULTS_INSIDE"
ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORK = "10.77.0"


class Failed(Exception):
    """What a run waited for in vain, or a program that should have succeeded and did not."""


def enter():
    """Runs the program anew in namespaces of its own, unless it is there already. Ends with 77 where there are none."""
    if os.environ.get(INSIDE):
        if os.getpid() == 1:
            adopt()
        ready_network()
        ready_memory()
        return
    unshare = ["unshare", "--net", "--pid", "--ipc", "--mount", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare[1:1] = ["--user", "--map-current-user", "--keep-caps"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        print(f"there can be no namespaces here: {tried.stderr.strip()}", file=sys.stderr)
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", [*unshare, "/usr/bin/python3", "-B", *sys.argv])


def adopt():
    """The first process of a namespace gets those that lost their parents: it does nothing but take note of their ends.
    The harness goes on in its child."""
    child = os.fork()
    if child == 0:
        return
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def ready_network():
    """Loopback, and a wire that leads nowhere: what is sent to an address that is off is lost, and nobody says so."""
    quietly = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ip("link", "set", "lo", "up")
    if subprocess.run(["ip", "link", "show", "nowhere"], **quietly).returncode == 0:
        return
    ip("link", "add", "nowhere", "type", "veth", "peer", "name", "end")
    ip("link", "set", "nowhere", "arp", "off", "up")
    ip("link", "set", "end", "arp", "off", "up")
    ip("address", "add", f"{NETWORK}.254/24", "dev", "nowhere")


def ready_memory():
    """Memory of its own for what the runs write: the kernel takes it back with the namespace, however that ends."""
    if not os.path.ismount("/dev/shm/vartai-faults"):
        os.makedirs("/dev/shm/vartai-faults", exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "/dev/shm/vartai-faults"], check=True)


def ip(*arguments):
    told = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if told.returncode != 0:
        raise Failed(f"ip {' '.join(arguments)}: {told.stderr.strip()}")


def switch_on(address):
    """Gives this machine the address of a host."""
    ip("address", "replace", f"{address}/32", "dev", "lo")


def switch_off(address):
    """Nothing that is sent to it arrives or is answered any more."""
    with contextlib.suppress(Failed):
        ip("address", "del", f"{address}/32", "dev", "lo")


def until(what, condition, seconds=20.0, pause=0.02):
    """Asks `condition` until it is true, and returns what it says; fails with what it waited for."""
    deadline = time.monotonic() + seconds
    while True:
        said = condition()
        if said:
            return said
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(pause)


def service_user():
    """As whom PostgreSQL runs, which refuses to be root."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("postgres")


def programs():
    """Where PostgreSQL's programs are: where `vartai` finds them, too."""
    named = os.environ.get("VARTAI_PG_BIN")
    debian = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = [pathlib.Path(named)] if named else debian
    for place in places:
        if (place / "initdb").is_file():
            return place
    raise Failed("PostgreSQL's programs are not here (apt-get install postgresql)")


class Bed:
    """A directory, and the processes that work in it."""

    def __init__(self, base=None):
        base = base or pathlib.Path("/dev/shm/vartai-faults")
        self.dir = base / f"run-{time.time_ns()}"
        self.dir.mkdir(mode=0o755)
        self.mounts = []

    def make(self, name, owner=None):
        made = self.dir / name
        made.mkdir(mode=0o755, exist_ok=True)
        if owner:
            os.chown(made, owner.pw_uid, owner.pw_gid)
        return made

    def start(self, command, log, user=None, environment=None, cwd=None):
        """Starts a program in a session of its own, with what it says in a file."""
        with open(log, "ab") as out:
            return subprocess.Popen(
                [str(word) for word in command], cwd=cwd or self.dir, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, env=environment, **as_user(user))

    def run(self, command, user=None, environment=None, cwd=None, seconds=120.0, text=None):
        """Runs a program to its end, and returns what it says; fails with that if it fails."""
        done = subprocess.run(
            [str(word) for word in command], cwd=cwd or self.dir, capture_output=True, text=True, input=text,
            timeout=seconds, env=environment, **as_user(user))
        if done.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}: {done.returncode}: {done.stderr.strip()[-1500:]}")
        return done.stdout

    def mount(self, at, megabytes):
        """A file system of its own there, that can be filled up."""
        at.mkdir(parents=True, exist_ok=True)
        self.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "none", at])
        self.mounts.append(at)

    def inhabitants(self):
        """The processes that work here: everything that the harness starts does."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != os.getpid():
                with contextlib.suppress(OSError):
                    if pathlib.Path(os.readlink(f"/proc/{entry}/cwd")).is_relative_to(self.dir):
                        found.append(int(entry))
        return found

    def clear(self):
        """Ends what runs here, and removes it."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            inhabitants = self.inhabitants()
            for pid in inhabitants:
                hit(pid, signal.SIGCONT)
                hit(pid, signal.SIGKILL)
            if not inhabitants:
                break
            time.sleep(0.02)
        for at in reversed(self.mounts):
            subprocess.run(["umount", "--lazy", at], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def as_user(user):
    """What has a program run as another user."""
    if user is None or os.geteuid() != 0:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def hit(pid, number):
    """Sends a signal to a process, which may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def descendants(pid):
    """A process and all that come of it, parents first."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError):
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, next_ones = [], [pid]
    while next_ones:
        one = next_ones.pop()
        found.append(one)
        next_ones += children.get(one, [])
    return found
