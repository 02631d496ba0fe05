"""Running other programs: always as lists of arguments, always with a deadline, never through a shell."""

import json
import subprocess
import time

from .protocol import AgentSilent, Unreachable

# Seconds of the task's time that are kept for ending in order.
MARGIN = 5

# What virsh says when libvirtd is not there: nothing was sent. And when it went away: what was sent may have been done.
NOT_THERE = ("failed to connect", "Failed to connect", "Connection refused")
WENT_AWAY = ("End of file while reading data", "Cannot recv data", "Cannot write data", "client socket is closed")

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
        """`seconds`, or what is left if that is less. Fails when nothing is left: what came of the task is not known."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise Unreachable("the time for this is over")
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


def ended(argv, seconds, given=None):
    """A program that has ended. It is killed after `seconds`, which is `subprocess.TimeoutExpired`."""
    return subprocess.run(
        [str(part) for part in argv], input=given, stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True, timeout=seconds, env=ENVIRONMENT, cwd="/", encoding="utf-8", errors="replace",
        pass_fds=INHERITED,
    )


def run(argv, seconds, given=None):
    """What a program prints that ends with 0."""
    done = ended(argv, seconds, given)
    if done.returncode != 0:
        raise Failed(argv, done.returncode, done.stderr.strip())
    return done.stdout


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
        return self._call(argv, seconds, NOT_THERE + WENT_AWAY)

    def change(self, *argv, seconds=None):
        """A call that changes something."""
        self.before_change()
        self.touched = True
        return self._call(argv, seconds, NOT_THERE)

    def _call(self, argv, seconds, passing):
        seconds = self.clock.within(seconds or self.config.call_seconds)

        def called():
            try:
                return run(self._virsh(argv), self.clock.within(seconds)), ""
            except subprocess.TimeoutExpired:
                raise _too_slow(seconds) from None
            except Failed as failed:
                if not _has(failed.text, NOT_THERE + WENT_AWAY):
                    raise
                return None, failed.text

        return self._patiently(called, passing)

    def _patiently(self, call, passing):
        """What `call` returns first, which with it tells what libvirtd could not be reached for, if so.

        A libvirtd that is restarted, as an update does, is back in a moment: what is `passing` is asked again until then.
        """
        back = time.monotonic() + self.config.call_seconds
        while True:
            result, away = call()
            if not away:
                return result
            if not _has(away, passing) or time.monotonic() >= back:
                raise Unreachable("libvirt can't be reached" if _has(away, NOT_THERE) else "libvirt went away meanwhile")
            time.sleep(self.clock.within(0.5))

    def agent(self, domain, command, arguments=None, seconds=None, harmless=False):
        """What the machine's agent answers to a command. One that is `harmless` changes nothing and may come twice.

        The command goes to virsh on its standard input, since arguments can be read by anybody on the host and there
        are passwords in commands. In virsh's language all is literal between single quotes; JSON can do without them.
        """
        document = {"execute": command} if arguments is None else {"execute": command, "arguments": arguments}
        text = json.dumps(document, ensure_ascii=True).replace("'", "\\u0027")
        seconds = max(1, int(self.clock.within(seconds or self.config.agent_seconds)))
        line = f"qemu-agent-command --timeout {seconds} {domain} '{text}'\n"

        def called():
            allowed = self.clock.within(seconds + self.config.call_seconds)
            try:
                # Its exit code says nothing when its commands come from there.
                done = ended(self._virsh([]), allowed, line)
            except subprocess.TimeoutExpired:
                raise _too_slow(allowed) from None
            for printed in done.stdout.splitlines():
                start = printed.find('{"return"')
                # Where virsh echoes what it reads, the command is on a line of its own and has no "return".
                if start >= 0:
                    return json.loads(printed[start:])["return"], ""
            if "unable to execute QEMU agent command" in done.stderr:
                raise AgentRefused(done.stderr.strip())
            if _has(done.stderr, NOT_THERE + WENT_AWAY):
                return None, done.stderr
            # Not connected, not responding, no answer in time, not running: nobody is there to do it.
            raise AgentSilent()

        return self._patiently(called, NOT_THERE + WENT_AWAY if harmless else NOT_THERE)

    def _virsh(self, argv):
        return ["virsh", "-q", "-c", self.config.uri, *argv]


def _too_slow(seconds):
    return Unreachable(f"libvirt did not answer within {seconds:.0f} seconds")


def _has(text, signs):
    return any(sign in text for sign in signs)


class AgentRefused(Exception):
    """The agent answered that it could not do it."""
