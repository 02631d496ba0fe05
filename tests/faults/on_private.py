"""The private cluster, the gateway and the worker of one machine fail, or its disk is full."""
import contextlib
import os
import pathlib
import signal
import time

import bed
import postgres
from bed import Failed, until
from table import private, scenario


@scenario("the gateway is killed -9, and started again after a second", private(), quick=True)
def gateway_killed(run):
    run.serves[0].kill()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("the worker is killed -9, and started again after a second: its tasks go on once their leases are over",
          private())
def worker_killed(run):
    run.workers[0].kill()
    run.served(10)


@scenario("gateway and worker are killed -9 in the same moment", private())
def gateway_and_worker_killed(run):
    run.serves[0].kill()
    run.workers[0].kill()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("the gateway is restarted as by `systemctl restart`, under load", private())
def gateway_restarted(run):
    run.serves[0].restart()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("the postmaster of the private cluster is killed -9: whoever serves starts it again", private())
def private_postmaster_killed(run):
    bed.hit(postgres.postmaster(run.pg), signal.SIGKILL)
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("a backend of the private cluster is killed -9", private())
def private_backend_killed(run):
    pid = run.ask("select pid from pg_stat_activity where usename like 'vartai%live' and pid <> pg_backend_pid() "
                  "order by state = 'active' desc, random() limit 1")
    bed.hit(int(pid), signal.SIGKILL)
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("the postmaster alone is frozen for 3 to 8 s: no new sessions, the others work", private())
def private_postmaster_frozen(run):
    pid = postgres.postmaster(run.pg)
    bed.hit(pid, signal.SIGSTOP)
    run.pause(3, 8)
    bed.hit(pid, signal.SIGCONT)
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("gateway or worker is frozen for 2 to 40 s and goes on: longer than its leases, sometimes", private())
def program_frozen(run):
    frozen = run.random.choice([run.serves[0], run.workers[0]])
    frozen.signal(signal.SIGSTOP)
    run.pause(2, 40 if frozen is run.workers[0] else 8)
    frozen.signal(signal.SIGCONT)
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("power loss: gateway, worker and all of PostgreSQL are killed -9 at once, and all is started again",
          private())
def power_lost(run):
    for process in (*run.serves, *run.workers):
        process.supervised = False
    for pid in [*bed.descendants(postgres.postmaster(run.pg)), *(one.child.pid for one in run.serves + run.workers)]:
        bed.hit(pid, signal.SIGKILL)
    until("all are dead", lambda: not postgres.postmaster(run.pg))
    for process in (*run.serves, *run.workers):
        process.ended()
        process.start()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


def small_disk(run, data):
    run.bed.mount(data, 400)


def fill(place):
    """Takes all room there, and returns what gives it back."""
    ballast = pathlib.Path(place) / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        try:
            for size in (1 << 20, 1 << 12):
                while True:
                    try:
                        file.write(b"\0" * size)
                    except OSError:
                        break
        finally:
            os.fsync(file.fileno())
    return ballast


@scenario("the disk of the data directory is full for 3 to 8 s, then has room again", private(prepare=small_disk))
def disk_full(run):
    ballast = fill(run.bed.dir / "var")
    run.pause(3, 8)
    ballast.unlink()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


def small_log(run, _data):
    (run.bed.dir / "log").mkdir()
    run.bed.mount(run.bed.dir / "log", 16)


@scenario("the disk of the log is full for 5 s while the database is away: nothing can be logged, and much is to log",
          private(prepare=small_log))
def disk_of_the_log_full(run):
    ballast = fill(run.bed.dir / "log")
    for pid in bed.descendants(postgres.postmaster(run.pg)):
        bed.hit(pid, signal.SIGSTOP)
    time.sleep(5)
    for pid in reversed(bed.descendants(postgres.postmaster(run.pg))):
        bed.hit(pid, signal.SIGCONT)
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)
    ballast.unlink()


def small_wal(run, data):
    """A disk for `pg_wal` alone: it is moved there once the cluster's files are."""
    run.wal = run.bed.dir / "wal"
    run.bed.mount(run.wal, 96)


def used_up(run):
    """Has the next segment of WAL be written to, until there is none."""
    with contextlib.suppress(Failed):
        run.ask("select pg_switch_wal() from pg_logical_emit_message(false, 'faults', 'x')")
    return not postgres.postmaster(run.pg)


@scenario("the disk of the WAL is full: PostgreSQL ends by itself; then there is room again",
          private(prepare=small_wal))
def disk_of_the_wal_full(run):
    ballast = fill(run.wal)
    until("PostgreSQL has ended", lambda: used_up(run), 60)
    run.pause(1, 3)
    ballast.unlink()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)
