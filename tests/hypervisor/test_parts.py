"""The parts of the libvirt hook that need no hypervisor: python3 -B -m unittest discover -s tests/hypervisor"""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy/hooks"))

from vartai_libvirt import config, disks, domain, guest, machine, main, network, operations, protocol, run, store  # noqa: E402
from vartai_libvirt.protocol import Failure, Size  # noqa: E402

HOSTILE = [";reboot", "$(reboot)", "`reboot`", "a b", "a\nb", "-a", "a'b", 'a"b', "a{b}", "ąžuolas", "a" * 300, "", "a..b",
           "\u212a.lt"]


def request(operation="create", **server):
    document = {"protocol": 1, "operation": operation, "task": "1", "fence": 1, "server": {"id": "31"} | server}
    return protocol.read(operation, json.dumps(document), 2)


def made(**changes):
    return config.Config(storage_dir=pathlib.Path("/storage"), images={}, **changes)


class Requests(unittest.TestCase):
    def test_what_is_no_name_is_refused(self):
        for text in HOSTILE:
            for field in ("hostname", "id", "login"):
                with self.subTest(field=field, text=text), self.assertRaises(Failure) as caught:
                    request(**{field: text})
                self.assertEqual(caught.exception.code, protocol.IMPOSSIBLE)

    def test_what_is_no_request_is_refused(self):
        for text in ("", "{}", "[]", '{"protocol": 2}', '{"protocol": 1, "fence": "x"}', '{"protocol": 1, "fence": true}'):
            with self.subTest(text=text), self.assertRaises(Failure) as caught:
                protocol.read("create", text, 2)
            self.assertEqual(caught.exception.code, protocol.MALFORMED)

    def test_sizes(self):
        size = {"cpu_ghz": 5, "ram_mb": 512, "disk_gb": 3, "bandwidth_mbps": 4}
        self.assertEqual(request(size=size).size, Size(5, 3, 512, 3, 4))
        self.assertEqual(request(size=size | {"vcpus": 4}).size.vcpus, 4)
        for part in ("cpu_ghz", "ram_mb", "disk_gb"):
            for wrong in (0, -1, None):
                with self.subTest(part=part, wrong=wrong), self.assertRaises(Failure):
                    request(size=size | {part: wrong})

    def test_addresses(self):
        given = [{"ip": "192.0.2.10", "prefix": 24, "gateway": "192.0.2.1", "ptr": None}, {"ip": "2001:db8::1"}]
        self.assertEqual([one.prefix for one in request(addresses=given).addresses], [24, 128])
        for wrong in ({"ip": "192.0.2.10; drop"}, {"ip": "192.0.2.10", "prefix": 33}, {}, {"ip": "::1", "gateway": "x"}, 3):
            with self.subTest(wrong=wrong), self.assertRaises(Failure):
                request(addresses=[wrong])


class Definitions(unittest.TestCase):
    def test_a_mark_comes_back_as_it_was(self):
        for mark in (
            domain.Mark("31"),
            domain.Mark("31", 2, 3, 77, 4, False, "s31.example.com", 2.5, 1),
        ):
            text = domain.definition(made(), "31", "kvm", Size(2, 1, 512, 3, 4), "/a&<b>'\"/disk", mark)
            tree = ElementTree.fromstring(text)
            self.assertEqual(domain.mark_in(tree), mark)
            self.assertEqual(domain.disk_of(tree), "/a&<b>'\"/disk")

    def test_names_are_derived_and_differ(self):
        self.assertEqual(domain.uuid_of(made(), "31"), domain.uuid_of(made(), "31"))
        self.assertNotEqual(domain.uuid_of(made(), "31"), domain.uuid_of(made(site="other"), "31"))
        numbers = [str(number) for number in range(20000)]
        self.assertEqual(len({domain.mac_of(made(), number) for number in numbers}), 20000)
        for number in ("1", "9" * 13, "9" * 14, "a" * 32):
            self.assertLessEqual(len(domain.tap_of(number)), 15)


class Libvirt:
    """Libvirt with one machine that is off, and what it was told to do."""

    def __init__(self, definition, state="shut off (saved)"):
        self.definition = definition
        self.state = state
        self.clock = run.Clock(None)
        self.told = []

    def ask(self, verb, *_):
        return {"domstate": self.state, "dumpxml": self.definition}[verb]

    def change(self, verb, *_, **__):
        self.told.append(verb)
        if verb == "destroy" and self.state.startswith("shut off"):
            raise run.Failed(["virsh"], 1, "error: Requested operation is not valid: domain is not running")
        self.state = {"destroy": "shut off (destroyed)", "start": "running (booted)"}.get(verb, self.state)

    def agent(self, *_, **__):
        raise protocol.AgentSilent()

    def before_change(self):
        pass


class Machines(unittest.TestCase):
    def machine(self, name="vartai-31", state="shut off (saved)", **settings):
        text = domain.definition(made(), "31", "kvm", Size(2, 1, 512, 3, 4), "/disk", domain.Mark("31", 1))
        libvirt = Libvirt(text.replace("<name>vartai-31<", f"<name>{name}<"), state)
        return machine.Machine(made(**settings), libvirt, "31")

    def test_what_was_kept_of_its_memory_goes_when_it_is_switched_off(self):
        for switch_off in (machine.Machine.power_off, machine.Machine.shut_down):
            with self.subTest(switch_off=switch_off):
                ours = self.machine()
                switch_off(ours)
                self.assertEqual(ours.virsh.told[-1], "managedsave-remove")

    def test_one_that_has_been_renamed_is_left_to_staff(self):
        self.assertIsNotNone(self.machine().tree())
        with self.assertRaises(Failure) as caught:
            self.machine(name="customer").tree()
        self.assertEqual((caught.exception.code, caught.exception.public), (protocol.PERSON, machine.RENAMED))


    def parts(self, ours, operation, **server):
        """What an operation works with, of a machine without an agent."""
        kept = unittest.mock.Mock()
        kept.read.return_value = {}
        asked = request(operation, **server)
        return types.SimpleNamespace(config=ours.config, request=asked, server="31", clock=ours.clock, store=kept,
                                     virsh=ours.virsh, machine=ours, guest=guest.Guest(ours))

    def test_without_an_agent_what_only_it_can_do_is_not_done_and_says_so(self):
        for operation, server in (("reset_password", {"password": "secret-1"}), ("domain", {"hostname": "a.lt"})):
            ours = self.machine(state="running (booted)")
            with self.subTest(operation=operation), self.assertRaises(Failure) as caught:
                operations.OPERATIONS[operation](self.parts(ours, operation, **server))
            self.assertEqual(caught.exception.code, protocol.GUEST)
            self.assertIn("guest agent", caught.exception.public)
            self.assertEqual(ours.virsh.told, [], "nothing was done")

    def test_a_system_that_does_not_go_is_switched_off_and_started(self):
        ours = self.machine(state="running (booted)", reboot_grace_seconds=1, boot_seconds=1)
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            self.assertEqual(operations.reboot(self.parts(ours, "reboot")), 0)
        self.assertEqual(ours.virsh.told, ["shutdown", "destroy", "managedsave-remove", "start"])
        self.assertIn("did not shut down within 1 seconds: it is switched off", told.getvalue())

    def test_one_that_stands_still_over_a_full_storage_does_not_run(self):
        ours = self.machine(state="paused (I/O error)")
        self.assertFalse(ours.running())
        self.assertTrue(ours.active())
        for operation in ("reset_password", "domain", "flush_iptables"):
            with self.subTest(operation=operation), self.assertRaises(Failure) as caught:
                operations.OPERATIONS[operation](self.parts(ours, operation, password="secret-1", hostname="a.lt"))
            self.assertEqual(caught.exception.code, protocol.PERSON)
            self.assertIn("storage is full", caught.exception.public)


    def test_an_agent_that_falls_silent_over_a_full_storage_is_not_what_is_wrong(self):
        for state, code in (("paused (I/O error)", protocol.PERSON), ("running (booted)", protocol.GUEST)):
            inside = guest.Guest(self.machine(state=state))
            for act in (lambda: inside.set_password("root", "secret-1"), inside.grow):
                with self.subTest(state=state), self.assertRaises(Failure) as caught:
                    act()
                self.assertEqual(caught.exception.code, code)


class Libvirtd(unittest.TestCase):
    """What is asked of a libvirtd that is not there, or goes away."""

    AWAY = ["error: failed to connect to the hypervisor", "error: Cannot recv data: Connection reset by peer"]

    def virsh(self, *answers):
        """Libvirt, of which virsh says these one after the other: a text that it prints, or an error."""
        given = iter(answers)

        def ran(argv, seconds, text=None):
            said = next(given)
            failed = said.startswith("error")
            return subprocess.CompletedProcess(argv, int(failed), "" if failed else said, said if failed else "")

        patched = unittest.mock.patch.object(run, "ended", ran)
        patched.start()
        self.addCleanup(patched.stop)
        return run.Virsh(made(call_seconds=1), run.Clock(None), lambda: None)

    def test_one_that_is_restarted_is_asked_again(self):
        self.assertEqual(self.virsh(*self.AWAY, "running").ask("domstate", "x"), "running")
        self.assertEqual(self.virsh(self.AWAY[0], "done").change("start", "x"), "done")
        answer = '{"return": {}}'
        self.assertEqual(self.virsh(*self.AWAY, answer).agent("x", "guest-ping", harmless=True), {})
        self.assertEqual(self.virsh(self.AWAY[0], answer).agent("x", "guest-exec"), {})

    def test_what_it_may_have_done_already_is_not_asked_for_twice(self):
        for ask in (lambda virsh: virsh.change("start", "x"), lambda virsh: virsh.agent("x", "guest-exec")):
            with self.assertRaises(protocol.Unreachable):
                ask(self.virsh(self.AWAY[1], "never asked for"))

    def test_one_that_stays_away_is_not_waited_for(self):
        with self.assertRaises(protocol.Unreachable) as caught:
            self.virsh(*[self.AWAY[0]] * 9).ask("domstate", "x")
        self.assertEqual(caught.exception.code, protocol.UNAVAILABLE)

    def test_another_failure_is_none_of_these(self):
        with self.assertRaises(run.Failed):
            self.virsh("error: Domain not found").ask("domstate", "x")


class Storage(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)

    def disks(self, **changes):
        settings = config.Config(storage_dir=self.path, images={}, **changes)
        return disks.Disks(settings, run.Clock(None), Libvirt(""), "31")

    def names(self):
        return sorted(path.name for path in (self.path / "vartai-31").iterdir())

    def test_a_generation_goes_with_its_snapshots_and_all_goes_in_the_end(self):
        ours = self.disks()
        ours.directory.mkdir()
        for name in ("disk-g1.qcow2", "disk-g1.before", "disk-g2.qcow2", "disk-g2.after", "disk-g2.new", "notes"):
            (ours.directory / name).touch()
        ours.keep_only(2)
        self.assertEqual(self.names(), ["disk-g2.after", "disk-g2.qcow2", "notes"])
        ours.remove(2)
        self.assertEqual(self.names(), ["notes"])
        ours.remove_all()
        self.assertFalse(ours.directory.exists())
        ours.remove_all()

    def test_a_disk_that_finds_no_room_takes_none_and_leaves_the_old_one(self):
        def no_room(argv, _):
            if argv[1] == "info":
                return '{"virtual-size": 1}'
            argv[-2].write_text("half of it")
            raise run.Failed(argv, 1, "qemu-img: Could not write: No space left on device")

        ours = self.disks(least_free_gb=0)
        ours.directory.mkdir()
        ours.path(1).touch()
        with unittest.mock.patch.object(disks, "run", no_room), self.assertRaises(Failure) as caught:
            ours.make(self.path / "template", 2, 3)
        self.assertEqual(caught.exception.code, protocol.PERSON)
        self.assertIn("storage is full", caught.exception.public)
        self.assertEqual(self.names(), ["disk-g1.qcow2"])

    def test_a_storage_that_is_nearly_full_gets_no_more_disks(self):
        with self.assertRaises(Failure) as caught:
            self.disks(least_free_gb=1 << 40).make(self.path / "template", 1, 3)
        self.assertEqual(caught.exception.code, protocol.PERSON)
        self.assertEqual(list(self.path.iterdir()), [])


class Ends(unittest.TestCase):
    def test_it_says_that_nothing_was_done_only_if_nothing_was(self):
        text = json.dumps({"protocol": 1, "server": {"id": "31"}, "deadline": 1})
        for touched, code in ((False, protocol.UNAVAILABLE), (True, protocol.FAILED)):

            def late(parts, touched=touched):
                parts.virsh.touched = touched
                parts.clock.within(1)

            with (
                self.subTest(touched=touched), contextlib.redirect_stdout(io.StringIO()),
                unittest.mock.patch.object(main, "_run", late), unittest.mock.patch.object(main.configuration, "load", made),
                unittest.mock.patch("sys.stdin", io.StringIO(text)),
            ):
                self.assertEqual(main.main(["libvirt", "reboot"]), code)


class Rules(unittest.TestCase):
    def test_no_limit_is_no_rule(self):
        wanted = {"addresses": None, "firewall": dict.fromkeys(protocol.LIMITS, 0), "bandwidth_mbps": 40, "mode": "libvirt"}
        self.assertNotIn("limit rate", network.rules(made(), "31", wanted))
        for name in protocol.LIMITS:
            limited = network.rules(made(), "31", wanted | {"firewall": {name: 7}})
            rule = "size 7;" if name == "connlimit" else f'over 7/second burst 5 packets counter drop comment "{name}"'
            self.assertIn(rule, limited)

    def test_what_hides_addresses_goes_before_they_are_looked_at(self):
        wanted = {"firewall": {}, "bandwidth_mbps": None, "mode": "none", "addresses": []}
        lines = network.rules(made(), "31", wanted).splitlines()
        self.assertLess(lines.index("ether type != { arp, ip, ip6 } counter drop"),
                        lines.index("ether type ip ip saddr != @own4 counter drop"))
        self.assertNotIn("counter drop", network.rules(made(anti_spoofing=False), "31", wanted))

    def test_no_addresses_and_none_known_are_two_things(self):
        wanted = {"firewall": {}, "bandwidth_mbps": None, "mode": "none"}
        self.assertNotIn("@own4", network.rules(made(), "31", wanted | {"addresses": None}))
        held = network.rules(made(), "31", wanted | {"addresses": []})
        self.assertIn("ip saddr != @own4 counter drop", held)
        self.assertNotIn("elements", held)


class Fences(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.config = made(state_dir=pathlib.Path(self.directory.name), lock_seconds=0)

    def test_an_older_one_is_refused_and_one_at_work_notices(self):
        older, newer = store.Store(self.config, "31"), store.Store(self.config, "31")
        older.enter(5)
        older.check_fence()
        newer.enter(6)
        for refused in (older.check_fence, lambda: store.Store(self.config, "31").enter(5)):
            with self.assertRaises(Failure) as caught:
                refused()
            self.assertEqual(caught.exception.code, protocol.FENCED)
        newer.forget()
        with self.assertRaises(Failure):
            store.Store(self.config, "31").enter(5)

    def test_one_run_at_a_time(self):
        one, other = store.Store(self.config, "31"), store.Store(self.config, "31")
        one.enter(5)
        other.enter(5)
        with one.lock(), self.assertRaises(Failure) as caught, other.lock():
            pass
        self.assertEqual(caught.exception.code, protocol.NOT_NOW)
        with other.lock():
            pass


class Configuration(unittest.TestCase):
    def test_the_example_is_accepted_and_shows_the_defaults(self):
        path = pathlib.Path(__file__).resolve().parents[2] / "deploy/hooks/libvirt.toml.example"
        text = path.read_text()
        shown = config._checked(config.tomllib.loads(text))
        uncommented = "\n".join(line[1:] if line[:1] == "#" and line[1:2].isalpha() else line for line in text.splitlines())
        all_keys = config.tomllib.loads(uncommented)
        names = {field.name for field in config.dataclasses.fields(config.Config)}
        self.assertEqual(set(all_keys), names)
        for name in names - {"node", "dns", "ptr_command", "images"}:
            self.assertEqual(str(all_keys[name]), str(getattr(shown, name)), name)

    def test_what_is_no_key_is_refused(self):
        for wrong in ({"storage_dir": "/s", "colour": "red"}, {"storage_dir": "s"}, {}, {"storage_dir": "/s", "clone": "x"},
                      {"storage_dir": "/s", "images": {"a": {"file": "x", "sha256": "0"}}}):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                config._checked(wrong)


class Lines(unittest.TestCase):
    def test_each_is_one_json_document(self):
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            protocol.say("two\nlines")
            protocol.answer(request(), "node")
        lines = told.getvalue().splitlines()
        self.assertEqual([json.loads(line)["t"] for line in lines], ["log", "result"])


if __name__ == "__main__":
    unittest.main()
