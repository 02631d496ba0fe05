"""What came of the runs: a line a run in docs/reliability.tsv, and out of it the table of docs/reliability.md."""
import csv
import pathlib
from collections import defaultdict

import bed

RESULTS = bed.ROOT / "docs/reliability.tsv"
PAGE = bed.ROOT / "docs/reliability.md"
COLUMNS = ("scenario", "seed", "source", "right", "acknowledged", "lost", "doubled", "gap", "answered")
BEGIN, END = "<!-- the table: tests/faults/run --report -->\n", "<!-- the end of the table -->\n"
HEADINGS = {"pair": "A primary and its standby", "link": "Database and network", "private": "One machine",
            "patroni": "Three nodes under Patroni", "controls": "Controls: what must be found out"}
WORDS = {"refused": "refused", "lost": "cut off", "http503": "503"}


def note(path, result, source):
    """Adds a run's line to a file."""
    new = not pathlib.Path(path).exists()
    answered = " ".join(f"{kind}:{times}:{slowest}" for kind, (times, slowest) in result["answered"].items())
    right = "yes" if result["ok"] else "no"
    with open(path, "a", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, delimiter="\t", lineterminator="\n")
        if new:
            lines.writerow(COLUMNS)
        lines.writerow([result["scenario"], result["seed"], source, right, result["acknowledged"], result["lost"],
                        result["doubled"], result["gap"], answered])


def read(path=RESULTS):
    """All runs of a file, by scenario."""
    runs = defaultdict(list)
    with open(path, encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            runs[line["scenario"]].append(line)
    return runs


def answers(runs):
    """What was answered meanwhile, each with the slowest of its answers."""
    slowest = {}
    for run in runs:
        for word in run["answered"].split():
            kind, _, seconds = word.split(":")
            slowest[kind] = max(slowest.get(kind, 0.0), float(seconds))
    told = [f"{WORDS.get(kind, f'code {kind}')} ({seconds:.1f} s)" for kind, seconds in sorted(slowest.items())]
    return ", ".join(told) or "nothing else"


def row(scenario, runs):
    def total(column):
        return sum(int(run[column]) for run in runs)
    if not runs:
        return f"| `{scenario.name}` | {scenario.what} | not run | | | | | |"
    right = sum(run["right"] == "yes" for run in runs)
    count = str(len(runs)) if right == len(runs) else f"{len(runs)}, **{right} right**"
    gaps = sorted(float(run["gap"]) for run in runs if run["gap"])
    gap = f"{gaps[len(gaps) // 2]:.1f}, {gaps[-1]:.1f}" if gaps else ""
    return (f"| `{scenario.name}` | {scenario.what} | {count} | {total('acknowledged')} | {total('lost')} | "
            f"{total('doubled')} | {gap} | {answers(runs)} |")


def table(scenarios, runs):
    """The page's table, of all scenarios that there are."""
    lines = []
    for group, heading in HEADINGS.items():
        lines += [f"### {heading}", "", "| scenario | what fails | runs | acknowledged | lost | doubled | "
                  "longest gap, s: median, worst | answered meanwhile (the slowest) |",
                  "|---|---|--:|--:|--:|--:|--:|---|"]
        lines += [row(one, runs[one.name]) for one in scenarios.values() if one.group == group]
        lines.append("")
    return "\n".join(lines) + "\n"


def split():
    """The page before its table, the table, and what comes after it."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    within, _, after = rest.partition(END)
    return before, within, after


def write(scenarios):
    before, _, after = split()
    PAGE.write_text(before + BEGIN + table(scenarios, read()) + END + after, encoding="utf-8")
