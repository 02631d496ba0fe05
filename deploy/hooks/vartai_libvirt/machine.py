"""A machine in libvirt: finding it, its power, and its mark."""

import dataclasses
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

from . import domain
from .protocol import FAILED, GUEST, IMPOSSIBLE, PERSON, AgentSilent, Failure, say
from .run import AgentRefused, Failed

FOREIGN = "a machine of this name is not ours: nothing is done to it"
RENAMED = "the machine was given another name on its host: nothing is done to it"


class Machine:
    """The machine of one server."""

    def __init__(self, config, virsh, server):
        self.config = config
        self.virsh = virsh
        self.clock = virsh.clock
        self.server = server
        self.name = domain.name_of(config, server)
        self.uuid = domain.uuid_of(config, server)

    def tree(self, inactive=False):
        """Its definition; None when there is no machine. 77 when there is one that is not ours, or not as we named it."""
        flags = ["--inactive"] if inactive else []
        found = self._definition(self.uuid, *flags)
        if found is None:
            if self._definition(self.name) is not None:
                raise Failure(PERSON, FOREIGN)
            return None
        mark = domain.mark_in(found)
        if mark is None or mark.id != self.server:
            raise Failure(PERSON, FOREIGN)
        if found.findtext("name") != self.name:
            raise Failure(PERSON, RENAMED)
        return found

    def _definition(self, key, *flags):
        try:
            return ElementTree.fromstring(self.virsh.ask("dumpxml", key, *flags))
        except Failed as failed:
            if "Domain not found" in failed.text or "failed to get domain" in failed.text:
                return None
            raise

    def definition(self):
        """Its definition as text, as it will be started next."""
        return self.virsh.ask("dumpxml", self.uuid, "--inactive")

    def mark(self):
        """Our mark as it stands; None when there is no machine."""
        tree = self.tree(inactive=True)
        return None if tree is None else domain.mark_in(tree)

    def remark(self, **changes):
        """Changes our mark, for now and for later starts."""
        mark = dataclasses.replace(self.mark(), **changes)
        scope = ["--config", "--live"] if self.active() else ["--config"]
        self.virsh.change(
            "metadata", self.uuid, "--uri", domain.NAMESPACE, "--key", domain.PREFIX, "--set", mark.xml(), *scope
        )
        return mark

    def define(self, xml):
        """Defines it anew."""
        with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as file:
            file.write(xml)
            file.flush()
            # The first after libvirtd's start asks the emulator what it can do.
            self.virsh.change("define", file.name, seconds=60)

    def state(self):
        """Its state and why, in virsh's words: `running (booted)`."""
        return self.virsh.ask("domstate", self.uuid, "--reason").strip()

    def active(self):
        """Whether there is a process of it, be it paused."""
        return not self.state().startswith("shut off")

    def running(self):
        """Whether it runs. One that libvirt has stopped because its storage is full does not."""
        return self.state().startswith("running")

    def check_storage(self):
        """Fails when it stands still because of its storage: only staff can make room."""
        state = self.state()
        if state.startswith("paused") and "I/O error" in state:
            raise Failure(PERSON, "the machine stands still: its storage is full or broken")
        if state.startswith("crashed"):
            raise Failure(FAILED, "the machine's system has crashed")

    def start(self):
        """Starts it, unless it is suspended. True when it ran not yet."""
        mark = self.mark()
        if not mark.startable:
            raise Failure(IMPOSSIBLE, "the server is suspended: it may not be started")
        state = self.state()
        if state.startswith("running"):
            return False
        if not state.startswith("shut off"):
            # Paused, crashed or half saved: nothing to go on with.
            self.power_off()
        self.virsh.change("start", self.uuid, seconds=60)
        return True

    def power_off(self):
        """Switches it off at once, for good: what was kept of its memory is dropped too."""
        try:
            self.virsh.change("destroy", self.uuid, seconds=60)
        except Failed as failed:
            if "not running" not in failed.text:
                raise
        self.drop_memory()

    def drop_memory(self):
        """Drops what `virsh managedsave` has kept of the memory of a machine that is off.

        It would be started from that: with the size and the disk that it had then, and not with those that it has now.
        """
        self.virsh.change("managedsave-remove", self.uuid)

    def shut_down(self, grace=None):
        """Asks its system to end; switches it off when it does not. Says which it was."""
        grace = grace or self.config.shutdown_grace_seconds
        if not self.active():
            self.drop_memory()
            return
        try:
            self.virsh.change("shutdown", self.uuid, "--mode", "acpi")
            if self.clock.wait(grace, lambda: not self.active()):
                say("the system has shut down")
                return
            say(f"the system did not shut down within {grace} seconds: it is switched off")
        except Failed:
            say("the system can't be asked to shut down: it is switched off")
        self.power_off()

    def autostart(self, wanted):
        """Whether it starts with the host."""
        self.virsh.change("autostart", self.uuid, *([] if wanted else ["--disable"]))

    def answers(self, seconds=None):
        """Whether the agent answers."""
        try:
            self.virsh.agent(self.uuid, "guest-ping", seconds=seconds or 5, harmless=True)
            return True
        except (AgentSilent, AgentRefused, subprocess.TimeoutExpired):
            return False

    def wait_for_agent(self, seconds=None):
        """Waits until the system is up, which the agent tells. Fails when it is not up in time or stands still."""
        seconds = seconds or self.config.boot_seconds

        def up():
            self.check_storage()
            if not self.active():
                raise Failure(FAILED, "the machine went off while its system was to boot")
            return self.answers(3)

        if not self.clock.wait(seconds, up, every=1):
            raise Failure(FAILED, f"the system was not up within {seconds} seconds")

    def need_running(self):
        """Fails when there is no machine or it does not run."""
        if not self.running():
            self.check_storage()
            raise Failure(GUEST, "the machine does not run")
