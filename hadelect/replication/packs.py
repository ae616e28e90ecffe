"""Blocks that only older versions need: kept before a shadow that held them is written over.

Law 1: the pack of version n holds what versions before n need; when none of them is kept any more,
       the whole file goes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from hadelect.replication import disk
from hadelect.replication.catalog import Catalog
from hadelect.replication.manifest import digest_of


class Packs:
    def __init__(self, directory: Path, catalog: Catalog) -> None:
        directory.mkdir(exist_ok=True, mode=0o700)
        self.directory = os.open(directory, disk.DIRECTORY)
        self.db = catalog.db
        self._writing: tuple[int, int, int] | None = None  # Number, descriptor, where it ends.

    def close(self) -> None:
        self._stop()
        os.close(self.directory)

    def _stop(self) -> None:
        if self._writing is not None:
            os.close(self._writing[1])
            self._writing = None

    def has(self, digest: bytes, since: int) -> bool:
        """Whether a pack of a version after `since` has it."""
        query = "SELECT 1 FROM packed WHERE digest = ? AND pack > ?"
        return self.db.execute(query, (digest, since)).fetchone() is not None

    def add(self, number: int, digest: bytes, data: bytes) -> None:
        """Within a transaction; on disk after sync()."""
        if self._writing is None or self._writing[0] != number:
            self._stop()
            self._writing = self._begun(number)
        _, fd, at = self._writing
        disk.write(fd, data, at)
        self.db.execute("INSERT INTO packed VALUES (?, ?, ?, ?)", (digest, number, at, len(data)))
        self._writing = number, fd, at + len(data)

    def _begun(self, number: int) -> tuple[int, int, int]:
        """What is in it already stays: a version may be written to both sides, one by one."""
        query = "SELECT max(at + length) FROM packed WHERE pack = ?"
        end = self.db.execute(query, (number,)).fetchone()[0]
        if end is not None:
            return number, os.open(b"%d" % number, disk.WRITE, dir_fd=self.directory), end
        self.drop(number)
        return number, disk.create(self.directory, b"%d" % number), 0

    def sync(self) -> None:
        if self._writing is not None:
            disk.sync(self._writing[1])
            disk.sync(self.directory)
            self._stop()

    def read(self, digest: bytes) -> bytes | None:
        query = "SELECT pack, at, length FROM packed WHERE digest = ?"
        for number, at, length in self.db.execute(query, (digest,)).fetchall():
            try:
                fd = os.open(b"%d" % number, disk.READ, dir_fd=self.directory)
            except FileNotFoundError:
                continue
            try:
                data = os.pread(fd, length, at)
            finally:
                os.close(fd)
            if digest_of(data) == digest:
                return data
        return None

    def numbers(self) -> Iterator[int]:
        for name in os.listdir(self.directory):  # noqa: PTH208 - of a descriptor
            if name.isdigit():
                yield int(name)

    def drop(self, number: int) -> None:
        disk.remove_tree(self.directory, b"%d" % number)
