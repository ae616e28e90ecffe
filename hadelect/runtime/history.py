"""The history: one JSON line per change, with term, cause and reason; `hadelect history` reads it.

Law: like the log, it is written by a thread of its own and never holds anything up.
"""

import logging
from collections.abc import Mapping
from json import dumps
from os import SEEK_END
from pathlib import Path
from queue import Queue

from hadelect.runtime.log import QUEUED, DroppingHandler, RotatingFile, Writer

FILE = "history"  # In the state directory.


class History:
    """Appends to `path`; at `max_bytes` it becomes history.old (0: never).

    Raises OSError when it cannot be opened.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        handler = RotatingFile(path, maxBytes=max_bytes, backupCount=1, encoding="utf-8")
        if not _ends_a_line(path):  # An earlier life died while it wrote: only that line is lost.
            with path.open("ab") as file:
                file.write(b"\n")
        waiting: Queue[logging.LogRecord | None] = Queue(QUEUED)
        self._entrance = DroppingHandler(waiting)
        self._writer = Writer(waiting, handler)
        self._writer.start()

    @property
    def dropped(self) -> int:
        return self._entrance.dropped

    def append(self, entry: Mapping[str, object]) -> None:
        """One change; the values must be JSON's."""
        line = dumps(entry, separators=(",", ":"))
        self._entrance.handle(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        self._writer.stop_within(1.0)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, SEEK_END):
            return True
        file.seek(-1, SEEK_END)
        return file.read() == b"\n"
