"""The part of a machine's watchdog, for Patroni's own driver for tests: a pipe in place of /dev/watchdog.

What Patroni does is its own code, as in production: that it insists on a watchdog, sets its time, feeds it. That a
watchdog of hardware or of the kernel resets the machine is taken for granted.
"""
import contextlib
import os
import threading
import time


class Watchdog:
    """Resets a machine that has not fed it for as long as it was told to wait."""

    def __init__(self, path, owner, reset):
        os.mkfifo(path, 0o600)
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        # Also for writing: it is there before Patroni opens it, and stays when Patroni closes it.
        self.pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.reset = reset
        self.working, self.ended = True, False
        self.timeout, self.fed = 60.0, None
        self.resets = 0
        self.lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while not self.ended:
            with self.lock:
                self._hear()
                due = self.working and self.fed and time.monotonic() - self.fed > self.timeout
            if due:
                self.reset()
                self.resets += 1
            time.sleep(0.05)

    def _hear(self):
        """`1` feeds it, `V` switches it off, `Ctimeout=25` and a line's end sets its time."""
        said = ""
        with contextlib.suppress(BlockingIOError):
            said = os.read(self.pipe, 4096).decode()
        for line in said.splitlines():
            before, _, seconds = line.partition("Ctimeout=")
            if seconds:
                self.timeout = float(seconds)
            self.fed = None if before.endswith("V") else time.monotonic()

    def power_off(self):
        """As of a machine without power: it waits for nobody."""
        with self.lock:
            self._hear()
            self.fed = None

    def close(self):
        self.ended = True
