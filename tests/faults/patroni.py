"""Three nodes with etcd, Patroni and PostgreSQL, made of the files in deploy/ha; procedures are those of its README."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import bed
import postgres
from bed import Failed, until
from watchdog import Watchdog

HA = bed.ROOT / "deploy/ha"
NAMES = ("db1", "db2", "db3")


class Node:
    """A machine: what runs on it, and its address."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.address = f"{bed.NETWORK}.{10 + int(name[-1])}"
        self.dir = cluster.bed.make(name, cluster.user)
        self.children = {}
        bed.switch_on(self.address)
        self.watchdog = Watchdog(self.dir / "watchdog", cluster.user, self.reset)
        self.config = self.fill("patroni.yml", self.dir / "config.yml")
        self.etcd = self.fill("etcd", self.dir / "etcd")

    def fill(self, template, to):
        """A file of deploy/ha, filled in as its README says."""
        addresses = {f"ADDRESS{number}": f"{bed.NETWORK}.{10 + number}" for number in (1, 2, 3)}
        values = addresses | {
            "NODE": self.name, "ADDRESS": self.address, "BIN": str(bed.programs()), "DATA": str(self.dir / "pg"),
            "ETCD_DATA": str(self.dir / "etcd-data"), "SOCKETS": str(self.dir), "NETWORK": f"{bed.NETWORK}.0/24",
            "SUPERUSER_PASSWORD": postgres.PASSWORD, "REPLICATION_PASSWORD": postgres.PASSWORD,
            "REWIND_PASSWORD": postgres.PASSWORD,
        }
        text = re.sub(r"@([A-Z0-9_]+)@", lambda found: values[found[1]], (HA / template).read_text())
        if template == "patroni.yml":
            text = self.with_watchdog(text)
        to.write_text(text)
        return to

    def with_watchdog(self, text):
        """The harness plays the device's part."""
        changed = text.replace("  mode: required\n  device: /dev/watchdog",
                               f"  mode: required\n  driver: testing\n  device: {self.dir}/watchdog")
        if changed == text:
            raise Failed("deploy/ha/patroni.yml does not insist on a watchdog")
        return changed

    def start(self, *units):
        for unit in units or ("etcd", "patroni"):
            if unit in self.children and self.children[unit].poll() is None:
                continue
            environment = {**os.environ, "PATH": f"{bed.programs()}:{os.environ['PATH']}"}
            if unit == "etcd":
                lines = [line for line in self.etcd.read_text().splitlines() if line and line[0] != "#"]
                environment |= dict(line.split("=", 1) for line in lines)
            command = ["etcd"] if unit == "etcd" else ["/usr/bin/patroni", self.config]
            self.children[unit] = self.cluster.bed.start(command, self.dir / f"{unit}.log", self.cluster.user,
                                                         environment=environment, cwd=self.dir)

    def stop(self, *units):
        """As `systemctl stop` does."""
        for unit in units:
            child = self.children.get(unit)
            if child and child.poll() is None:
                child.send_signal(signal.SIGTERM)
                until(f"{unit} of {self.name} has stopped", lambda gone=child: gone.poll() is not None, 60)

    def processes(self):
        """All of the machine's: they work in its directory."""
        found = []
        for pid in self.cluster.bed.inhabitants():
            with contextlib.suppress(OSError):
                if pathlib.Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(self.dir):
                    found.append(pid)
        return found

    def lose(self):
        """The machine is switched off."""
        bed.switch_off(self.address)
        for pid in self.processes():
            bed.hit(pid, signal.SIGKILL)
        for child in self.children.values():
            child.wait(10)
        self.watchdog.power_off()

    def power_on(self):
        bed.switch_on(self.address)

    def reset(self):
        """What its watchdog does; then it starts what it starts at each boot."""
        self.lose()
        self.power_on()
        self.start()

    def freeze(self):
        for pid in self.processes():
            bed.hit(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.processes():
            bed.hit(pid, signal.SIGCONT)

    def postmaster(self):
        return postgres.postmaster(self.dir / "pg")


class Cluster:
    """The three of them."""

    def __init__(self):
        self.bed, self.user = bed.Bed(), bed.service_user()
        self.nodes = {name: Node(self, name) for name in NAMES}
        self.make_tools()
        for node in self.nodes.values():
            node.start("etcd")
        until("etcd has a leader", self.etcd_is_well, 60, 0.2)
        self.nodes["db1"].start("patroni")
        until("the first node is leader", lambda: self.leader() == "db1", 120, 0.3)
        for name in ("db2", "db3"):
            self.nodes[name].start("patroni")
        self.well()
        for statement in statements("Setting up"):
            self.superuser(statement.replace("…", postgres.PASSWORD))

    def url(self):
        hosts = ",".join(f"{node.address}:5432" for node in self.nodes.values())
        return (f"postgres://vartai:{postgres.PASSWORD}@{hosts}/vartai"
                "?target_session_attrs=read-write&sslmode=disable")

    def superuser(self, text, database="postgres"):
        """What a statement answers on the server that takes writes."""
        hosts = ",".join(node.address for node in self.nodes.values())
        connection = f"host={hosts} user=postgres dbname={database} target_session_attrs=read-write connect_timeout=3"
        return self.bed.run([bed.programs() / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", connection, "-f", "-"],
                            text=text, environment={**os.environ, "PGPASSWORD": postgres.PASSWORD}).strip()

    def ask(self, text):
        return self.superuser(text, "vartai")

    def make_tools(self):
        """What the runbook calls, as it is on a node: `systemctl` reaches the node that NODE names."""
        tools = self.bed.make("tools")
        systemctl = tools / "systemctl"
        systemctl.write_text(f"#!/bin/sh\necho \"$NODE $*\" >>'{self.bed.dir}/units'\n")
        systemctl.chmod(0o755)

    def procedure(self, heading, **variables):
        """Runs a procedure of the runbook as it is written there, and returns what it says."""
        script = procedure(heading)
        units = self.bed.dir / "units"
        units.write_text("")
        said = []
        # Line by line, so that a unit is started where the runbook has it started.
        for line in script:
            here = {name: str(value) for name, value in variables.items()}
            path = f"{self.bed.dir}/tools:{bed.programs()}:{os.environ['PATH']}"
            line = line.replace("/etc/patroni/config.yml", str(self.config_of(here.get("NODE"))))
            done = subprocess.run(["sh", "-euc", line], env={**os.environ, **here, "PATH": path}, cwd=self.bed.dir,
                                  capture_output=True, text=True, timeout=120)
            if done.returncode != 0:
                raise Failed(f"{heading}: {line}: {done.returncode}: {(done.stdout + done.stderr)[-800:]}")
            said.append(done.stdout)
            self.obey(units)
        return "".join(said)

    def start_by_runbook(self, name):
        """The first command of "etcd has no quorum", on a node where etcd is not running."""
        subprocess.run(["sh", "-euc", procedure("etcd has no quorum")[0]], check=True, timeout=60,
                       env={**os.environ, "NODE": name, "PATH": f"{self.bed.dir}/tools:{os.environ['PATH']}"})
        self.obey(self.bed.dir / "units")

    def obey(self, units):
        """Does what `systemctl` was asked for."""
        for request in units.read_text().splitlines():
            name, action, *which = request.split()
            if action not in ("start", "stop"):
                raise Failed(f"the runbook asks for what the harness does not know: systemctl {action}")
            getattr(self.nodes[name], action)(*which)
        units.write_text("")

    def config_of(self, name):
        alive = [node for node in self.nodes.values() if node.children.get("patroni")]
        return (self.nodes[name] if name else alive[0]).config

    def members(self):
        """What `patronictl list` tells."""
        command = ["patronictl", "-c", self.config_of(None), "list", "-f", "json"]
        told = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        return json.loads(told.stdout) if told.returncode == 0 and told.stdout.strip() else []

    def etcd_is_well(self):
        ends = ",".join(f"http://{node.address}:2379" for node in self.nodes.values())
        told = subprocess.run(["etcdctl", "--endpoints", ends, "endpoint", "health"], capture_output=True, text=True,
                              env={**os.environ, "ETCDCTL_API": "3"}, timeout=60)
        return told.returncode == 0

    def of_role(self, role):
        return next((one["Member"] for one in self.members() if one["Role"] == role and one["State"] in (
            "running", "streaming")), None)

    def leader(self):
        return self.of_role("Leader")

    def synchronous(self):
        return self.of_role("Sync Standby")

    def is_well(self):
        members = self.members()
        roles = sorted(one["Role"] for one in members if one["State"] in ("running", "streaming"))
        lines = {one.get("TL") for one in members}
        return roles == ["Leader", "Replica", "Sync Standby"] and len(lines) == 1

    def well(self, seconds=120):
        """Waits until there are a leader, a synchronous standby and another one."""
        until("the cluster has a leader and two standbys", self.is_well, seconds, 0.3)

    def close(self):
        for node in self.nodes.values():
            node.watchdog.close()
            bed.switch_off(node.address)
        self.bed.clear()


def section(heading):
    """A section of the runbook."""
    text = (HA / "README.md").read_text()
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise Failed(f"deploy/ha/README.md has no section {heading!r}")
    return found[1]


def blocks(heading, language):
    return re.findall(rf"```{language}\n(.*?)```", section(heading), re.DOTALL)


def procedure(heading):
    """The lines of a section's commands, each with those that it goes on in."""
    text = "".join(blocks(heading, "sh")).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise Failed(f"deploy/ha/README.md: {heading!r} has no commands")
    return lines


def statements(heading):
    return [line for line in "".join(blocks(heading, "sql")).splitlines() if line.strip()]


