"""The page says what was measured, and no more."""
import unittest

import bed
import patroni
import report
from scenarios import TABLE


class Page(unittest.TestCase):
    """docs/reliability.md, docs/reliability.tsv and the scenarios belong together."""

    def test_the_table_is_that_of_the_results(self):
        self.assertEqual(report.split()[1], report.table(TABLE, report.read()), "tests/faults/run --report writes it")

    def test_all_results_are_of_scenarios_that_there_are(self):
        self.assertEqual(set(report.read()) - set(TABLE), set())

    def test_no_seed_of_a_scenario_counts_twice(self):
        for name, runs in report.read().items():
            seeds = [run["seed"] for run in runs]
            self.assertEqual(len(seeds), len(set(seeds)), name)

    def test_each_scenario_has_a_group(self):
        self.assertEqual({one.group for one in TABLE.values()}, set(report.HEADINGS))


class Runbook(unittest.TestCase):
    """What the harness reads out of deploy/ha/README.md is there."""

    def test_each_procedure_has_commands(self):
        for heading in ("Looking", "Switchover", "A node comes back", "A node is copied anew", "etcd has no quorum"):
            self.assertTrue(patroni.procedure(heading), heading)

    def test_it_insists_on_what_keeps_acknowledged_orders(self):
        text = (bed.ROOT / "deploy/ha/patroni.yml").read_text()
        watchdog = "  mode: required\n  device: /dev/watchdog"
        for line in ("synchronous_mode: true", "synchronous_mode_strict: true", watchdog):
            self.assertIn(line, text)


if __name__ == "__main__":
    unittest.main()
