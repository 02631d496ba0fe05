"""Several hosts behind one hook, with programs that stand for theirs: python3 -B -m unittest discover -s tests/hypervisor"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HOOK = pathlib.Path(__file__).resolve().parents[2] / "deploy/hooks/libvirt-hosts"
PERSON, UNAVAILABLE = 77, 69

# A host as a directory: machines are files in it, `down` takes it away, `free_mb` is its memory, `told` what it was told.
HOST = r"""
import json, pathlib, sys
here, operation = pathlib.Path(sys.argv[1]), sys.argv[2]
request = json.load(sys.stdin)
if (here / "down").exists(): sys.exit(255)
with open(here / "told", "a") as told: told.write(operation + "\n")
result = {"t": "result", "task": request.get("task"), "node": here.name}
if operation == "probe":
    room = {"free_mb": int((here / "free_mb").read_text()), "free_gb": 99}
    result |= room | {"protocol": [1], "operations": ["create", "observe"]}
    print(json.dumps(result)); sys.exit()
machine, fence = here / request["server"]["id"], here / "fence"
if operation != "usage":
    if fence.exists() and request["fence"] < int(fence.read_text()): sys.exit(79)
    fence.write_text(str(request["fence"]))
if operation == "observe":
    assert request["server"].get("password") is None
    result |= {"state": "present", "machine": {}} if machine.exists() else {"state": "missing"}
elif operation == "create":
    machine.touch()
elif not machine.exists():
    sys.exit(10 if operation == "destroy" else 20)
elif operation == "destroy":
    machine.unlink()
print(json.dumps(result))
"""


class Hosts(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name)
        self.config = self.path / "hosts.toml"
        (self.path / "host.py").write_text(HOST)
        for name, free in (("a", 4000), ("b", 8000), ("c", 9000)):
            (self.path / name).mkdir()
            (self.path / name / "free_mb").write_text(str(free))
        self.configure("a", "b", c="open = false\n")
        self.fence = 0

    def configure(self, *names, **settings):
        text = f'state_dir = "{self.path}/remembered"\n'
        for name in (*names, *settings):
            command = json.dumps([sys.executable, str(self.path / "host.py"), str(self.path / name)])
            text += f"[hosts.{name}]\ncommand = {command}\n{settings.get(name, '')}"
        self.config.write_text(text)

    def run_(self, operation, server="31", ram_mb=512):
        """The code, and on which hosts there is a machine of the server afterwards."""
        size = {"vcpus": 1, "ram_mb": ram_mb, "disk_gb": 3}
        server = {"id": server, "size": size}
        self.fence += operation != "usage"
        fence = 0 if operation == "usage" else self.fence
        document = {"protocol": 1, "operation": operation, "task": "1", "fence": fence, "server": server}
        environment = {"PATH": "/usr/bin:/bin", "LIBVIRT_HOSTS_CONFIG": str(self.config)}
        text = json.dumps(document)
        done = subprocess.run([HOOK, operation], input=text, stdout=subprocess.PIPE, env=environment, text=True)
        self.said = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, "".join(name for name in "abc" if (self.path / name / server["id"]).exists())

    def told(self, name):
        told = self.path / name / "told"
        lines = told.read_text().split() if told.exists() else []
        told.unlink(missing_ok=True)
        return lines

    def test_a_new_machine_goes_where_there_is_room_and_stays_there(self):
        self.assertEqual(self.run_("create"), (0, "b"))
        (self.path / "a/free_mb").write_text("16000")
        for name in "abc":
            self.told(name)
        self.assertEqual(self.run_("create"), (0, "b"))
        self.assertEqual(self.run_("reboot"), (0, "b"))
        self.assertEqual((self.told("a"), self.told("b"), self.told("c")), ([], ["create", "reboot"], []))
        self.assertEqual(self.run_("create", server="32"), (0, "a"))
        self.assertEqual(self.run_("destroy"), (0, ""))
        self.assertEqual(self.run_("destroy")[0], 10)
        self.assertEqual(self.run_("reboot")[0], 20)
        self.assertEqual(self.run_("observe")[0], 20)

    def test_where_nothing_is_remembered_the_hosts_know(self):
        self.run_("create")
        (self.path / "remembered/31").unlink()
        self.assertEqual(self.run_("create"), (0, "b"))
        (self.path / "b/31").rename(self.path / "c/31")
        self.assertEqual(self.run_("reboot"), (0, "c"))
        (self.path / "remembered/31").unlink()
        self.assertEqual(self.run_("usage"), (0, "c"), "which has no fence")
        (self.path / "c/31").rename(self.path / "a/31")
        self.assertEqual(self.run_("observe"), (0, "a"))
        self.assertEqual((self.said[-1]["state"], self.said[-1]["node"]), ("present", "a"))

    def test_a_host_that_is_silent_may_have_it(self):
        (self.path / "a/down").touch()
        for operation in ("create", "observe", "destroy", "reboot"):
            self.assertEqual(self.run_(operation), (UNAVAILABLE, ""))
        (self.path / "a/down").unlink()
        self.run_("create")
        (self.path / "a/down").touch()
        self.assertEqual(self.run_("reboot"), (0, "b"), "what is known to be elsewhere does not wait for it")
        (self.path / "b/down").touch()
        self.assertEqual(self.run_("reboot"), (UNAVAILABLE, "b"))
        self.assertEqual(self.run_("observe"), (UNAVAILABLE, "b"))

    def test_a_try_that_comes_late_makes_no_second_one(self):
        (self.path / "b/down").touch()
        self.assertEqual(self.run_("create"), (UNAVAILABLE, ""))
        self.assertEqual((self.path / "a/fence").read_text(), "1", "a host that was asked knows the newest try")

    def test_two_of_one_server_are_left_to_staff(self):
        for name in "ab":
            (self.path / name / "31").touch()
        self.assertEqual(self.run_("reboot"), (PERSON, "ab"))

    def test_without_room_none_is_made(self):
        self.assertEqual(self.run_("create", ram_mb=8001), (PERSON, ""))
        self.configure(a="open = false\n")
        self.assertEqual(self.run_("create"), (PERSON, ""))

    def test_they_know_what_all_of_them_know_that_answer(self):
        (self.path / "a/down").touch()
        self.assertEqual(self.run_("probe")[0], 0)
        self.assertEqual(self.said[-1]["operations"], ["create", "observe"])
        for name in "bc":
            (self.path / name / "down").touch()
        self.assertEqual(self.run_("probe")[0], UNAVAILABLE)

    def test_a_configuration_that_is_wrong_is_left_to_staff(self):
        for text in ("", "[hosts]", '[hosts."a b"]\ncommand = ["x"]', "[hosts.a]", '[hosts.a]\ncommand = ["x"]\ncolour = 1'):
            self.config.write_text(text)
            with self.subTest(text=text):
                self.assertEqual(self.run_("observe")[0], PERSON)


if __name__ == "__main__":
    unittest.main()
