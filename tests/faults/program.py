"""The program as it is installed: `serve`, `worker` and the staff's commands, each by its own command line."""
import http.client
import json
import os
import signal
import threading
import time

import bed
from bed import Failed, until

CUSTOMERS = [f"c{number}" for number in range(1, 13)]
CREDIT = 1_000_000_00


class Installation:
    """A configuration, and where its data are."""

    def __init__(self, here, program, url=None):
        self.bed, self.program = here, program
        self.data = here.dir / "var"
        self.settings = {
            "DATA_DIR": str(self.data), "WORKER__CONCURRENCY": "16", "LOG__LEVEL": "info",
            "PROVISIONER__DESTRUCTIVE_PER_HOUR": "1000000",
        }
        if url:
            self.settings["DATABASE__URL"] = url
        self.processes = []

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("VARTAI_") or name == "VARTAI_PG_BIN"}
        return kept | {f"VARTAI_{name}": value for name, value in (self.settings | more).items()}

    def staff(self, *arguments, text=None, seconds=120.0):
        """What a staff's command answers; fails if it fails."""
        said = self.bed.run([self.program, *arguments, "--json"], environment=self.environment(), text=text,
                            seconds=seconds)
        return json.loads(said)

    def serve(self, number=1, *arguments, supervised=True):
        ports = {"HTTP__BIND": f"127.0.0.1:{8080 + number}", "HTTP__ADMIN_BIND": f"127.0.0.1:{9090 + number}"}
        started = Process(self, f"serve{number}", ["serve", *arguments], ports, supervised)
        started.port, started.admin = 8080 + number, 9090 + number
        self.processes.append(started)
        return started

    def worker(self, number=1, supervised=True):
        started = Process(self, f"worker{number}", ["worker"], {}, supervised)
        self.processes.append(started)
        return started

    def stop(self):
        for process in self.processes:
            process.supervised = False
        for process in self.processes:
            process.signal(signal.SIGTERM)
        for process in self.processes:
            process.ended(60)
        self.processes.clear()


class Process:
    """A process of the program. One that is supervised is started again a second after it ended, as systemd does."""

    def __init__(self, installation, name, arguments, ports, supervised):
        self.installation, self.name, self.supervised = installation, name, supervised
        self.command = [installation.program, *arguments]
        self.environment = installation.environment(**ports)
        # On a disk of its own, where a run has one for logs.
        logs = installation.bed.dir / "log"
        self.log = (logs if logs.is_dir() else installation.bed.dir) / f"{name}.log"
        self.child, self.starts = None, 0
        self.start()
        if supervised:
            threading.Thread(target=self._supervise, daemon=True).start()

    def start(self):
        self.starts += 1
        self.child = self.installation.bed.start(self.command, self.log, environment=self.environment)

    def _supervise(self):
        while self.supervised:
            if self.child.poll() is not None:
                time.sleep(1)
                if self.supervised:
                    self.start()
            time.sleep(0.05)

    def signal(self, number):
        if self.child.poll() is None:
            bed.hit(self.child.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)

    def ended(self, seconds=20.0):
        return until(f"{self.name} has ended", lambda: self.child.poll() is not None, seconds)

    def restart(self):
        """As `systemctl restart` does."""
        was, self.supervised = self.supervised, False
        self.signal(signal.SIGTERM)
        self.ended(90)
        self.start()
        self.supervised = was
        if was:
            threading.Thread(target=self._supervise, daemon=True).start()

    def ready(self, seconds=60.0):
        """Waits until it says that it is ready."""
        until(f"{self.name} is ready", self.says_ready, seconds)

    def says_ready(self):
        try:
            return fetch("127.0.0.1", self.admin, "/readyz", 3)[0] == 200
        except OSError:
            return False

    def logged(self):
        return self.log.read_text(errors="replace")


def fetch(host, port, path, seconds, form=None):
    """Status and body of a GET, or of a POST of a form."""
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {}
        connection.request("POST" if form is not None else "GET", path, body=form, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as lost:
        raise ConnectionResetError(f"{type(lost).__name__}: {lost}") from lost
    finally:
        connection.close()


def furnish(installation):
    """The demo's catalogue, and customers with a key, money and a user of `/json.php`; what they know is kept."""
    installation.staff("demo", "load")
    keys = {}
    for login in CUSTOMERS:
        installation.staff("customer", "add", login)
        keys[login] = installation.staff("key", "issue", login)["key"]
        installation.staff("balance", "deposit", login, f"{CREDIT // 100}.00")
        installation.staff("apiuser", "add", login, f"{login}api", "--password-stdin", text=f"{login}-api-password\n")
    (installation.bed.dir / "customers.json").write_text(json.dumps(keys))
    return keys


def verify(installation):
    """What `vartai ledger verify` finds; an error is a finding as well."""
    try:
        told = installation.staff("ledger", "verify")
    except Failed as failed:
        return [str(failed)]
    return [] if told["ok"] else [json.dumps(told)]
