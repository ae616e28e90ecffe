"""The history: one JSON line per change, with term, cause and reason; `hadelect history` reads it.

Law: like the log, it is written by a thread of its own and never holds anything up.
"""

import logging
from collections.abc import Mapping
from json import dumps
from pathlib import Path
from queue import Queue

from hadelect.runtime.log import QUEUED, DroppingHandler, RotatingFile, Writer

MAX_BYTES = 4_000_000  # Then it becomes history.old: some 20 000 changes are kept at the least.


class History:
    """Appends to `path`. Raises OSError when it cannot be opened."""

    def __init__(self, path: Path) -> None:
        handler = RotatingFile(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8")
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
