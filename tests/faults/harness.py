#!/usr/bin/python3
"""The fault harness: real servers, real processes, real failures, and customers who remember what they were told.

tests/faults/run [NAME …] [--seeds 1-20] [--quick] [--program PATH] [--results FILE] [--keep DIRECTORY]
tests/faults/run --list
tests/faults/run --report      writes the table of docs/reliability.md anew, from docs/reliability.tsv
"""
import argparse
import faulthandler
import json
import pathlib
import signal
import sys

import bed
import report

# A run that takes longer has got stuck, whatever it waits for.
BOUND = 600


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; all of them without it")
    parser.add_argument("--seeds", default="1", help="one, or several as in 1-20: each scenario runs once with each")
    parser.add_argument("--quick", action="store_true", help="only those of plain ./test")
    parser.add_argument("--list", action="store_true", help="say which there are")
    parser.add_argument("--report", action="store_true", help="write the table of docs/reliability.md")
    parser.add_argument("--program", type=pathlib.Path, help="the program; without it the debug build of this tree")
    parser.add_argument("--source", default="", help="of which commit it is, for the results")
    parser.add_argument("--results", type=pathlib.Path, help="a line a run is added to this file")
    parser.add_argument("--keep", type=pathlib.Path, help="where journals and logs of runs are kept that failed")
    return parser.parse_args()


def chosen(options, table):
    unknown = [name for name in options.names if name not in table]
    if unknown:
        sys.exit(f"there is no scenario {unknown[0]}: tests/faults/run --list")
    names = options.names or [name for name, one in table.items() if one.quick or not options.quick]
    first, _, last = options.seeds.partition("-")
    # Seed by seed: who stops early has something of each.
    return [(table[name], seed) for seed in range(int(first), int(last or first) + 1) for name in names]


def main():
    from scenarios import TABLE
    options = arguments()
    if options.list:
        for one in TABLE.values():
            print(f"{one.name}{' (quick)' if one.quick else ''}\n    {one.what}")
        return 0
    if options.report:
        report.write(TABLE)
        return 0
    bed.enter()
    import one_run
    from templates import Templates
    program = (options.program or bed.ROOT / "target/debug/vartai").resolve()
    templates = Templates(program)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    failed = 0
    for scenario, seed in chosen(options, TABLE):
        faulthandler.dump_traceback_later(BOUND, exit=True)
        result = one_run.run(scenario, seed, templates, options.keep and options.keep.resolve())
        faulthandler.cancel_dump_traceback_later()
        failed += not result["ok"]
        line = json.dumps(result | {"source": options.source}, ensure_ascii=False)
        print(line, flush=True)
        if options.results:
            report.note(options.results, result, options.source)
    templates.close()
    print(f"{failed} failed" if failed else "all as it must be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
