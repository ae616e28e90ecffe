"""Where a tree on disk is not what the rows of a version say, by one stat of each entry.

Names are listed and compared directory by directory; memory is bounded by the names of one.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from hadelect.replication.catalog import Row
from hadelect.replication.manifest import MAX_NAME, MAX_PATH, Kind
from hadelect.replication.rows import Rows
from hadelect.replication.signature import kind_of, signature
from hadelect.replication.tree import Tree


@dataclass(frozen=True, slots=True)
class Found:
    """An entry on disk and the row that it should be; one of them may be missing."""

    root: int
    path: bytes
    stat: os.stat_result | None
    row: Row | None


@dataclass(frozen=True, slots=True)
class View:
    """One side of one root, and the version that its rows are of."""

    rows: Rows
    number: int
    side: int
    root: int
    tree: Tree


class Scan:
    def __init__(self, view: View, *, exact: bool = False) -> None:
        """`exact`: every file is found different."""
        self.view = view
        self.exact = exact
        self.skipped: list[bytes] = []  # Paths that are neither files, directories nor links.

    def everything(self) -> Iterator[Found]:
        yield from self._entry(b"")

    def at(self, path: bytes) -> Iterator[Found]:
        """One entry; of a directory its names too, and all of what was not there before."""
        found, row = self.view.tree.stat(path), self._row(path)
        if found is not None and row is not None and kind_of(found) is Kind.DIRECTORY:
            yield from self._compared(path, found, row)
            yield from self._names(path, deep=False)
        else:
            yield from self._entry(path)

    def _row(self, path: bytes) -> Row | None:
        return self.view.rows.at(self.view.number, self.view.root, path)

    def _entry(self, top: bytes) -> Iterator[Found]:
        found = self.view.tree.stat(top)
        row = self._row(top)
        yield from self._compared(top, found, row)
        was = row is not None and row.kind == Kind.DIRECTORY
        if was or (found is not None and kind_of(found) is Kind.DIRECTORY):
            yield from self._names(top, deep=True)

    def _names(self, top: bytes, *, deep: bool) -> Iterator[Found]:
        waiting = [top]
        while waiting:
            for found in self._directory(waiting.pop()):
                kind = kind_of(found.stat) if found.stat is not None else None
                was = found.row.kind if found.row is not None else None
                if Kind.DIRECTORY in {kind, was} and (deep or None in {kind, was}):
                    waiting.append(found.path)
                yield from self._compared(found.path, found.stat, found.row)

    def _directory(self, path: bytes) -> Iterator[Found]:
        """All names, on disk or in the rows, in order."""
        rows = self.view.rows.below(self.view.number, self.view.root, path)
        row = next(rows, None)
        prefix = path + b"/" if path else b""
        for name in self._listed(path):
            full = prefix + name
            while row is not None and row.path < full:
                yield Found(self.view.root, row.path, None, row)
                row = next(rows, None)
            mine = row if row is not None and row.path == full else None
            if mine is not None:
                row = next(rows, None)
            yield Found(self.view.root, full, self.view.tree.stat(full), mine)
        while row is not None:
            yield Found(self.view.root, row.path, None, row)
            row = next(rows, None)

    def _listed(self, path: bytes) -> list[bytes]:
        try:
            fd = self.view.tree.directory(path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(map(os.fsencode, os.listdir(fd)))  # noqa: PTH208 - of a descriptor

    def _compared(
        self, path: bytes, found: os.stat_result | None, row: Row | None
    ) -> Iterator[Found]:
        if found is not None and (kind_of(found) is None or _too_long(path)):
            self.skipped.append(path)
            found = None
        if found is None:
            if row is not None:
                yield Found(self.view.root, path, None, row)
            return
        exact = self.exact and kind_of(found) is Kind.FILE
        if row is None or exact or row.sign(self.view.side) != signature(found):
            yield Found(self.view.root, path, found, row)


def _too_long(path: bytes) -> bool:
    return len(path) > MAX_PATH or len(path.rpartition(b"/")[2]) > MAX_NAME
