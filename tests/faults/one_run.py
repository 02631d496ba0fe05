"""One run of a scenario: load, the fault, what customers see meanwhile, and the verdict."""
import json
import random
import shutil
import subprocess
import time
from collections import Counter

import checker
import program as vartai
import truth
from bed import Bed, Failed, until
from load import Load

# Customers before the fault that must have been served, so that there is something to lose.
WARM = 8
HEALED_WITHIN = 90.0
SETTLED_WITHIN = 180.0
# What is kept of a run that failed.
KEPT = ("*.log", "*.jsonl", "*/log", "*/*.log", "var/postgres.log")


class Run:
    """What a scenario's `strike` works with."""

    def __init__(self, scenario, seed, templates):
        self.scenario, self.seed, self.templates = scenario, seed, templates
        self.random = random.Random(f"{scenario.name} {seed}")
        self.bed = Bed()
        self.closing = []
        self.installation = self.load = None
        self.settled_within = SETTLED_WITHIN
        self.serves, self.workers, self.notes = [], [], {}
        self.asks = self.cluster = None

    def ask(self, text):
        """What a query answers, by the server that counts now."""
        return self.asks(text)

    def pause(self, least, most):
        """A seeded while, for the fault to last or the load to go on."""
        time.sleep(self.random.uniform(least, most))

    def begin(self, gateways=1, workers=1):
        """Starts the program and waits until it serves."""
        for number in range(1, gateways + 1):
            self.serves.append(self.installation.serve(number))
        for number in range(1, workers + 1):
            self.workers.append(self.installation.worker(number))
        for serve in self.serves:
            serve.ready()

    def call(self, logins, keys, pause=0.1):
        """Customers begin to call."""
        self.before = truth.mark(self.ask)
        ports = [serve.port for serve in self.serves]
        name = f"{self.scenario.name.replace('_', '-')[:45].strip('-')}-{self.seed}"
        self.load = Load(name, self.bed.dir / "journal.jsonl", keys, self.seed, ports, logins, pause)
        self.load.start()
        self.served(WARM)

    def served(self, more, seconds=HEALED_WITHIN):
        """Waits until so many more writes were acknowledged."""
        wanted = self.load.acknowledged() + more
        until(f"{more} more writes were acknowledged", lambda: self.load.acknowledged() >= wanted, seconds)

    def healed(self, seconds=HEALED_WITHIN):
        """Waits until customers are served again: the fault is over."""
        now = self.load.journal.now()
        until("a request sent after the fault was acknowledged", lambda: self.acknowledged_since(now), seconds)
        return self.load.journal.now() - now

    def acknowledged_since(self, moment):
        return any(intent["at"] > moment and said["kind"] == "SUCCESS" and intent["command"] != "getBalance"
                   for intent in list(self.load.journal.intents) for said in list(intent["answers"]))

    def conclude(self, healed=True):
        """Customers stop, everything under way ends, and the books are held against what was told."""
        self.load.stop()
        # Where nobody was served again, nothing more is to be expected.
        patience = self.settled_within if healed else 15
        self.load.settle(patience / 4)
        try:
            until("every task is over", lambda: truth.open_tasks(self.ask) == 0, patience, 0.2)
        except Failed as failed:
            self.load.errors.append(str(failed))
        found = truth.since(self.ask, self.before)
        verdict = checker.check(self.load.journal.intents, found)
        for error in self.load.errors:
            verdict.finds(f"the load: {error}")
        for intent in self.load.open():
            verdict.finds(f"never answered for good: {checker.described(intent)}")
        for line in vartai.verify(self.installation):
            verdict.finds(f"ledger verify: {line}")
        return verdict

    def meanwhile(self):
        """What else than success was answered, how often, and how slowly at the most."""
        counted, slowest = Counter(), {}
        for intent in self.load.journal.intents if self.load else []:
            for said in intent["answers"]:
                if said["kind"] not in ("SUCCESS", "http409"):
                    counted[said["kind"]] += 1
                    slowest[said["kind"]] = max(slowest.get(said["kind"], 0), said["took"])
        return {kind: [times, round(slowest[kind], 1)] for kind, times in sorted(counted.items())}

    def close(self, keep):
        for end in self.closing:
            end()
        if self.installation:
            for process in self.installation.processes:
                process.supervised = False
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            for place in [self.bed.dir, *([self.cluster.bed.dir] if self.cluster else [])]:
                for file in [file for kind in KEPT for file in place.glob(kind)]:
                    shutil.copy(file, keep / str(file.relative_to(place)).replace("/", "-"))
        self.bed.clear()


def strike(scenario, this):
    """The fault. What it waited for in vain is a finding, and the books are looked at all the same."""
    try:
        scenario.strike(this)
    except (Failed, subprocess.SubprocessError, OSError) as failed:
        return [str(failed)]
    return []


def run(scenario, seed, templates, keep=None):
    """Runs it, and tells what came of it as one flat document."""
    began = time.monotonic()
    this, findings, verdict = Run(scenario, seed, templates), [], checker.Verdict()
    try:
        scenario.set_up(this)
        findings = strike(scenario, this)
        verdict = this.conclude(healed=not findings)
        findings += scenario.judge(this, verdict)
    except (Failed, subprocess.SubprocessError, OSError) as failed:
        findings.append(str(failed))
    result = {
        "scenario": scenario.name, "seed": seed, "ok": not findings, "acknowledged": verdict.acknowledged,
        "lost": verdict.lost, "doubled": verdict.doubled, "gap": round(this.load.gap(), 1) if this.load else None,
        "answered": this.meanwhile(), "notes": this.notes, "findings": findings[:8],
        "took": round(time.monotonic() - began, 1),
    }
    place = keep / f"{scenario.name}-{seed}" if keep and findings else None
    this.close(place)
    if place:
        (place / "result.json").write_text(json.dumps(result, indent=1))
    return result
