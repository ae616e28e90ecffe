"""The blocks of a version, wherever this disk has them; nothing leaves that its digest denies."""

import os
import stat
from collections.abc import Iterator

from hadelect.replication import disk
from hadelect.replication.catalog import Catalog, Row
from hadelect.replication.errors import GoneError
from hadelect.replication.manifest import (
    BLOCK,
    DIGEST,
    RUN,
    BlockRef,
    Kind,
    blocks_of,
    digest_of,
    digests_of,
    length_of,
)
from hadelect.replication.packs import Packs
from hadelect.replication.rows import CHUNK, Rows
from hadelect.replication.tree import Root, Tree


class OpenFile:
    """The file of a tree that was read last stays open; neighbours are read from it again."""

    def __init__(self) -> None:
        self._of: tuple[Tree, bytes] | None = None
        self._fd = -1

    def close(self) -> None:
        if self._of is not None:
            os.close(self._fd)
            self._of = None

    def read(self, tree: Tree, path: bytes, at: int, length: int) -> bytes:
        """Less than asked, or nothing, if it is not there, or is no file."""
        if self._of != (tree, path):
            self.close()
            try:
                self._fd = tree.open(path, disk.READ)
            except OSError:
                return b""
            self._of = tree, path
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                self.close()
                return b""
        data = b""
        while len(data) < length:
            more = os.pread(self._fd, length - len(data), at + len(data))
            if not more:
                break
            data += more
        return data


class Reader:
    def __init__(self, catalog: Catalog, roots: list[Root], packs: Packs) -> None:
        self.catalog = catalog
        self.rows = Rows(catalog)
        self.roots = roots
        self.packs = packs
        self._files = (OpenFile(), OpenFile())

    def forget(self) -> None:
        """Names may have changed since."""
        self.forget_files()
        for root in self.roots:
            root.forget()

    def forget_files(self) -> None:
        for file in self._files:
            file.close()

    def trees(self, root: int) -> tuple[Tree, Tree]:
        """First the one that nobody else writes to."""
        return self.roots[root].shadow, self.roots[root].live

    def live(self, ref: BlockRef, size: int) -> bytes:
        """What the live file has there, unverified."""
        tree = self.roots[ref.root].live
        return self._files[1].read(tree, ref.path, ref.index * BLOCK, length_of(ref, size))

    def read(self, number: int, ref: BlockRef) -> bytes:
        """Raises GoneError."""
        if not 0 <= ref.root < len(self.roots):
            raise GoneError(f"there is no root {ref.root} here")
        row = self.rows.at(number, ref.root, ref.path)
        wanted = self.wanted(row, number, ref)
        if row is None or not wanted:
            raise GoneError(f"{ref.path[:200]!r} has no such blocks in this version")
        length = length_of(ref, row.size)
        found: list[bytes | None] = [None] * ref.count
        for tree, file in zip(self.trees(ref.root), self._files, strict=True):
            data = file.read(tree, ref.path, ref.index * BLOCK, length)
            if len(data) == length and digests_of(data) == wanted:
                return data
            _take(found, data, wanted)
        for at, digest in enumerate(_split(wanted)):
            if found[at] is None:
                found[at] = self.packs.read(digest)
        if any(block is None for block in found):
            raise GoneError(f"a block of {ref.path[:200]!r} is not kept any more")
        return b"".join(block for block in found if block is not None)

    def wanted(self, row: Row | None, number: int, ref: BlockRef) -> bytes:
        """The digests of these blocks; b"": there are no such blocks."""
        if row is None or row.kind != Kind.FILE or not 0 < ref.count <= RUN:
            return b""
        if ref.index < 0 or ref.index + ref.count > blocks_of(row.size):
            return b""
        chunk, at = divmod(ref.index, CHUNK)
        digests = self.rows.chunk(row.file, number, chunk)
        if at + ref.count > CHUNK:
            digests += self.rows.chunk(row.file, number, chunk + 1)
        return digests[at * DIGEST : (at + ref.count) * DIGEST]


def _split(digests: bytes) -> Iterator[bytes]:
    for at in range(0, len(digests), DIGEST):
        yield digests[at : at + DIGEST]


def _take(found: list[bytes | None], data: bytes, wanted: bytes) -> None:
    """The blocks of `data` that are what is wanted."""
    for at, digest in enumerate(_split(wanted)):
        block = data[at * BLOCK : (at + 1) * BLOCK]
        if found[at] is None and block and digest_of(block) == digest:
            found[at] = block
