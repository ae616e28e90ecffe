"""A version that is being received: first its entries, then its blocks, then complete.

Law 1: nothing of a manifest is believed before all of it makes the digest that the line names, and
       nothing of a block before it makes the digest that the manifest names.
Law 2: the live files are not touched, and are read only where they are what the catalog says.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace

from hadelect.core.versions import Line
from hadelect.replication import disk
from hadelect.replication.catalog import Row
from hadelect.replication.draft import Draft, FileDraft
from hadelect.replication.errors import StoreError
from hadelect.replication.manifest import (
    BLOCK,
    DIGEST,
    BlockRef,
    EntryChange,
    Kind,
    Refused,
    checked,
    digests_of,
    header_hash,
    length_of,
)
from hadelect.replication.nearby import LocalBlocks
from hadelect.replication.shadow import Shadow
from hadelect.replication.stock import Stock

WRITE_OUT = 8 << 20  # Bytes after which the disk is told to begin.


class Reception:
    """The live files are not touched. What has arrived stays: a reception of the same version that
    is begun later, also after a crash, does not ask for it again.
    """

    def __init__(
        self, stock: Stock, line: Line, base: int | None, then: Callable[[], None]
    ) -> None:
        """`base`: the number of the version that the changes are relative to; None: to nothing.

        `then` is called once it is complete.
        """
        self.line = line
        self._then = then
        self.bytes_missing = 0  # After missing() was called: how much there is still to come.
        self._stock = stock
        self._relative = base is not None
        self._db = stock.catalog.db
        self._db.execute("DROP TABLE IF EXISTS temp.named")
        self._db.execute("DROP TABLE IF EXISTS temp.wanted")
        self._db.execute(
            "CREATE TEMP TABLE named(root INTEGER, path BLOB, PRIMARY KEY (root, path))"
        )
        self._db.execute(
            "CREATE TEMP TABLE wanted("
            "root, path, first, count, here, PRIMARY KEY(root, path, first))"
        )
        stock.catalog.begin()
        self._draft = Draft(stock.catalog)
        if base is not None:
            self._draft.back_to(base)
        self._file: tuple[FileDraft, EntryChange] | None = None
        self._shadow: Shadow | None = None  # Once the manifest is whole.
        self._local: LocalBlocks | None = None
        self._open: tuple[int, bytes, int, Row] | None = None  # The file that is written to.
        self._unwritten = 0
        self._over = False

    # --- the manifest -----------------------------------------------------------------------------

    def entry(self, change: EntryChange) -> None:
        """In the order of changes(). Raises Refused: it cannot be."""
        assert self._shadow is None, "entries come before blocks"
        checked(change, len(self._stock.roots))
        if self._file is not None:
            self._go_on(change)
            return
        try:
            query = "INSERT INTO named VALUES (?, ?)"
            self._db.execute(query, (change.root, change.path))
        except sqlite3.IntegrityError:
            raise Refused(f"entry {change.path[:200]!r} is there twice") from None
        match change.kind:
            case Kind.GONE:
                self._gone(change)
            case Kind.FILE:
                file = FileDraft(self._draft, change.root, change.path)
                file.blocks(change.first, change.blocks)
                self._file = file, change
                if not change.more:
                    self._end_file()
            case _:
                self._draft.put(change, header_hash(change).digest(), 0, None)

    def _gone(self, change: EntryChange) -> None:
        row = self._draft.at(change.root, change.path)
        if row is None or not self._relative:
            raise Refused(f"entry {change.path[:200]!r} is gone, and was never here")
        self._draft.drop(row)

    def _go_on(self, change: EntryChange) -> None:
        assert self._file is not None
        file, last = self._file
        header = replace(change, first=last.first, blocks=last.blocks, more=True)
        if header != last or change.first < last.first + len(last.blocks) // DIGEST:
            raise Refused(f"entry {last.path[:200]!r} does not go on as it began")
        file.blocks(change.first, change.blocks)
        self._file = file, replace(change, more=True)
        if not change.more:
            self._end_file()

    def _end_file(self) -> None:
        assert self._file is not None
        file, change = self._file
        self._file = None
        file.end(replace(change, first=0, blocks=b"", more=False), None)

    # --- from the manifest to what is missing -----------------------------------------------------

    def missing(self) -> Iterator[BlockRef]:
        """After the last entry: what must come from a peer, in runs of up to 16 blocks.

        The first call checks that the entries make the line's digest (Refused), that there is
        room (StoreError), and takes from this disk what is there. Later ones list what is still
        out.
        """
        if self._shadow is None:
            try:
                self._plan()
            except OSError as error:
                raise disk.trouble("the shadow of STATE_FILE", error) from error
        page: list[tuple[int, bytes, int, int]] = []
        after: tuple[int, bytes, int] = (-1, b"", 0)
        while True:
            page = self._db.execute(
                "SELECT root, path, first, count FROM wanted WHERE NOT here "
                "AND (root, path, first) > (?, ?, ?) ORDER BY root, path, first LIMIT 500",
                after,
            ).fetchall()
            if not page:
                return
            after = page[-1][:3]
            yield from (BlockRef(*found) for found in page)

    def _plan(self) -> None:
        self._check()
        shadow = Shadow(self._stock.catalog, self._stock.roots, self._draft.number)
        self._stock.reader.forget()
        shadow.survey()
        self._stock.patrol.walk(shadow)
        shadow.preserve(self._stock.packs)
        self._draft.name(self.line)
        self._stock.catalog.commit()
        self._shadow = shadow
        self._local = LocalBlocks(self._stock)
        shadow.patch(self._fill)
        self._local.close()
        found = self._db.execute("SELECT total(count) FROM wanted").fetchone()[0]
        room = os.fstatvfs(self._stock.roots[0].parent)
        free = room.f_bavail * room.f_frsize
        if self.bytes_missing and min(shadow.growth, self.bytes_missing) > free:
            raise StoreError(
                f"{self.line.version} needs {self.bytes_missing} bytes more ({int(found)} blocks) "
                f"beside {self._stock.roots[0].path}, {free} are free: make room there"
            )

    def _check(self) -> None:
        if self._file is not None:
            raise Refused(f"entry {self._file[1].path[:200]!r} breaks off")
        if not self._relative:
            for row in self._stock.reader.rows.unnamed(self._draft.number):
                self._draft.drop(row)
        stray = self._draft.stray()
        if stray is not None:
            raise Refused(f"entry {stray[:200]!r} is not in a directory")
        digest = self._draft.digest()
        wanted = self.line.version
        if digest != wanted.digest:
            raise Refused(
                f"the entries of version {wanted} make digest {digest[:16]}..., not "
                f"{wanted.digest[:16]}...: fetched again"
            )

    def _fill(self, row: Row, first: int, digests: bytes) -> Iterator[tuple[int, bytes]]:
        """What this disk has; the rest is noted as wanted."""
        assert self._local is not None
        count = len(digests) // DIGEST
        start = None
        for at in range(count):
            data = self._local.find(row, first + at, digests[at * DIGEST : (at + 1) * DIGEST])
            if data is not None:
                yield first + at, data
            if data is None and start is None:
                start = at
            if data is not None and start is not None:
                self._want(row, first + start, at - start)
                start = None
        if start is not None:
            self._want(row, first + start, count - start)

    def _want(self, row: Row, first: int, count: int) -> None:
        query = "INSERT INTO wanted VALUES (?, ?, ?, ?, 0)"
        self._db.execute(query, (row.root, row.path, first, count))
        self.bytes_missing += length_of(BlockRef(row.root, row.path, first, count), row.size)

    # --- blocks -----------------------------------------------------------------------------------

    def block(self, ref: BlockRef, data: bytes) -> None:
        """The content of one of missing(), in any order. Raises Refused: wrong length, digest, or
        never asked for (then nothing was written). A second time is ignored.
        """
        query = "SELECT count, here FROM wanted WHERE root = ? AND path = ? AND first = ?"
        found = self._db.execute(query, (ref.root, ref.path, ref.index)).fetchone()
        if self._shadow is None or found is None or found[0] != ref.count:
            raise Refused(f"blocks of {ref.path[:200]!r} that nobody asked for")
        if found[1]:
            return
        try:
            fd, row = self._opened(ref)
            length = length_of(ref, row.size)
            if len(data) != length:
                raise Refused(f"{len(data)} bytes of {ref.path[:200]!r}, {length} were asked for")
            wanted = self._stock.reader.wanted(row, self._draft.number, ref)
            if digests_of(data) != wanted:
                raise Refused(f"a block of {ref.path[:200]!r} has the wrong digest")
            disk.write(fd, data, ref.index * BLOCK)
            self._unwritten += length
            if self._unwritten >= WRITE_OUT:
                disk.write_out(fd, 0, 0)
                self._unwritten = 0
        except OSError as error:
            raise disk.trouble(self._stock.roots[ref.root].path, error) from error
        query = "UPDATE wanted SET here = 1 WHERE root = ? AND path = ? AND first = ?"
        self._db.execute(query, (ref.root, ref.path, ref.index))
        self.bytes_missing -= length

    def _opened(self, ref: BlockRef) -> tuple[int, Row]:
        if self._open is None or self._open[:2] != (ref.root, ref.path):
            self._close_file()
            row = self._stock.reader.rows.at(self._draft.number, ref.root, ref.path)
            assert row is not None
            fd = self._stock.roots[ref.root].shadow.open(ref.path, disk.WRITE)
            self._open = ref.root, ref.path, fd, row
        return self._open[2], self._open[3]

    def _close_file(self) -> None:
        if self._open is not None:
            os.close(self._open[2])
            self._open = None

    def complete(self) -> None:
        """All is here: on disk when this returns. Raises StoreError: something is missing."""
        if self._shadow is None:
            for _ in self.missing():
                break
        assert self._shadow is not None
        self._close_file()
        if self.bytes_missing:
            raise StoreError(f"{self.bytes_missing} bytes of {self.line.version} are missing")
        try:
            with self._stock.catalog.change():
                self._shadow.finish()
                self._stock.catalog.finish(self._draft.number, (self._shadow.side,))
        except OSError as error:
            raise disk.trouble("the shadow of STATE_FILE", error) from error
        self._over = True
        self._then()

    def close(self) -> None:
        """Give up (also after complete(), then without effect)."""
        self._close_file()
        if self._over:
            return
        self._over = True
        self._stock.reader.forget()
        if self._db.in_transaction:
            self._stock.catalog.rollback()
        else:
            self._stock.abandon(self._draft.number)
