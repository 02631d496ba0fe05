"""Templates and the disks made from them."""

import hashlib
import json
import os
import re
import shutil

from . import domain, store
from .protocol import FAILED, IMPOSSIBLE, PERSON, Failure
from .run import Failed, run

GB = 1 << 30
# A disk, and what snapshots beside it are called by libvirt: disk-g1.NAME.
DISK = re.compile(r"disk-g([0-9]+)\..+")
# Copying a template or a whole disk may take this long.
COPY_SECONDS = 1800


class Disks:
    """The disks of one server: a directory of its own in `storage_dir`, one file for each generation."""

    def __init__(self, config, clock, virsh, server):
        self.config = config
        self.clock = clock
        self.virsh = virsh
        self.directory = config.storage_dir / domain.name_of(config, server)

    def path(self, generation):
        """The file of a generation."""
        return self.directory / f"disk-g{generation}.qcow2"

    def template(self, image):
        """The file to make disks of an image from: our own copy, which nobody changes under the disks that need it.

        It is named by its checksum, which is checked when it is copied. Fails before anything of the server is touched.
        """
        if image is None or image not in self.config.images:
            raise Failure(IMPOSSIBLE, f"there is no image {image or 'named'} on this host")
        wanted = self.config.images[image]
        kept = self.config.storage_dir / ".templates" / f"{wanted.sha256}.qcow2"
        with store.host_lock(self.config, f"template-{wanted.sha256[:16]}", self.clock.within(COPY_SECONDS)):
            if not _vouched(kept):
                self._import(image, wanted, kept)
        return kept

    def _import(self, image, wanted, kept):
        _passable(kept.parent)
        copy = kept.with_suffix(".new")
        try:
            run(["cp", "--reflink=auto", "--", wanted.file, copy], self.clock.within(COPY_SECONDS))
            with open(copy, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
        except (Failed, OSError):
            raise Failure(PERSON, f"the template of {image} can't be read") from None
        if found != wanted.sha256:
            copy.unlink()
            raise Failure(PERSON, f"the template of {image} is not the one that it should be")
        copy.chmod(0o444)
        # A template that names another file would let that file be read: one that is whole by itself only.
        if "backing-filename" in self._info(copy) or self._info(copy)["format"] != "qcow2":
            copy.unlink()
            raise Failure(PERSON, f"the template of {image} is not a whole qcow2 file")
        copy.rename(kept)
        store.sync_directory(kept.parent)
        store.write(kept.with_suffix(".ok"), json.dumps(_stamp(kept)))

    def make(self, template, generation, size_gb):
        """Makes the disk of a generation anew. There is a whole one or none, also when this is killed."""
        # Disks grow while they are written to: what is free now is for those that there are.
        if shutil.disk_usage(self.config.storage_dir).free < self.config.least_free_gb * GB:
            raise Failure(PERSON, "the host's storage is nearly full: no more disks are made on it")
        self.virsh.before_change()
        self.virsh.touched = True
        _passable(self.directory)
        path = self.path(generation)
        new = path.with_suffix(".new")
        least = self.virtual_bytes(template)
        if size_gb * GB < least:
            raise Failure(IMPOSSIBLE, f"the image needs a disk of {-(-least // GB)} GB at least")
        try:
            if self.config.clone == "overlay":
                run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", template, new, f"{size_gb}G"],
                    self.clock.within(120))
            else:
                run(["qemu-img", "convert", "-q", "-f", "qcow2", "-O", "qcow2", template, new],
                    self.clock.within(COPY_SECONDS))
                run(["qemu-img", "resize", "-q", "-f", "qcow2", new, f"{size_gb}G"], self.clock.within(120))
        except Failed as failed:
            # What there is of it would take the room that others need.
            new.unlink(missing_ok=True)
            if "No space left" in failed.text:
                raise Failure(PERSON, "the host's storage is full: no disk can be made on it") from None
            raise Failure(FAILED, "the disk could not be made") from None
        new.rename(path)
        store.sync_directory(self.directory)
        return path

    def keep_only(self, generation):
        """Removes what other generations have left, snapshots too, and what killed runs have."""
        self._remove(lambda path: path.suffix == ".new" or _generation(path) not in (None, generation))

    def remove_all(self):
        """Removes the server's directory with all that is in it: its owner's data, whoever put it there."""
        self._remove(lambda path: True)
        if self.directory.is_dir():
            self.directory.rmdir()

    def remove(self, generation):
        """Removes the disk of a generation."""
        self._remove(lambda path: _generation(path) == generation)

    def _remove(self, unwanted):
        if not self.directory.is_dir():
            return
        for path in self.directory.iterdir():
            if unwanted(path):
                self.virsh.before_change()
                self.virsh.touched = True
                path.unlink()
        store.sync_directory(self.directory)

    def virtual_bytes(self, path):
        """How large the machine sees a disk."""
        return self._info(path)["virtual-size"]

    def virtual_gb(self, path):
        """The same in whole GB, rounded down."""
        return self.virtual_bytes(path) // GB

    def grow(self, path, size_gb):
        """Makes the disk of a machine that is off larger."""
        self.virsh.before_change()
        self.virsh.touched = True
        run(["qemu-img", "resize", "-q", "-f", "qcow2", path, f"{size_gb}G"], self.clock.within(120))

    def _info(self, path):
        # The disk may be in use: -U reads it all the same.
        return json.loads(run(["qemu-img", "info", "-U", "--output=json", path], self.clock.within(30)))


def _generation(path):
    """The generation that a file is of; None for what is no disk."""
    found = DISK.fullmatch(path.name)
    return None if found is None else int(found[1])


def _passable(directory):
    """Makes a directory that the emulator, who is another user, can pass through and not list."""
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)


def _stamp(path):
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _vouched(kept):
    """Whether our copy is the one that was checked."""
    try:
        return json.loads(kept.with_suffix(".ok").read_text()) == _stamp(kept)
    except (OSError, ValueError):
        return False
