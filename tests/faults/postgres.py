"""PostgreSQL servers of the harness's own: alone, or a primary with a standby; to be killed, frozen and promoted."""
import json
import os
import pathlib
import signal

import bed
from bed import Failed, until

PASSWORD = "faults"
OWNER = "owner"
DATABASE = "company"
BASIC = {
    "max_connections": 200, "ssl": "off", "wal_level": "replica", "max_wal_senders": 8,
    "hot_standby": "on", "wal_keep_size": "256MB", "shared_buffers": "64MB", "log_line_prefix": "'%m [%p] '",
    # What was told of is on the disk: the servers' own defaults.
    "fsync": "on", "synchronous_commit": "on",
}


class Server:
    """A server in a directory, at an address."""

    def __init__(self, here, name, address, port=5432):
        self.bed, self.name, self.address, self.port = here, name, address, port
        self.user = bed.service_user()
        self.dir = here.make(name, self.user)
        self.data = self.dir / "pg"
        self.child = None
        bed.switch_on(address)

    def program(self, name, *arguments, seconds=120.0):
        return self.bed.run([bed.programs() / name, *arguments], user=self.user, cwd=self.dir, seconds=seconds,
                            environment={**os.environ, "PGPASSWORD": PASSWORD})

    def copy(self, template):
        """Takes the files of a server that was stopped."""
        self.bed.run(["cp", "-a", template, self.data])

    def initialise(self):
        secret = self.dir / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self.program("initdb", "-D", self.data, f"--pwfile={secret}", "-U", "postgres", "--auth=scram-sha-256", "-N",
                     "-E", "UTF8", "--locale=C.UTF-8")
        with open(self.data / "pg_hba.conf", "a", encoding="utf-8") as access:
            access.write("host all all all scram-sha-256\nhost replication all all scram-sha-256\n")

    def configure(self, **settings):
        """Writes the server's configuration anew."""
        lines = [f"{name} = {value}\n" for name, value in {**BASIC, "port": self.port, **settings}.items()]
        lines.append(f"listen_addresses = '{self.address}'\n")
        lines.append(f"unix_socket_directories = '{self.dir}'\n")
        path = self.data / "postgresql.conf"
        path.write_text("".join(lines))

    def clone(self, primary, through):
        """Becomes a standby of a server, which is reached at `through` (address, port)."""
        address, port = through
        self.program("pg_basebackup", "-D", self.data, "-h", primary.address, "-p", primary.port, "-U", "postgres",
                     "-X", "stream", "-c", "fast")
        connection = f"host={address} port={port} user=postgres password={PASSWORD} application_name={self.name}"
        (self.data / "standby.signal").touch()
        self.configure(primary_conninfo=f"'{connection}'", wal_receiver_timeout="'5s'",
                       wal_retrieve_retry_interval="'200ms'")

    def start(self):
        self.child = self.bed.start([bed.programs() / "postgres", "-D", self.data], self.dir / "log", self.user,
                                    cwd=self.dir)
        until(f"{self.name} takes connections", self.answers, 60)

    def answers(self):
        try:
            return self.value("select 1") == 1
        except Failed:
            if self.child and self.child.poll() is not None:
                raise Failed(f"{self.name} ended: {(self.dir / 'log').read_text()[-1000:]}") from None
            return False

    def sql(self, text, database="postgres", seconds=30.0):
        """What a query answers, as superuser through the socket, as text."""
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-p", self.port, "-U", "postgres",
                   "-d", database, "-f", "-"]
        command[0] = bed.programs() / "psql"
        return self.bed.run(command, text=text, seconds=seconds,
                            environment={**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "3"}).strip()

    def value(self, text, database="postgres"):
        """What a query answers, of JSON."""
        return json.loads(self.sql(f"select to_json(q.v) from ({text}) q(v)", database) or "null")

    def postmaster(self):
        """The server's first process, if it runs."""
        return postmaster(self.data)

    def processes(self):
        pid = self.postmaster()
        return bed.descendants(pid) if pid else []

    def kill(self):
        """As a machine that loses its power: all processes at once, nothing is written any more."""
        for pid in self.processes():
            bed.hit(pid, signal.SIGKILL)
        until(f"{self.name} is dead", lambda: not self.postmaster())

    def freeze(self):
        for pid in self.processes():
            bed.hit(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in reversed(self.processes()):
            bed.hit(pid, signal.SIGCONT)

    def stop(self):
        pid = self.postmaster()
        if pid:
            bed.hit(pid, signal.SIGINT)
            until(f"{self.name} has stopped", lambda: not self.postmaster(), 60)

    def promote(self):
        """Makes a standby the primary, and waits until it takes writes."""
        self.program("pg_ctl", "promote", "-D", self.data, "-w", "-t", "60")

    def url(self, *others):
        """How `vartai` finds the one of these servers that takes writes."""
        hosts = ",".join(f"{one.address}:{one.port}" for one in (self, *others))
        return (f"postgres://{OWNER}:{PASSWORD}@{hosts}/{DATABASE}"
                "?target_session_attrs=read-write&sslmode=disable")


def postmaster(data):
    """The process that a data directory's server runs as, if it runs."""
    try:
        pid = int((pathlib.Path(data) / "postmaster.pid").read_text().splitlines()[0])
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        here = os.readlink(f"/proc/{pid}/cwd") == str(pathlib.Path(data).resolve())
    except (OSError, ValueError, IndexError):
        return None
    return pid if here and state != "Z" else None


class Pair:
    """A primary and a standby, with the link between them; `synchronous` or not."""

    def __init__(self, here, template, link, synchronous=True):
        self.primary = Server(here, "db1", f"{bed.NETWORK}.1")
        self.standby = Server(here, "db2", f"{bed.NETWORK}.2")
        self.primary.copy(template)
        self.primary.configure()
        self.primary.start()
        link.lead((self.primary.address, self.primary.port))
        self.standby.clone(self.primary, link.address)
        self.standby.start()
        until("the standby follows", lambda: self.standbys("streaming"), 30)
        if synchronous:
            self.primary.configure(synchronous_standby_names="'db2'")
            self.primary.sql("select pg_reload_conf()")
            until("the standby is synchronous", lambda: self.standbys("streaming", "sync"), 30)

    def standbys(self, state, kind=None):
        sync = f" and sync_state = '{kind}'" if kind else ""
        return self.primary.value(f"select count(*) from pg_stat_replication where state = '{state}'{sync}")

    def url(self):
        return self.primary.url(self.standby)

    def waiting(self):
        """Commits that wait for the standby."""
        return self.primary.value("select count(*) from pg_stat_activity where wait_event = 'SyncRep'")
