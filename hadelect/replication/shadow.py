"""The shadow: the complete second copy beside every root, patched from one version to another.

Law 1: what is written over and is needed by a version that is kept goes to a pack first.
Law 2: what the catalog says of the shadow is believed only of a file that looks as we left it;
       every other one is read and hashed. So a patch that broke off is simply done again.
"""

import os
import stat
from collections.abc import Callable, Generator, Iterable, Iterator

from hadelect.replication import disk
from hadelect.replication.catalog import NOTHING, Catalog, Row
from hadelect.replication.manifest import BLOCK, DIGEST, RUN, Kind, digest_of
from hadelect.replication.packs import Packs
from hadelect.replication.reading import OpenFile
from hadelect.replication.rows import CHUNK, Rows, runs
from hadelect.replication.scan import Scan, View
from hadelect.replication.signature import signature
from hadelect.replication.sums import hashed
from hadelect.replication.tree import Root

FEW = 64  # So many files are synced one by one; more: the whole file system at once.

# Of a file, from a block on, blocks of these digests: (index of the first, data), as far as they
# are here by now.
Fill = Callable[[Row, int, bytes], Iterable[tuple[int, bytes]]]


class Shadow:
    """Patches the shadow to version `number`, whose rows are in the catalog."""

    def __init__(self, catalog: Catalog, roots: list[Root], number: int) -> None:
        self.catalog = catalog
        self.rows = Rows(catalog)
        self.number = number
        self.side = 1 - catalog.live
        self.have = catalog.version_of(self.side)
        self.trees = [root.shadow for root in roots]
        self.growth = 0  # Bytes that patch() needs on the disk, or needed.
        self.parents = [root.parent for root in roots]

    def survey(self) -> None:
        """Doubt every file that does not look as we left it; within a transaction."""
        for root, tree in enumerate(self.trees):
            tree.forget()
            scan = Scan(View(self.rows, self.have, self.side, root, tree))
            self.doubt((root, found.path) for found in scan.everything())
            self.doubt((root, path) for path in scan.skipped)

    def doubt(self, entries: Iterable[tuple[int, bytes]]) -> None:
        query = "INSERT OR IGNORE INTO doubtful VALUES (?, ?)"
        for entry in entries:
            self.catalog.db.execute(query, entry)

    def doubt_all_of_it(self) -> None:
        """What a patch to this version may have touched."""
        for one, other in ((self.number, self.have), (self.have, self.number)):
            self.doubt((row.root, row.path) for row in self.rows.only_in(one, other))

    # --- what differs -----------------------------------------------------------------------------

    def wanted(self) -> Iterator[Row]:
        """Entries to make, or perhaps to mend; a directory comes before what is in it."""
        yield from self.rows.to_make(self.number, self.have)

    def unwanted(self) -> Iterator[tuple[int, bytes, Row | None]]:
        """Entries that are not in the version (any more), or of another kind: the deepest first."""
        gone = list(self._gone())
        gone.sort(key=lambda entry: entry[:2], reverse=True)
        yield from gone

    def _gone(self) -> Iterator[tuple[int, bytes, Row | None]]:
        for row in self.rows.only_in(self.have, self.number):
            now = self.rows.at(self.number, row.root, row.path)
            if now is None or now.kind != row.kind:
                yield row.root, row.path, row
        for root, path in self._doubtful():
            if self.rows.at(self.number, root, path) is None:
                yield root, path, None

    def _doubtful(self) -> list[tuple[int, bytes]]:
        query = "SELECT root, path FROM doubtful ORDER BY root, path"
        return self.catalog.db.execute(query).fetchall()

    def doubted(self, root: int, path: bytes) -> bool:
        query = "SELECT 1 FROM doubtful WHERE root = ? AND path = ?"
        return self.catalog.db.execute(query, (root, path)).fetchone() is not None

    # --- keep what older versions need ------------------------------------------------------------

    def preserve(self, packs: Packs) -> None:
        """Within a transaction: to be committed before patch()."""
        if self.have == NOTHING:
            return
        file = OpenFile()
        try:
            for row in self.wanted():
                self._preserve(packs, file, self.rows.at(self.have, row.root, row.path), row)
            for _, _, old in self.unwanted():
                self._preserve(packs, file, old, None)
        finally:
            file.close()
        packs.sync()

    def _preserve(self, packs: Packs, file: OpenFile, old: Row | None, new: Row | None) -> None:
        if old is None or old.kind != Kind.FILE:
            return
        tree = self.trees[old.root]
        for start, had in self.rows.digests(old.file, self.have):
            now = b""
            if new is not None and new.kind == Kind.FILE:
                now = self.rows.chunk(new.file, self.number, start // CHUNK)
            for first, _ in runs(had, now, 1):
                digest = had[first * DIGEST : (first + 1) * DIGEST]
                if packs.has(digest, self.have):
                    continue
                data = file.read(tree, old.path, (start + first) * BLOCK, BLOCK)
                data = data[: min(BLOCK, old.size - (start + first) * BLOCK)]
                if digest_of(data) == digest:
                    packs.add(self.number, digest, data)

    # --- patch ------------------------------------------------------------------------------------

    def patch(self, fill: Fill) -> None:
        """Write what differs; finish() makes it whole. Raises OSError."""
        for _ in self.steps(fill):
            pass

    def steps(self, fill: Fill) -> Generator[None, None, None]:
        """The same, with a rest after each piece of at most 1 MiB."""
        for root, path, _ in self.unwanted():
            try:
                self.trees[root].remove(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            yield
        for row in self.wanted():
            match Kind(row.kind):
                case Kind.DIRECTORY:
                    self._directory(row)
                case Kind.SYMLINK:
                    self._link(row)
                case _:
                    yield from self._file(row, fill)
            yield

    def _directory(self, row: Row) -> None:
        tree = self.trees[row.root]
        found = tree.stat(row.path)
        if found is not None and stat.S_ISDIR(found.st_mode):
            return
        tree.remove(row.path)
        place = tree.place(row.path)
        disk.make_directory(place.directory, place.name)

    def _link(self, row: Row) -> None:
        tree = self.trees[row.root]
        tree.remove(row.path)
        place = tree.place(row.path)
        disk.make_link(place.directory, place.name, row.target)
        disk.set_link_owner(place.directory, place.name, row.uid, row.gid)

    def _file(self, row: Row, fill: Fill) -> Generator[None, None, None]:
        fd, trusted = self._open(row)
        try:
            had = self._has(row, fd, trusted)
            found = os.fstat(fd)
            self.growth += max(0, row.size - found.st_blocks * 512)
            if found.st_size > row.size:
                disk.truncate(fd, row.size)
            for start, digests in self.rows.digests(row.file, self.number):
                have = had(start // CHUNK)
                for first, count in runs(digests, have, RUN):
                    wanted = digests[first * DIGEST : (first + count) * DIGEST]
                    for index, data in fill(row, start + first, wanted):
                        disk.write(fd, data, index * BLOCK)
                    yield
            if os.fstat(fd).st_size < row.size:
                disk.truncate(fd, row.size)
        finally:
            os.close(fd)

    def _open(self, row: Row) -> tuple[int, Row | None]:
        """The file, opened to be written, and the row that tells its content; None: unknown."""
        tree = self.trees[row.root]
        found = tree.stat(row.path)
        if found is None or not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            tree.remove(row.path)
            place = tree.place(row.path)
            return disk.create(place.directory, place.name), None
        old = self.rows.at(self.have, row.root, row.path)
        known = old is not None and old.sign(self.side) == signature(found)
        if old is not None and known and not self.doubted(row.root, row.path):
            return tree.open(row.path, disk.WRITE), old
        return tree.open(row.path, disk.WRITE), None

    def _has(self, row: Row, fd: int, trusted: Row | None) -> Callable[[int], bytes]:
        """The digests that a chunk of the file has now."""
        if trusted is not None:
            return lambda chunk: self.rows.chunk(trusted.file, self.have, chunk)
        read = hashed(fd, min(os.fstat(fd).st_size, row.size))
        found = b"".join(digests for _, digests in read)
        return lambda chunk: found[chunk * CHUNK * DIGEST : (chunk + 1) * CHUNK * DIGEST]

    # --- finish -----------------------------------------------------------------------------------

    def finish(self) -> None:
        """Modes, owners, times; all on disk. Within a transaction. Raises OSError."""
        names = 0
        for names, row in enumerate(self.wanted(), start=1):
            self._set(row, alone=names <= FEW)
        gone = sum(1 for _ in self.unwanted())
        if names + gone > FEW:
            for parent in self.parents:
                disk.sync_all(parent)
        else:
            self._sync_directories()

    def _set(self, row: Row, *, alone: bool) -> None:
        tree = self.trees[row.root]
        if row.kind == Kind.SYMLINK:
            found = tree.stat(row.path)
        else:
            flags = disk.WRITE if row.kind == Kind.FILE else disk.DIRECTORY
            fd = tree.open(row.path, flags)
            try:
                disk.set_mode(fd, row.mode, row.uid, row.gid)
                if row.kind == Kind.FILE:
                    disk.set_time(fd, row.mtime_ns)
                if alone:
                    disk.sync(fd)
                found = os.fstat(fd)
            finally:
                os.close(fd)
        sign = signature(found) if found is not None else None
        query = f"UPDATE entries SET sign{self.side} = ? WHERE id = ?"
        self.catalog.db.execute(query, (sign, row.id))

    def _sync_directories(self) -> None:
        changed = {(row.root, row.path.rpartition(b"/")[0]) for row in self.wanted() if row.path}
        changed |= {(root, path.rpartition(b"/")[0]) for root, path, _ in self.unwanted() if path}
        for root, path in sorted(changed):
            found = self.trees[root].stat(path)
            if found is not None and stat.S_ISDIR(found.st_mode):
                disk.sync(self.trees[root].directory(path))
        for parent in self.parents:
            disk.sync(parent)
