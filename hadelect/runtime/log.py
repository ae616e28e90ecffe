"""The log: one line per change, text or JSON, to stderr or to a file with rotation.

Law: whoever logs never waits. Lines go through a bounded queue to a thread of their own, so that a
full disk, a hung file system or a slow reader of stderr costs lines (which are counted), not time.
"""

import json
import logging
import logging.handlers
import queue
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from hadelect.config.model import LogSpec

QUEUED = 2_000  # Lines that may wait for a slow disk.
LEVELS = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning"}


class DroppingHandler(logging.handlers.QueueHandler):
    """Hands lines over without waiting; counts those that had no room."""

    def __init__(self, waiting: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__(waiting)
        self.dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class Writer(logging.handlers.QueueListener):
    """The thread that writes; it never holds up the end of the process."""

    def stop_within(self, seconds: float) -> None:
        """Write what waits, but give a hung disk up after `seconds`."""
        thread = getattr(self, "_thread", None)
        try:
            self.queue.put_nowait(None)
        except queue.Full:
            return
        if thread is not None:
            thread.join(seconds)
        if thread is None or not thread.is_alive():
            for handler in self.handlers:
                handler.close()


def stamp(created: float) -> str:
    """Wall clock, ISO 8601 in UTC with milliseconds."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created))
    return f"{whole}.{int(created % 1 * 1000):03d}Z"


def fields_of(record: logging.LogRecord) -> Mapping[str, object]:
    fields: Mapping[str, object] = getattr(record, "fields", {})
    return fields


class TextFormat(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        mark = "" if record.levelno < logging.WARNING else f"{LEVELS[logging.WARNING]}: "
        return f"{stamp(record.created)} {record.name} {mark}{record.getMessage()}"


class JsonFormat(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = LEVELS.get(record.levelno, "info")
        line = {"time": stamp(record.created), "level": level, "member": record.name}
        return json.dumps({**line, "message": record.getMessage(), **fields_of(record)})


class StandardError(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - inherited name
        """Nobody reads stderr any more: there is nobody left to tell."""


def old_name(path: Path) -> Path:
    """Where the rotation puts what was in `path`."""
    return path.with_name(f"{path.name}.old")


class RotatingFile(logging.handlers.RotatingFileHandler):
    """HTCondor's rotation: one old file, NAME.old. A full disk costs lines."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - inherited name
        """The line is lost; the metrics and the next line that fits go on."""

    def rotation_filename(self, default_name: str) -> str:
        return str(old_name(Path(default_name.removesuffix(".1"))))


def destination(path: Path | None, max_bytes: int) -> logging.Handler:
    """Raises OSError when the file cannot be opened."""
    if path is None:
        return StandardError(sys.stderr)
    return RotatingFile(path, maxBytes=max_bytes, backupCount=1, encoding="utf-8")


def opened(spec: LogSpec) -> logging.Handler:
    """Where lines go, and in which form. Raises OSError when the file cannot be opened."""
    handler = destination(spec.path, spec.max_bytes)
    handler.setFormatter(JsonFormat() if spec.json else TextFormat())
    return handler


class Log:
    """What the daemon says to its administrator. Raises OSError when the file cannot be opened."""

    def __init__(self, spec: LogSpec, member: str) -> None:
        handler = opened(spec)
        waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUED)
        self._entrance = DroppingHandler(waiting)
        self._writer = Writer(waiting, handler)
        self._logger = logging.Logger(member, logging.DEBUG if spec.debug else logging.INFO)  # noqa: LOG001 - not shared
        self._logger.addHandler(self._entrance)
        self._writer.start()

    def reopen(self, handler: logging.Handler, *, debug: bool) -> None:
        """From now on lines go there. The old file is closed aside: its disk may hang."""
        self._logger.setLevel(logging.DEBUG if debug else logging.INFO)
        old, self._writer.handlers = self._writer.handlers, (handler,)
        for each in old:
            threading.Thread(target=each.close, daemon=True).start()

    @property
    def dropped(self) -> int:
        """Lines that had no room in the queue."""
        return self._entrance.dropped

    def debug(self, text: str, **fields: object) -> None:
        self._logger.debug("%s", text, extra={"fields": fields})

    def info(self, text: str, **fields: object) -> None:
        self._logger.info("%s", text, extra={"fields": fields})

    def warning(self, text: str, **fields: object) -> None:
        self._logger.warning("%s", text, extra={"fields": fields})

    def output(self, source: str, line: str) -> None:
        """A line of the controllee's stdout or stderr, named."""
        self._logger.info("%s: %s", source, line, extra={"fields": {"source": source}})

    def close(self) -> None:
        if self.dropped:
            self.warning(f"{self.dropped} log lines were dropped: the log was too slow")
        self._writer.stop_within(1.0)
