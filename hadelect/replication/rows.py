"""The rows of entries and blocks: of one version, and what differs between two.

Everything is read in pages: rows may be written meanwhile, and memory is bounded.
"""

import sqlite3
from array import array
from collections.abc import Iterator

from hadelect.replication.catalog import COLUMNS, Catalog, Row
from hadelect.replication.manifest import DIGEST, Kind

PAGE = 1000
CHUNK = 1024  # Blocks of one row: 64 MiB of a file, 32 KiB of digests.


class Rows:
    def __init__(self, catalog: Catalog) -> None:
        self.db: sqlite3.Connection = catalog.db

    def at(self, number: int, root: int, path: bytes) -> Row | None:
        """The entry of this path in a version."""
        found = self.db.execute(
            f"SELECT {COLUMNS} FROM entries e WHERE root = ? AND path = ? AND died > ? "
            "AND born <= ? ORDER BY died LIMIT 1",
            (root, path, number, number),
        ).fetchone()
        return Row(*found) if found else None

    def of(self, number: int) -> Iterator[Row]:
        """All entries of a version, by root and path."""
        yield from self._listed(
            "SELECT id FROM entries WHERE born <= ? AND died > ? ORDER BY root, path",
            (number, number),
        )

    def to_make(self, number: int, have: int) -> Iterator[Row]:
        """Rows of a version that an older one does not have, or that are doubted; by path."""
        yield from self._listed(
            "SELECT id, root, path FROM entries WHERE born > ?1 AND born <= ?2 AND died > ?2 "
            "UNION SELECT e.id, e.root, e.path FROM doubtful d JOIN entries e "
            "ON e.root = d.root AND e.path = d.path WHERE e.born <= ?2 AND e.died > ?2 "
            "ORDER BY root, path",
            (have, number),
        )

    def files_from(self, number: int, root: int, path: bytes) -> Iterator[Row]:
        """The files of a version, by root and path, from this one on."""
        sign = ">="
        while True:
            page = self.db.execute(
                f"SELECT {COLUMNS} FROM entries e WHERE (root, path) {sign} (?, ?) AND kind = ? "
                "AND born <= ? AND died > ? ORDER BY root, path LIMIT ?",
                (root, path, Kind.FILE, number, number, PAGE),
            ).fetchall()
            yield from (Row(*found) for found in page)
            if len(page) < PAGE:
                return
            root, path, sign = page[-1][1], page[-1][2], ">"

    def unnamed(self, number: int) -> Iterator[Row]:
        """The entries of a version that are not in the table of those that were named."""
        yield from self._listed(
            "SELECT id FROM entries e WHERE born <= ? AND died > ? AND NOT EXISTS "
            "(SELECT 1 FROM named n WHERE n.root = e.root AND n.path = e.path)",
            (number, number),
        )

    def _listed(self, query: str, values: tuple[int, ...]) -> Iterator[Row]:
        """The rows of these numbers, which alone are kept in memory (8 bytes a row)."""
        numbers = array("q", (found[0] for found in self.db.execute(query, values)))
        for start in range(0, len(numbers), PAGE):
            page = numbers[start : start + PAGE]
            marks = ",".join("?" * len(page))
            query = f"SELECT {COLUMNS} FROM entries e WHERE id IN ({marks})"
            found = {row[0]: row for row in self.db.execute(query, page)}
            yield from (Row(*found[number]) for number in page if number in found)

    def below(self, number: int, root: int, parent: bytes | None) -> Iterator[Row]:
        """The entries of one directory (None: the root itself), by path."""
        path = b""
        bound = ">="
        while True:
            page = self.db.execute(
                f"SELECT {COLUMNS} FROM entries e WHERE root = ? AND parent IS ? AND "
                f"path {bound} ? AND born <= ? AND died > ? ORDER BY path LIMIT ?",
                (root, parent, path, number, number, PAGE),
            ).fetchall()
            yield from (Row(*found) for found in page)
            if len(page) < PAGE:
                return
            path, bound = page[-1][2], ">"

    def only_in(self, number: int, other: int) -> Iterator[Row]:
        """Rows that are valid in the one version and not in the other, by root and path."""
        if number > other:
            between = "born > ? AND born <= ? AND died > ?"
            values = (other, number, number)
        else:
            between = "died > ? AND died <= ? AND born <= ?"
            values = (number, other, number)
        query = f"SELECT id FROM entries WHERE {between} ORDER BY root, path"
        yield from self._listed(query, values)

    def digests(self, file: int, number: int) -> Iterator[tuple[int, bytes]]:
        """The block digests of a file in a version: (index of the first block, digests)."""
        chunk = -1
        while True:
            found = self.db.execute(
                "SELECT chunk, digests FROM chunks WHERE file = ? AND chunk > ? AND born <= ? "
                "AND died > ? ORDER BY chunk LIMIT 1",
                (file, chunk, number, number),
            ).fetchone()
            if found is None:
                return
            chunk, digests = found
            yield chunk * CHUNK, digests
            if len(digests) < CHUNK * DIGEST:
                return

    def chunk(self, file: int, number: int, chunk: int) -> bytes:
        """The digests of up to 1024 blocks of a file; none: b""."""
        return self.summed(file, number, chunk)[0]

    def summed(self, file: int, number: int, chunk: int) -> tuple[bytes, bytes]:
        """The same, and as many sums (sums.py)."""
        digests, sums = self.db.execute(
            "SELECT digests, sums FROM chunks "
            "WHERE file = ? AND chunk = ? AND born <= ? AND died > ?",
            (file, chunk, number, number),
        ).fetchone() or (b"", b"")
        return digests, sums


def runs(want: bytes, have: bytes, limit: int) -> Iterator[tuple[int, int]]:
    """Where digests differ: (first, count), count at most `limit`."""
    if want == have:
        return
    total = len(want) // DIGEST
    first = None
    for index in range(total):
        at = index * DIGEST
        same = want[at : at + DIGEST] == have[at : at + DIGEST]
        if first is not None and (same or index - first == limit):
            yield first, index - first
            first = None
        if first is None and not same:
            first = index
    if first is not None:
        yield first, total - first
