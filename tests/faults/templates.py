"""Installations that are made once for a program and copied for each run: making one takes longer than a run."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import bed
import postgres
import program as vartai


class Templates:
    """Made when they are first wanted, and kept in `target/faults` for this very program."""

    def __init__(self, program):
        self.program, self.cluster = program, None
        stamp = hashlib.sha256(f"{program.stat().st_mtime_ns} {program.stat().st_size}".encode())
        self.kept = program.parent.parent / "faults" / stamp.hexdigest()[:16]

    def patroni(self, make):
        """The cluster under Patroni, as it stays from run to run; one that is not well any more is made anew."""
        if self.cluster:
            try:
                self.cluster.well()
            except bed.Failed:
                self.close()
        self.cluster = self.cluster or make(self.program)
        return self.cluster

    def close(self):
        if self.cluster:
            self.cluster.close()
        self.cluster = None

    def get(self, kind):
        """The directory of a template: `url` is a server of its own, `private` a private cluster."""
        place = self.kept / kind
        if not (place / "customers.json").exists():
            here = bed.Bed()
            try:
                {"url": self._with_url, "private": self._private}[kind](here)
                shutil.rmtree(place, ignore_errors=True)
                place.parent.mkdir(parents=True, exist_ok=True)
                self._forget_others()
                subprocess.run(["cp", "-a", here.dir, place], check=True)
            finally:
                here.clear()
        return place

    def _forget_others(self):
        for other in self.kept.parent.iterdir():
            if other != self.kept and other.is_dir():
                shutil.rmtree(other, ignore_errors=True)

    def _with_url(self, here):
        server = postgres.Server(here, "db1", f"{bed.NETWORK}.1")
        server.initialise()
        server.configure(fsync="off")
        server.start()
        server.sql(f"create role {postgres.OWNER} login createdb createrole password '{postgres.PASSWORD}'")
        server.sql(f"create database {postgres.DATABASE} owner {postgres.OWNER}")
        installation = vartai.Installation(here, self.program, server.url())
        installation.staff("migrate")
        vartai.furnish(installation)
        server.stop()
        bed.switch_off(server.address)

    def _private(self, here):
        installation = vartai.Installation(here, self.program)
        vartai.furnish(installation)
        bed.until("its PostgreSQL has stopped", lambda: not postgres.postmaster(here.dir / "var/pg"), 30)


def customers(place):
    return json.loads((pathlib.Path(place) / "customers.json").read_text())


def copy(place, name, here, to=None):
    """Copies a part of a template into a run's directory."""
    target = to or here.dir / name
    os.makedirs(target.parent, exist_ok=True)
    subprocess.run(["cp", "-a", "-T", pathlib.Path(place) / name, target], check=True)
    return target
