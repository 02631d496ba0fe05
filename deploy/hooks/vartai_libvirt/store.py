"""What the hook keeps of a server on the host: its lock, the newest fence seen, and what its tap is to let through."""

import contextlib
import fcntl
import json
import os
import pathlib
import time

from . import run
from .protocol import FENCED, NOT_NOW, Failure


class Store:
    """The directory of one server in `state_dir`."""

    def __init__(self, config, server):
        self.path = config.state_dir / "servers" / server
        self.config = config
        self.fence = 0

    def make(self):
        """Makes the directory."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def enter(self, fence):
        """Notes the fence of the task, at once, so that an older one that still runs sees it. 79 when it is older."""
        self.make()
        self.fence = fence
        with _flock(self.path / "fence.lock", 10):
            seen = self._seen()
            if fence < seen:
                raise Failure(FENCED, "a newer task has been at this machine")
            if fence > seen:
                write(self.path / "fence", str(fence))

    def check_fence(self):
        """Fails with 79 when a newer task has come meanwhile."""
        if self._seen() > self.fence:
            raise Failure(FENCED, "a newer task has come to this machine")

    def _seen(self):
        try:
            return int((self.path / "fence").read_text())
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def lock(self):
        """One run at a time for a server; 75 when another goes on for too long."""
        with _flock(self.path / "lock", self.config.lock_seconds) as descriptor:
            run.INHERITED.append(descriptor)
            # What ran until now may have been for a newer task.
            self.check_fence()
            yield

    def read(self, name, default=None):
        """The document kept as `name`."""
        try:
            return json.loads((self.path / f"{name}.json").read_text())
        except FileNotFoundError:
            return default

    def keep(self, name, document):
        """Keeps a document as `name`."""
        write(self.path / f"{name}.json", json.dumps(document))

    def drop(self, name):
        """Drops the document kept as `name`."""
        (self.path / f"{name}.json").unlink(missing_ok=True)

    def forget(self):
        """Removes all but the fence: a task that was thought dead may come after the server's end."""
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path.name not in ("fence", "fence.lock", "lock"):
                path.unlink()


def write(path, text):
    """Writes a file so that there is the old one or the new one, whatever happens."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_directory(path.parent)


def sync_directory(path):
    """Makes what was made, renamed and removed in a directory last through a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _flock(path, seconds):
    # Locks end with the processes that have them, however they end.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise Failure(NOT_NOW, "another task is at this machine") from None
                time.sleep(0.1)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def host_lock(config, name, seconds):
    """One at a time on this host."""
    config.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _flock(pathlib.Path(config.state_dir) / f"{name}.lock", seconds):
        yield
