"""The catalog: which versions there are, and what each of them consists of.

Versions have local numbers, ascending. A row of an entry, or of 1024 of a file's blocks, is valid
from the version it was `born` in up to, not including, the one it `died` in: a new version touches
the rows that changed, and any two versions can be compared by numbers alone.

Law 1: what is committed is on disk (synchronous=FULL); what is not is as if it had never been.
Law 2: the newest version (`head`) is the only one that rows may still die of.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import Term
from hadelect.replication import disk
from hadelect.replication.errors import GoneError, StoreError
from hadelect.replication.manifest import BUCKETS, bucket_digest

ALIVE = 1 << 62  # `died` of a row that is still valid.
NOTHING = 0  # The number of the version in which there is no entry at all.
FORMAT = 3

EMPTY_BUCKETS = bucket_digest([]) * BUCKETS

_SCHEMA = f"""
CREATE TABLE state(format, roots, live, side0, side1, switching, catching_up, seed);
CREATE TABLE versions(
    id INTEGER PRIMARY KEY AUTOINCREMENT, term, sequence, digest, ends, taken_at, entries, size,
    buckets, complete);
CREATE TABLE entries(
    id INTEGER PRIMARY KEY, root INTEGER, path BLOB, parent BLOB, kind, mode, uid, gid, size,
    mtime_ns, target BLOB, bucket, digest BLOB, file INTEGER, born INTEGER,
    died INTEGER DEFAULT {ALIVE}, sign0 BLOB, sign1 BLOB);
CREATE INDEX entries_path ON entries(root, path, died);
CREATE INDEX entries_parent ON entries(root, parent, path, died);
CREATE INDEX entries_bucket ON entries(bucket, died, digest);
CREATE INDEX entries_born ON entries(born);
CREATE INDEX entries_died ON entries(died) WHERE died < {ALIVE};
CREATE TABLE chunks(
    file INTEGER, chunk INTEGER, digests BLOB, sums BLOB, born INTEGER,
    died INTEGER DEFAULT {ALIVE});
CREATE INDEX chunks_file ON chunks(file, chunk, died);
CREATE INDEX chunks_born ON chunks(born);
CREATE INDEX chunks_died ON chunks(died) WHERE died < {ALIVE};
CREATE TABLE packed(digest BLOB, pack INTEGER, at INTEGER, length INTEGER);
CREATE INDEX packed_digest ON packed(digest);
CREATE INDEX packed_pack ON packed(pack);
CREATE TABLE doubtful(root INTEGER, path BLOB, PRIMARY KEY (root, path));
"""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is in the versions from `born` up to `died`."""

    id: int
    root: int
    path: bytes
    kind: int
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    target: bytes
    digest: bytes
    file: int  # Whose chunks these are; files of one path and life share them.
    born: int
    died: int
    sign0: bytes | None  # The signature of the file on side 0, if it is known.
    sign1: bytes | None

    def sign(self, side: int) -> bytes | None:
        return self.sign1 if side else self.sign0


COLUMNS = ", ".join(f"e.{name}" for name in Row.__slots__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A version of the catalog."""

    id: int
    line: Line
    taken_at: float
    entries: int
    size: int
    buckets: bytes
    complete: bool


class Catalog:
    def __init__(self, path: Path, roots: list[str]) -> None:
        """Raises StoreError: damaged, of another release, or made for other roots."""
        self.path = path
        try:
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._open(roots)
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from None

    def close(self) -> None:
        self.db.close()

    def _open(self, roots: list[str]) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=FILE"):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.execute("PRAGMA cache_size=-16000")  # 16 MB
        if not self.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'state'").fetchone():
            with self.change():
                for statement in _SCHEMA.split(";"):
                    self.db.execute(statement)
                self.db.execute(
                    "INSERT INTO state VALUES (?, ?, 0, 0, 0, NULL, NULL, ?)",
                    (FORMAT, json.dumps(roots), secrets.randbits(63)),
                )
        found, made_for = self.db.execute("SELECT format, roots FROM state").fetchone()
        if found != FORMAT:
            raise StoreError(f"{self.path} is of another release (format {found}); remove it")
        if json.loads(made_for) != roots:
            raise StoreError(
                f"STATE_FILE was {', '.join(json.loads(made_for))} and is {', '.join(roots)}: "
                f"set it back, or stop the pool, remove {self.path.parent} on all members "
                f"and start anew with the live files that are there"
            )

    def _damaged(self, why: str) -> StoreError:
        return StoreError(
            f"{self.path} cannot be used ({why}): see that there is room; if it is damaged, remove "
            f"{self.path.parent}: this member then begins without a version of its own"
        )

    @contextmanager
    def change(self) -> Iterator[None]:
        """All of it or nothing; on disk at the end. Raises StoreError."""
        try:
            self.begin()
            yield
            self.commit()
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from None
        finally:
            self.rollback()

    def begin(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        disk.step("commit")
        self.db.execute("COMMIT")
        disk.step("committed")

    def rollback(self) -> None:
        if self.db.in_transaction:
            self.db.execute("ROLLBACK")

    # --- the one row of state --------------------------------------------------------------------

    def get(self, name: str) -> Any:
        return self.db.execute(f"SELECT {name} FROM state").fetchone()[0]

    def put(self, name: str, value: Any) -> None:
        self.db.execute(f"UPDATE state SET {name} = ?", (value,))

    @property
    def live(self) -> int:
        """Which side the live files are: 0 or 1; the other one is the shadow."""
        return int(self.get("live"))

    def version_of(self, side: int) -> int:
        """The number of the version that a side holds."""
        return int(self.get(f"side{side}"))

    def erase(self, number: int) -> None:
        """An unfinished version, the head, as if it had never been; within a transaction."""
        for table in ("entries", "chunks"):
            self.db.execute(f"DELETE FROM {table} WHERE born = ?", (number,))
            query = f"UPDATE {table} SET died = ? WHERE died = ?"
            self.db.execute(query, (ALIVE, number))
        self.db.execute("DELETE FROM versions WHERE id = ?", (number,))

    def unfinished(self) -> list[int]:
        query = "SELECT id FROM versions WHERE NOT complete ORDER BY id DESC"
        return [int(found[0]) for found in self.db.execute(query)]

    def completed(self, number: int, sides: tuple[int, ...]) -> None:
        """A version is complete, and on these sides; within a transaction."""
        self.db.execute("UPDATE versions SET complete = 1 WHERE id = ?", (number,))
        for side in sides:
            self.put(f"side{side}", number)

    def finish(self, number: int, sides: tuple[int, ...]) -> None:
        """The same, and the shadow is whole."""
        self.completed(number, sides)
        self.db.execute("DELETE FROM doubtful")

    def drop_before(self, number: int) -> None:
        """Versions below this one, and what only they consist of; within a transaction."""
        self.db.execute("DELETE FROM versions WHERE id < ?", (number,))
        for table in ("entries", "chunks"):
            self.db.execute(f"DELETE FROM {table} WHERE died <= ?", (number,))
        self.db.execute("DELETE FROM packed WHERE pack <= ?", (number,))

    # --- versions --------------------------------------------------------------------------------

    def new(self) -> int:
        """A number for a version that is being made; within change()."""
        cursor = self.db.execute(
            "INSERT INTO versions(complete, buckets) VALUES (0, ?)", (self.head_buckets(),)
        )
        return int(cursor.lastrowid or 0)

    def head(self) -> int:
        found = self.db.execute("SELECT max(id) FROM versions").fetchone()[0]
        return int(found or NOTHING)

    def head_buckets(self) -> bytes:
        row = self.db.execute("SELECT buckets FROM versions ORDER BY id DESC LIMIT 1").fetchone()
        return bytes(row[0]) if row else EMPTY_BUCKETS

    def name(self, number: int, line: Line) -> None:
        """Say which version it is, and count what is in it."""
        entries, size = self.db.execute(
            "SELECT count(*), total(size) FROM entries WHERE born <= ? AND died > ?",
            (number, number),
        ).fetchone()
        version = line.version
        self.db.execute(
            "UPDATE versions SET term = ?, sequence = ?, digest = ?, ends = ?, taken_at = ?, "
            "entries = ?, size = ? WHERE id = ?",
            (
                version.term,
                version.sequence,
                version.digest,
                json.dumps(line.ends),
                time.time(),
                entries,
                int(size),
                number,
            ),
        )

    def versions(self) -> list[Taken]:
        """Those that are complete, newest first."""
        found = self.db.execute(
            "SELECT id, term, sequence, digest, ends, taken_at, entries, size, buckets, complete "
            "FROM versions WHERE complete ORDER BY id DESC"
        )
        return [_taken(row) for row in found]

    def taken(self, number: int) -> Taken | None:
        return next((taken for taken in self.versions() if taken.id == number), None)

    def find(self, version: Version | None) -> Taken | None:
        """The same term, sequence and digest."""
        if version is None:
            return None
        return next((kept for kept in self.versions() if kept.line.version == version), None)

    def need(self, version: Version) -> Taken:
        taken = self.find(version)
        if taken is None:
            raise GoneError(f"version {version} is not kept here (any more)")
        return taken


def _taken(row: tuple[Any, ...]) -> Taken:
    number, term, sequence, digest, ends, taken_at, entries, size, buckets, complete = row
    listed = tuple((Term(end), int(last)) for end, last in json.loads(ends))
    line = Line(Version(Term(term), sequence, digest), listed)
    return Taken(number, line, taken_at, entries, size, bytes(buckets), bool(complete))
