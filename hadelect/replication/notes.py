"""What the policy wants to remember over a restart, in a small file of its own.

Law 1: the loop never waits for the disk; a newer note replaces one that still waits.
Law 2: the file is the old note or the new one, whole; what cannot be read counts as none, and
       that is said.
Law 3: the age of the copy goes on growing while nobody runs, by this host's time of day. Where that
       went backwards, nobody knows.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from hadelect.core.replication.effects import Note
from hadelect.core.replication.messages import UNKNOWN_MS
from hadelect.core.versions import Version
from hadelect.core.vocabulary import Millis, Term
from hadelect.replication.worker import Worker

FILE = "replication.note"
NOTHING = Note(None, UNKNOWN_MS)


class Notes:
    def __init__(self, directory: Path, trouble: Callable[[str], None]) -> None:
        """`directory`: HAD_STATE_DIR."""
        self._path = directory / FILE
        self._trouble = trouble
        self._worker = Worker("notes")
        self._waiting: Note | None = None
        self._writing: asyncio.Task[None] | None = None

    def read(self) -> Note:
        """As it would be if it were noted now."""
        try:
            said = json.loads(self._path.read_bytes())
            known = said["known"]
            version = Version(Term(known[0]), known[1], known[2]) if known else None
            since_ms = wall_ms() - int(said["at_ms"])
            age = said["age_ms"] + since_ms if since_ms >= 0 else UNKNOWN_MS
            return Note(version, Millis(min(age, UNKNOWN_MS)), Term(said["others"]))
        except FileNotFoundError:
            return NOTHING
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            self._trouble(f"{self._path} cannot be read ({error}); it is written anew")
            return NOTHING

    def keep(self, note: Note) -> None:
        self._waiting = note
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        while self._waiting is not None:
            note, self._waiting = self._waiting, None
            try:
                await self._worker.do(lambda note=note: write(self._path, note))  # type: ignore[misc]
            except OSError as error:
                self._trouble(f"{self._path} cannot be written: {error.strerror}; make room there")

    def close(self) -> None:
        self._worker.close()


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def write(path: Path, note: Note) -> None:
    """Raises OSError."""
    known = note.known
    said = {
        "known": [known.term, known.sequence, known.digest] if known else None,
        "age_ms": note.age_ms,
        "others": note.others,
        "at_ms": wall_ms(),
    }
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        json.dump(said, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(directory)
    finally:
        os.close(directory)
