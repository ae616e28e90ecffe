"""A stable snapshot of files that are being written: one consistent instant of the whole set.

Collect everything that changed (collect.py), then look at every entry once more: if nothing is
different, or what is different reads the same as before, then all that was collected was the
content of the set at the instant between the two. Otherwise again. Then the changed blocks are
copied from the live files to the shadow, each of them verified: a block that changed meanwhile
spoils the attempt, never the version.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadelect.core.versions import Line
from hadelect.replication import disk
from hadelect.replication.catalog import NOTHING, Row
from hadelect.replication.collect import Collector
from hadelect.replication.draft import Draft
from hadelect.replication.errors import EmptyStateError, UnstableError
from hadelect.replication.manifest import DIGEST, BlockRef, Kind, digests_of
from hadelect.replication.scan import Found, Scan, View
from hadelect.replication.shadow import Fill, Shadow
from hadelect.replication.signature import kind_of
from hadelect.replication.stock import Stock

ROUNDS = 5  # Looks at the set until it holds still.
ATTEMPTS = 3  # Times that a block may change between the look and the copy.

WARNINGS = 20  # Of entries that are left out.

LineOf = Callable[[str], Line]


@dataclass(frozen=True, slots=True)
class Spots:
    """Where to look: (root, path) of what changed; None: everywhere."""

    spots: tuple[tuple[int, bytes], ...] | None
    exact: bool = False


def spots(roots: Sequence[Path], where: Iterable[Path] | None, *, exact: bool) -> Spots:
    """What lies outside the roots is ignored."""
    if where is None:
        return Spots(None, exact)
    found = set()
    for path in where:
        for index, root in enumerate(roots):
            if path == root:
                found.add((index, b""))
            elif path.is_relative_to(root):
                found.add((index, os.fsencode(path.relative_to(root))))
    return Spots(tuple(sorted(found)), exact)


def has_content(directory: int, name: bytes) -> bool:
    """Whether it is a file with a byte in it, or a directory with such a file."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if kind_of(found) is not Kind.DIRECTORY:
            return kind_of(found) is Kind.FILE and found.st_size > 0
        fd = disk.open_directory(directory, name)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return any(has_content(fd, os.fsencode(child)) for child in os.listdir(fd))  # noqa: PTH208
    finally:
        os.close(fd)


class Snapshot:
    """One look at the live files, in a draft; its transaction is the caller's."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.side = stock.catalog.live
        self.draft = Draft(stock.catalog)
        self.held = stock.catalog.version_of(self.side)
        if stock.catalog.version_of(1 - self.side) > self.held:  # Received, not installed.
            self.draft.back_to(self.held)
        self.trees = [root.live for root in stock.roots]
        self.skipped: list[tuple[int, bytes]] = []
        self._collector = Collector(self.draft, self.side, self.trees)

    def collect(self, spots: Spots) -> bool:
        """Whether anything differs from before."""
        changed = False
        for found in self._found(spots):
            changed |= self._collector.collect(found)
        return changed

    def _found(self, spots: Spots) -> Iterator[Found]:
        rows = self.draft.rows
        self.skipped = []
        for index, tree in enumerate(self.trees):
            tree.forget()
            view = View(rows, self.draft.number, self.side, index, tree)
            scan = Scan(view, exact=spots.exact)
            if spots.spots is None:
                yield from scan.everything()
            for root, path in spots.spots or ():
                if root == index:
                    yield from scan.at(path)
            self.skipped += ((index, path) for path in scan.skipped)

    def settle(self, spots: Spots) -> bool:
        """Look until the set holds still; False: it is what is held. Raises UnstableError."""
        if not self.collect(spots) and not self.draft.retimed:
            return False
        for _ in range(ROUNDS):
            if not self.collect(Spots(None)):
                return True
        raise UnstableError("the files of STATE_FILE change faster than they can be read")

    def dirty(self, spots: Spots) -> bool:
        """As collect(), but the first difference is enough."""
        return any(self._collector.collect(found) for found in self._found(spots))

    def missing_root(self) -> str:
        """Of a root that was there in the version that is held, and is not there now."""
        for index, tree in enumerate(self.trees):
            if self.draft.rows.at(self.held, index, b"") and tree.stat(b"") is None:
                return f"{self.stock.roots[index].path} is not there, and it was once"
        return ""

    def emptied(self) -> bool:
        """Whether there was content, and there is none at all."""
        if self._size(self.held) == 0:
            return False
        return not any(has_content(tree.top.directory, tree.top.name) for tree in self.trees)

    def refuse_empty(self) -> None:
        """Raises EmptyStateError."""
        why = self.missing_root()
        if not why and self.emptied():
            why = "the files of STATE_FILE are all empty, and they were not once"
        if why:
            raise EmptyStateError(f"{why}: nothing is taken of it; bring the state back, or accept")

    def warnings(self) -> tuple[str, ...]:
        return tuple(
            f"{os.fsdecode(os.path.join(os.fsencode(self.stock.roots[root].path), path))!r} is "  # noqa: PTH118
            "neither a file, a directory nor a link (or its name is too long): not replicated"
            for root, path in self.skipped[:WARNINGS]
        )

    def _size(self, number: int) -> int:
        query = "SELECT total(size) FROM entries WHERE born <= ? AND died > ?"
        found = self.draft.db.execute(query, (number, number)).fetchone()[0]
        return int(found) if number != NOTHING else 0


class _Spoiled(Exception):
    """A block changed between the look and the copy."""


@dataclass(frozen=True, slots=True)
class Snapped:
    line: Line | None  # None: it is what is held.
    warnings: tuple[str, ...]
    shadow: Shadow | None = None  # To become it.


def take(stock: Stock, line_of: LineOf, where: Spots, *, accept_empty: bool) -> Snapped:
    """See Store.snapshot. Raises OSError too."""
    for _ in range(ATTEMPTS):
        stock.reader.forget()
        with stock.catalog.change():
            drafted = _drafted(stock, line_of, where, accept_empty=accept_empty)
        shadow = drafted.shadow
        if shadow is None:
            return drafted
        try:
            shadow.patch(_live_blocks(stock))
        except _Spoiled:
            stock.abandon(shadow.number)
            continue
        with stock.catalog.change():
            shadow.finish()
            stock.catalog.finish(shadow.number, (0, 1))
        return drafted
    raise UnstableError(
        f"the files of STATE_FILE changed during each of {ATTEMPTS} attempts to copy them"
    )


def _drafted(stock: Stock, line_of: LineOf, where: Spots, *, accept_empty: bool) -> Snapped:
    """A stable draft."""
    snapshot = Snapshot(stock)
    draft = snapshot.draft
    changed = snapshot.settle(where)
    held = stock.catalog.taken(stock.catalog.version_of(snapshot.side))
    digest = draft.digest()
    same = held is not None and digest == held.line.version.digest and not draft.retimed
    if held is not None and (not changed or same):
        stock.catalog.erase(draft.number)
        return Snapped(None, snapshot.warnings())
    if not accept_empty:
        snapshot.refuse_empty()
    line = line_of(digest)
    draft.name(line)
    shadow = Shadow(stock.catalog, stock.roots, draft.number)
    shadow.survey()
    shadow.preserve(stock.packs)
    return Snapped(line, snapshot.warnings(), shadow)


def _live_blocks(stock: Stock) -> Fill:
    def fill(row: Row, first: int, wanted: bytes) -> Iterator[tuple[int, bytes]]:
        ref = BlockRef(row.root, row.path, first, len(wanted) // DIGEST)
        data = stock.reader.live(ref, row.size)
        if digests_of(data) != wanted:
            raise _Spoiled
        yield first, data

    return fill
