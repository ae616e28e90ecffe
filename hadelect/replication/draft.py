"""A version in the making: the head's rows, changed one by one, within one transaction.

Both ways to a new version end here: what the live files are now (collect.py), and what a peer says
(reception.py). An entry that is put as it was leaves no trace.
"""

from collections.abc import Iterable

from hadelect.core.versions import Line
from hadelect.replication.catalog import ALIVE, Catalog, Row
from hadelect.replication.manifest import (
    DIGEST,
    EntryChange,
    Kind,
    Refused,
    blocks_of,
    bucket_digest,
    bucket_of,
    header_hash,
    set_digest,
)
from hadelect.replication.rows import CHUNK, Rows
from hadelect.replication.sums import SUM, unknown

# Of which side's file; (side, None): it proves nothing yet; None: nothing is known of it.
Sign = tuple[int, bytes | None] | None


class Draft:
    """Version `number`; its transaction is begun and ended by the caller."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.rows = Rows(catalog)
        self.db = catalog.db
        self.buckets = bytearray(catalog.head_buckets())
        self._head = catalog.head()
        self.number = catalog.new()
        self._touched: set[int] = set()
        self._files = 0
        self.retimed = False  # A file's time of modification is another one, and nothing else.

    def at(self, root: int, path: bytes) -> Row | None:
        return self.rows.at(self.number, root, path)

    def put(self, change: EntryChange, digest: bytes, file: int, sign: Sign) -> bool:
        """An entry is this; False: it was this before, but perhaps for its time."""
        old = self.at(change.root, change.path)
        if old is not None and old.digest == digest and old.mtime_ns == change.mtime_ns:
            if sign is not None:
                self.sign(old.id, *sign)
            return False
        same = old is not None and old.digest == digest
        self.retimed |= same
        if old is not None:
            gone = old.kind == Kind.FILE != change.kind
            self.drop(old) if gone else self._end(old)
        side, value = sign or (0, None)
        self._insert(change, digest, file, (value, None) if side == 0 else (None, value))
        return not same

    def _insert(
        self,
        change: EntryChange,
        digest: bytes,
        file: int,
        signs: tuple[bytes | None, bytes | None],
    ) -> None:
        parent = change.path.rpartition(b"/")[0] if change.path else None
        bucket = bucket_of(change.root, change.path)
        self._touched.add(bucket)
        self.db.execute(
            "INSERT INTO entries(root, path, parent, kind, mode, uid, gid, size, mtime_ns, target,"
            "bucket, digest, file, born, sign0, sign1) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                change.root,
                change.path,
                parent,
                int(change.kind),
                change.mode,
                change.uid,
                change.gid,
                change.size,
                change.mtime_ns,
                change.target,
                bucket,
                digest,
                file,
                self.number,
                *signs,
            ),
        )

    def sign(self, row: int, side: int, value: bytes | None) -> None:
        """What the entry's file on that side looks like."""
        self.db.execute(f"UPDATE entries SET sign{side} = ? WHERE id = ?", (value, row))

    def drop(self, row: Row) -> None:
        """An entry is gone, with its blocks."""
        self._end(row)
        if row.kind == Kind.FILE:
            self.end_chunks(row.file, 0)

    def _end(self, row: Row) -> None:
        self._touched.add(bucket_of(row.root, row.path))
        if row.born == self.number:
            self.db.execute("DELETE FROM entries WHERE id = ?", (row.id,))
        else:
            self.db.execute("UPDATE entries SET died = ? WHERE id = ?", (self.number, row.id))

    def end_chunks(self, file: int, first: int, last: int = ALIVE) -> None:
        """These chunks of a file are not valid any more."""
        self.db.execute(
            "DELETE FROM chunks WHERE file = ? AND chunk BETWEEN ? AND ? AND born = ?",
            (file, first, last, self.number),
        )
        self.db.execute(
            "UPDATE chunks SET died = ? WHERE file = ? AND chunk BETWEEN ? AND ? AND died = ?",
            (self.number, file, first, last, ALIVE),
        )

    def set_chunk(self, file: int, chunk: int, digests: bytes, sums: bytes) -> None:
        """What was valid there must have ended."""
        self.db.execute(
            "INSERT INTO chunks(file, chunk, digests, sums, born) VALUES (?, ?, ?, ?, ?)",
            (file, chunk, digests, sums, self.number),
        )

    def set_sums(self, file: int, chunk: int, sums: bytes) -> None:
        """Of a chunk that is what it was; true in every version that it is part of."""
        query = "UPDATE chunks SET sums = ? WHERE file = ? AND chunk = ? AND died = ?"
        self.db.execute(query, (sums, file, chunk, ALIVE))

    def new_file(self) -> int:
        """A number for the chunks of a file that was not there before."""
        self._files += 1
        return self.number << 32 | self._files

    def back_to(self, base: int) -> None:
        """Begin from an older version than the head."""
        head = self._head
        for row in self.rows.only_in(head, base):
            self.drop(row)
        for row in self.rows.only_in(base, head):
            old = self.at(row.root, row.path)
            if old is not None:
                self.drop(old)
            self._again(row, base)

    def _again(self, row: Row, base: int) -> None:
        change = change_of(row)
        file = self.new_file() if row.kind == Kind.FILE else 0
        for first, digests in self.rows.digests(row.file, base):
            self.set_chunk(file, first // CHUNK, digests, unknown(len(digests) // DIGEST))
        self._insert(change, row.digest, file, (None, None))

    def digest(self) -> str:
        """Of the set, as it is now; hex."""
        for bucket in sorted(self._touched):
            found = self.db.execute(
                "SELECT digest FROM entries WHERE bucket = ? AND born <= ? AND died > ? "
                "ORDER BY digest",
                (bucket, self.number, self.number),
            )
            self.buckets[bucket * DIGEST : (bucket + 1) * DIGEST] = bucket_digest(
                row[0] for row in found
            )
        self._touched.clear()
        return set_digest(bytes(self.buckets))

    def stray(self) -> bytes | None:
        """The path of an entry that is in no directory; None: there is none."""
        above = (
            "EXISTS (SELECT 1 FROM entries p WHERE p.root = e.root AND p.path = e.parent "
            f"AND p.kind = {int(Kind.DIRECTORY)} AND p.born <= :number AND p.died > :number)"
        )
        for query in (
            f"SELECT path FROM entries e WHERE born = :number AND parent NOTNULL AND NOT {above}",
            (
                "SELECT e.path FROM entries d JOIN entries e "
                "ON e.root = d.root AND e.parent = d.path WHERE d.died = :number "
                f"AND e.born <= :number AND e.died > :number AND NOT {above}"
            ),
        ):
            found = self.db.execute(query, {"number": self.number}).fetchone()
            if found:
                return bytes(found[0])
        return None

    def name(self, line: Line) -> None:
        """Of the finished draft."""
        assert not self._touched
        query = "UPDATE versions SET buckets = ? WHERE id = ?"
        self.db.execute(query, (bytes(self.buckets), self.number))
        self.catalog.name(self.number, line)


class FileDraft:
    """A file's blocks, put in ascending order; those that are not put stay what they were."""

    def __init__(self, draft: Draft, root: int, path: bytes) -> None:
        self.draft = draft
        self.old = draft.at(root, path)
        known = self.old is not None and self.old.kind == Kind.FILE
        self.file = self.old.file if self.old is not None and known else draft.new_file()
        self._fresh = not known  # The catalog has nothing of it.
        self._chunk = -1
        self._had = b"", b""
        self._now = bytearray()
        self._sums = bytearray()

    def blocks(self, first: int, digests: bytes, sums: bytes = b"") -> None:
        """Raises Refused: a hole before them."""
        sums = sums or unknown(len(digests) // DIGEST)
        while digests:
            chunk, at = divmod(first, CHUNK)
            self._turn_to(chunk)
            count = min(len(digests) // DIGEST, CHUNK - at)
            if at * DIGEST > len(self._now):
                raise Refused(f"block {first} is named and the one before it is not")
            self._now[at * DIGEST : (at + count) * DIGEST] = digests[: count * DIGEST]
            self._sums[at * SUM : (at + count) * SUM] = sums[: count * SUM]
            digests, sums = digests[count * DIGEST :], sums[count * SUM :]
            first += count

    def _turn_to(self, chunk: int) -> None:
        if chunk == self._chunk:
            return
        self._flush()
        self._chunk = chunk
        self._had = b"", b""
        if not self._fresh:
            self._had = self.draft.rows.summed(self.file, self.draft.number, chunk)
        self._now, self._sums = bytearray(self._had[0]), bytearray(self._had[1])

    def _flush(self) -> None:
        now = bytes(self._now), bytes(self._sums)
        if self._chunk < 0 or now == self._had:
            return
        if now[0] != self._had[0]:
            if not self._fresh:
                self.draft.end_chunks(self.file, self._chunk, self._chunk)
            self.draft.set_chunk(self.file, self._chunk, *now)
        else:
            self.draft.set_sums(self.file, self._chunk, now[1])
        self._had = now

    def end(self, change: EntryChange, sign: Sign) -> bool:
        """The file is this; False: it was before. Raises Refused: blocks are not named."""
        count = blocks_of(change.size)
        if count:
            last = (count - 1) // CHUNK
            self._turn_to(last)
            del self._now[(count - last * CHUNK) * DIGEST :]
            del self._sums[(count - last * CHUNK) * SUM :]
        self._flush()
        if not self._fresh:
            self.draft.end_chunks(self.file, -(-count // CHUNK))
        named = 0
        hasher = header_hash(change)
        for first, digests in self._all(count):
            if first != named:
                break
            named += len(digests) // DIGEST
            hasher.update(digests)
        if named != count:
            raise Refused(f"{change.path[:200]!r}: {named} of {count} blocks are named")
        return self.draft.put(change, hasher.digest(), self.file, sign)

    def _all(self, count: int) -> Iterable[tuple[int, bytes]]:
        if count > CHUNK:
            return self.draft.rows.digests(self.file, self.draft.number)
        return ((0, bytes(self._now)),) if count else ()


def change_of(row: Row) -> EntryChange:
    """The header of an entry."""
    return EntryChange(
        row.root,
        row.path,
        Kind(row.kind),
        row.mode,
        row.uid,
        row.gid,
        row.size,
        row.mtime_ns,
        row.target,
    )
