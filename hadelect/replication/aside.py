"""Copies of lines that lost: plain files below aside/, for people; deleted only by their word.

    aside/7.42/why.json      what it is
    aside/7.42/0.job_queue   the first of STATE_FILE, as it was

Law 1: what has its final name is whole and on disk.
"""

import json
import os
import stat
import time
from pathlib import Path

from hadelect.replication import disk
from hadelect.replication.errors import StoreError
from hadelect.replication.signature import kind_of
from hadelect.replication.tree import Root

WHY = "why.json"
PARTIAL = ".partial"
PIECE = 1 << 20


class Asides:
    def __init__(self, directory: Path) -> None:
        """Removes a copy that was interrupted."""
        directory.mkdir(mode=0o700, exist_ok=True)
        self.path = directory
        self._fd = os.open(directory, disk.DIRECTORY)
        disk.remove_tree(self._fd, PARTIAL.encode())

    def close(self) -> None:
        os.close(self._fd)

    def keep(self, version: str, roots: list[Root], because: str) -> Path:
        """Raises OSError."""
        disk.remove_tree(self._fd, PARTIAL.encode())
        disk.make_directory(self._fd, PARTIAL.encode())
        fd = disk.open_directory(self._fd, PARTIAL.encode())
        try:
            for index, root in enumerate(roots):
                copy(root.live.top.directory, root.live.top.name, fd, b"%d." % index)
            why = json.dumps({"because": because, "taken_at": time.time()}).encode()
            written = disk.create(fd, WHY.encode())
            try:
                disk.write(written, why, 0)
            finally:
                os.close(written)
            disk.sync_all(fd)
        finally:
            os.close(fd)
        name = self._free_name(version)
        disk.move(self._fd, PARTIAL.encode(), os.fsencode(name))
        disk.sync(self._fd)
        return self.path / name

    def _free_name(self, version: str) -> str:
        name, again = version, 1
        while (self.path / name).exists():
            again += 1
            name = f"{version}-{again}"
        return name

    def all(self) -> list[tuple[str, str, float]]:
        """Name, why, when; oldest first."""
        found = []
        for path in self.path.iterdir():
            if path.name == PARTIAL:
                continue
            try:
                why = json.loads((path / WHY).read_text())
                found.append((path.name, str(why["because"]), float(why["taken_at"])))
            except (OSError, ValueError, KeyError, TypeError):
                found.append((path.name, f"{WHY} cannot be read", path.lstat().st_mtime))
        return sorted(found, key=lambda aside: (aside[2], aside[0]))

    def forget(self, name: str) -> None:
        if name not in {aside[0] for aside in self.all()}:
            raise StoreError(f"there is no copy {name!r} aside: see `hadelect state list`")
        disk.remove_tree(self._fd, os.fsencode(name))
        disk.sync(self._fd)


def copy(source: int, name: bytes, target: int, prefix: bytes = b"") -> None:
    """A file, link or directory with all below it; nothing there, or of another kind: nothing."""
    try:
        found = os.stat(name, dir_fd=source, follow_symlinks=False)
    except FileNotFoundError:
        return
    new = prefix + name
    if kind_of(found) is None:
        return
    if stat.S_ISLNK(found.st_mode):
        disk.make_link(target, new, os.fsencode(os.readlink(name, dir_fd=source)))
        disk.set_link_owner(target, new, found.st_uid, found.st_gid)
        return
    if stat.S_ISDIR(found.st_mode):
        disk.make_directory(target, new)
        made, read = disk.open_directory(target, new), disk.open_directory(source, name)
    else:
        made, read = disk.create(target, new), os.open(name, disk.READ, dir_fd=source)
    try:
        if stat.S_ISDIR(found.st_mode):
            for child in os.listdir(read):  # noqa: PTH208 - of a descriptor
                copy(read, os.fsencode(child), made)
        else:
            _copy_content(read, made)
        disk.set_mode(made, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
        disk.set_time(made, found.st_mtime_ns)
    finally:
        os.close(made)
        os.close(read)


def _copy_content(read: int, made: int) -> None:
    at = 0
    while data := os.pread(read, PIECE, at):
        disk.write(made, data, at)
        at += len(data)
