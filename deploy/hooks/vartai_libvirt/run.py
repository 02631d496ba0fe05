"""Running other programs: always as lists of arguments, always with a deadline, never through a shell."""

import json
import subprocess
import time

from .protocol import UNAVAILABLE, AgentSilent, Failure, Unreachable

# Seconds of the task's time that are kept for ending in order.
MARGIN = 5

# Descriptors of locks that programs inherit: when the hook is killed and a program of it goes on, the lock stays taken.
INHERITED = []

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Clock:
    """The time that a request has."""

    def __init__(self, deadline):
        """`deadline` is in Unix seconds; without one there are ten minutes."""
        left = 600 if deadline is None else deadline - time.time()
        self.end = time.monotonic() + left - MARGIN

    def within(self, seconds):
        """`seconds`, or what is left if that is less. Fails with 75 when nothing is left."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise Failure(UNAVAILABLE, "the time for this is over")
        return min(seconds, left)

    def wait(self, seconds, condition, every=0.5):
        """Asks for `condition` until it holds. False when it has not come true within `seconds`."""
        end = time.monotonic() + self.within(seconds)
        while True:
            if value := condition():
                return value
            if time.monotonic() >= end:
                return False
            time.sleep(min(every, max(0.0, end - time.monotonic())))


class Failed(Exception):
    """A program that ended otherwise than with 0."""

    def __init__(self, argv, code, text):
        super().__init__(f"{argv[0]}: {text}")
        self.code = code
        self.text = text


def run(argv, seconds, given=None):
    """What a program prints. It is killed after `seconds`, which is `subprocess.TimeoutExpired`."""
    ended = subprocess.run(
        [str(part) for part in argv], input=given, stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True, timeout=seconds, env=ENVIRONMENT, cwd="/", encoding="utf-8", errors="replace",
        pass_fds=INHERITED,
    )
    if ended.returncode != 0:
        raise Failed(argv, ended.returncode, ended.stderr.strip())
    return ended.stdout


class Virsh:
    """Libvirt, through its command. What changes something is preceded by a look whether a newer task has come."""

    def __init__(self, config, clock, before_change):
        self.config = config
        self.clock = clock
        self.before_change = before_change
        # Whether anything may have been changed: what fails then is not "nothing was done".
        self.touched = False

    def ask(self, *argv, seconds=None):
        """A call that changes nothing."""
        return self._call(argv, seconds)

    def change(self, *argv, seconds=None):
        """A call that changes something."""
        self.before_change()
        self.touched = True
        return self._call(argv, seconds)

    def _call(self, argv, seconds, given=None):
        seconds = self.clock.within(seconds or self.config.call_seconds)
        try:
            return run(["virsh", "-q", "-c", self.config.uri, *argv], seconds, given)
        except subprocess.TimeoutExpired:
            raise Unreachable(f"libvirt did not answer within {seconds:.0f} seconds") from None
        except Failed as failed:
            if any(sign in failed.text for sign in ("failed to connect", "Failed to connect", "Connection refused")):
                raise Unreachable("libvirt can't be reached") from None
            raise

    def agent(self, domain, command, arguments=None, seconds=None):
        """What the machine's agent answers to a command.

        The command goes to virsh on its standard input, since arguments can be read by anybody on the host and there
        are passwords in commands. In virsh's language all is literal between single quotes; JSON can do without them.
        """
        document = {"execute": command} if arguments is None else {"execute": command, "arguments": arguments}
        text = json.dumps(document, ensure_ascii=True).replace("'", "\\u0027")
        seconds = max(1, int(self.clock.within(seconds or self.config.agent_seconds)))
        line = f"qemu-agent-command --timeout {seconds} {domain} '{text}'\n"
        try:
            printed = self._call([], seconds + self.config.call_seconds, line)
        except Failed as failed:
            raise _agent_failure(failed.text) from None
        for printed_line in printed.splitlines():
            start = printed_line.find('{"return"')
            # Where virsh echoes what it reads, the command is on a line of its own and has no "return".
            if start >= 0:
                return json.loads(printed_line[start:])["return"]
        raise AgentSilent()


class AgentRefused(Exception):
    """The agent answered that it could not do it."""


def _agent_failure(text):
    silent = ("not responding", "not connected", "is not running", "not configured", "unresponsive", "timeout")
    if any(sign in text for sign in silent):
        return AgentSilent()
    return AgentRefused(text)
