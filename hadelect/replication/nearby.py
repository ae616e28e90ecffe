"""Blocks of a version that is being received which the live files have already."""

from hadelect.replication.catalog import NOTHING, Row
from hadelect.replication.manifest import BLOCK, DIGEST, BlockRef, Kind, digest_of, length_of
from hadelect.replication.rows import CHUNK
from hadelect.replication.stock import Stock


class LocalBlocks:
    """At the same place of the same file; of a file that is new here, anywhere."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._rows = stock.reader.rows
        self._number = stock.catalog.version_of(stock.catalog.live)
        self._indexed = False
        self._of: tuple[int, bytes] | None = None
        self._row: Row | None = None
        self._chunk = (-1, b"")

    def close(self) -> None:
        self._stock.catalog.db.execute("DROP TABLE IF EXISTS temp.local")

    def find(self, row: Row, index: int, digest: bytes) -> bytes | None:
        if self._number == NOTHING:
            return None
        if self._of != (row.root, row.path):
            self._of = row.root, row.path
            self._row = self._rows.at(self._number, row.root, row.path)
            self._chunk = -1, b""
        same = self._row
        if same is not None and same.kind == Kind.FILE:
            if self._chunk[0] != index // CHUNK:
                chunk = index // CHUNK
                self._chunk = chunk, self._rows.chunk(same.file, self._number, chunk)
            at = index % CHUNK * DIGEST
            if self._chunk[1][at : at + DIGEST] != digest:
                return None
            return self._read(same.root, same.path, index, digest)
        return self._anywhere(digest)

    def _read(self, root: int, path: bytes, index: int, digest: bytes) -> bytes | None:
        data = self._stock.reader.live(BlockRef(root, path, index), (index + 1) * BLOCK)
        for length in {len(data), *self._lengths(root, path, index)}:
            if digest_of(data[:length]) == digest:
                return data[:length]
        return None

    def _lengths(self, root: int, path: bytes, index: int) -> list[int]:
        row = self._rows.at(self._number, root, path)
        return [length_of(BlockRef(root, path, index), row.size)] if row is not None else []

    def _anywhere(self, digest: bytes) -> bytes | None:
        db = self._stock.catalog.db
        if not self._indexed:
            self._indexed = True
            db.execute("CREATE TEMP TABLE local(digest PRIMARY KEY, root, path, number)")
            for row in self._rows.of(self._number):
                for start, digests in self._rows.digests(row.file, self._number):
                    db.executemany(
                        "INSERT OR IGNORE INTO local VALUES (?, ?, ?, ?)",
                        (
                            (digests[at : at + DIGEST], row.root, row.path, start + at // DIGEST)
                            for at in range(0, len(digests), DIGEST)
                        ),
                    )
        query = "SELECT root, path, number FROM local WHERE digest = ?"
        found = db.execute(query, (digest,)).fetchone()
        if found is None:
            return None
        root, path, index = found
        return self._read(root, path, index, digest)
