"""Trials of several systems side by side without one's start-up in another one's milliseconds.

Law 1: restarting and settling is done together with others, a swift blow alone: nobody restarts
       anything between it and the new exec.
Law 2: first come, first served (a turnstile before the lock), so that nobody waits for ever.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Quiet:
    """A lock that processes share through a directory."""

    def __init__(self, directory: Path) -> None:
        self._turnstile = directory / "turnstile"
        self._room = directory / "room"

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Together with others who are busy."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody is busy."""
        with self._held(fcntl.LOCK_EX):
            yield

    @contextmanager
    def _held(self, kind: int) -> Iterator[None]:
        room = _opened(self._room)
        try:
            turnstile = _opened(self._turnstile)
            try:
                fcntl.flock(turnstile, fcntl.LOCK_EX)
                fcntl.flock(room, kind)
            finally:
                os.close(turnstile)
            yield
        finally:
            os.close(room)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
