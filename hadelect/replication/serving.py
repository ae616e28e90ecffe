"""What differs between two versions, as a peer needs it."""

from collections.abc import Iterator
from dataclasses import replace

from hadelect.replication.catalog import NOTHING, Row
from hadelect.replication.draft import change_of
from hadelect.replication.manifest import DIGEST, PART, EntryChange, Kind
from hadelect.replication.rows import CHUNK, Rows, runs


def changes(rows: Rows, number: int, base: int) -> Iterator[EntryChange]:
    """From the version `base` (NOTHING: from none) to the version `number`."""
    if base != NOTHING:
        for row in rows.only_in(base, number):
            if rows.at(number, row.root, row.path) is None:
                yield EntryChange(row.root, row.path, Kind.GONE)
    for row in rows.only_in(number, base):
        if row.kind == Kind.FILE:
            yield from _parts(rows, row, number, base)
        else:
            yield change_of(row)


def _parts(rows: Rows, row: Row, number: int, base: int) -> Iterator[EntryChange]:
    header = change_of(row)
    last: EntryChange | None = None
    for first, digests in _differing(rows, row, number, base):
        if last is not None:
            yield replace(last, more=True)
        last = replace(header, first=first, blocks=digests)
    yield last or header


def _differing(rows: Rows, row: Row, number: int, base: int) -> Iterator[tuple[int, bytes]]:
    old = rows.at(base, row.root, row.path) if base != NOTHING else None
    file = old.file if old is not None and old.kind == Kind.FILE else None
    for start, digests in rows.digests(row.file, number):
        have = rows.chunk(file, base, start // CHUNK) if file is not None else b""
        for first, count in runs(digests, have, PART):
            yield start + first, digests[first * DIGEST : (first + count) * DIGEST]
