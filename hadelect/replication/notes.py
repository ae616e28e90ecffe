"""What the policy wants to remember over a restart, in a small file of its own.

Law 1: the loop never waits for the disk; a newer note replaces one that still waits.
Law 2: the file is the old note or the new one, whole; what cannot be read counts as none, and
       that is said.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from hadelect.core.replication.effects import Note
from hadelect.core.versions import Version
from hadelect.core.vocabulary import Millis, Term
from hadelect.replication.worker import Worker

FILE = "replication.note"
NOTHING = Note(None, Millis(0))


class Notes:
    def __init__(self, directory: Path, trouble: Callable[[str], None]) -> None:
        """`directory`: HAD_STATE_DIR."""
        self._path = directory / FILE
        self._trouble = trouble
        self._worker = Worker("notes")
        self._waiting: Note | None = None
        self._writing: asyncio.Task[None] | None = None

    def read(self) -> Note:
        try:
            said = json.loads(self._path.read_bytes())
            known = said["known"]
            version = Version(Term(known[0]), known[1], known[2]) if known else None
            return Note(version, Millis(said["lag_ms"]))
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


def write(path: Path, note: Note) -> None:
    """Raises OSError."""
    known = note.known
    said = {
        "known": [known.term, known.sequence, known.digest] if known else None,
        "lag_ms": note.lag_ms,
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
