"""The table of faults, and the installations that they befall."""
import dataclasses
import os
import shutil
from collections.abc import Callable

import bed
import postgres
import program as vartai
import templates
from link import Link

TABLE = {}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A fault. `quick` ones are in plain `./test`. What `judge` returns are findings: there must be none."""

    name: str
    what: str
    group: str
    set_up: Callable
    strike: Callable
    judge: Callable
    quick: bool = False


def scenario(what, set_up, quick=False, judge=None):
    """Puts a strike into the table, under its name."""
    def put(strike):
        group = strike.__module__.removeprefix("on_")
        TABLE[strike.__name__] = Scenario(strike.__name__, what, group, set_up, strike, judge or nothing_found, quick)
        return strike
    return put


def nothing_found(_run, verdict):
    return verdict.findings


def private(gateways=1, workers=1, callers=4, prepare=None):
    """A private cluster in a data directory, as `vartai serve` makes one."""
    def set_up(run):
        place = run.templates.get("private")
        data = run.bed.dir / "var"
        if prepare:
            prepare(run, data)
        templates.copy(place, "var", run.bed)
        run.pg = data / "pg"
        if hasattr(run, "wal"):
            move_wal(run.pg / "pg_wal", run.wal)
        run.asks = lambda text: run.bed.run(
            [bed.programs() / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", data / "run", "-U", "vartai", "vartai",
             "-f", "-"], text=text).strip()
        run.installation = vartai.Installation(run.bed, run.templates.program)
        started(run, place, gateways, workers, callers)
    return set_up


def move_wal(place, to):
    """As `initdb --waldir` has it: the WAL is elsewhere, and a link leads there."""
    owner = place.stat()
    shutil.copytree(place, to, dirs_exist_ok=True)
    for path in (to, *to.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)
    to.chmod(0o700)
    shutil.rmtree(place)
    place.symlink_to(to)


def linked(callers=4, workers=1):
    """A server by URL, reached through a link that can fail."""
    def set_up(run):
        place = run.templates.get("url")
        templates.copy(place, "var", run.bed)
        run.server = postgres.Server(run.bed, "db1", f"{bed.NETWORK}.1")
        run.server.copy(place / "db1/pg")
        run.server.configure()
        run.server.start()
        run.link = linked_to(run, run.server)
        run.asks = lambda text: run.server.sql(text, postgres.DATABASE)
        host, port = run.link.address
        url = run.server.url().replace(f"{run.server.address}:{run.server.port}", f"{host}:{port}")
        run.installation = vartai.Installation(run.bed, run.templates.program, url)
        started(run, place, 1, workers, callers)
    return set_up


def pair(synchronous=True, gateways=1, workers=1, callers=4):
    """A primary and a standby with a link between them, and the program on both by URL."""
    def set_up(run):
        place = run.templates.get("url")
        templates.copy(place, "var", run.bed)
        run.link = linked_to(run, None)
        run.pair = postgres.Pair(run.bed, place / "db1/pg", run.link, synchronous)
        run.closing += [lambda: bed.switch_off(run.pair.primary.address),
                        lambda: bed.switch_off(run.pair.standby.address)]
        run.asks = lambda text: run.pair.primary.sql(text, postgres.DATABASE)
        run.installation = vartai.Installation(run.bed, run.templates.program, run.pair.url())
        started(run, place, gateways, workers, callers)
    return set_up


def linked_to(run, server):
    link = Link(run.seed)
    run.closing.append(link.close)
    if server:
        link.lead((server.address, server.port))
    return link


def started(run, place, gateways, workers, callers):
    run.keys = templates.customers(place)
    run.begin(gateways, workers)
    run.call(vartai.CUSTOMERS[:callers], run.keys)
