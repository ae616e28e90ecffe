"""Reads a history: what was written, from a place on, whatever became of the file meanwhile.

Law 1: a line that is damaged is skipped and counted; one without an end is left for the next time.
Law 2: a place is (inode, offset): it survives the rotation and the daemon that wrote.
Law 3: the daemon reads in a thread of its own, one reader at a time: a hung disk delays readers
       only.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hadelect.core.vocabulary import Role
from hadelect.runtime.log import old_name

LIMIT = 1_000_000  # Bytes read at a time; far below what one gRPC message may hold.
WAITING = 8  # Readers that may wait for the thread.
ROLES = frozenset(role.value for role in Role)


class Busy(Exception):
    """Too many read the history at this moment."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines, oldest first, and where to go on."""

    lines: tuple[str, ...] = ()
    cursor: str = ""
    more: bool = False
    damaged: int = 0
    half_written: bool = False


def excerpt(path: Path, cursor: str = "", since: str = "", limit: int = LIMIT) -> Excerpt:
    """What `path` and its rotated predecessor hold from `cursor` on.

    `since`: only lines of that time or later (ISO 8601, as they are written). Raises OSError if
    the file is there and cannot be read; a history that does not exist is empty.
    """
    files = _opened(path)
    try:
        at = _Place.parse(cursor)
        known = [number for number, file in enumerate(files) if _inode(file) == at.inode]
        first = known[0] if known else 0
        for number, file in enumerate(files[first:], start=first):
            newest = number == len(files) - 1
            offset = at.offset if known and number == first else 0
            found = _read(file, offset, since, limit)
            if newest or found.more or found.lines or found.damaged:
                more = found.more or not newest
                half = found.half_written and newest and not found.more
                return Excerpt(found.lines, found.cursor, more, found.damaged, half)
        return Excerpt(cursor=cursor)
    finally:
        for file in files:
            file.close()


def entry_of(line: str | bytes) -> dict[str, Any] | None:
    """One change; None if the line is damaged."""
    try:
        entry = json.loads(line if isinstance(line, str) else line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    texts = all(_is_text(entry.get(key)) for key in ("time", "member", "because", "role"))
    sound = texts and isinstance(entry.get("term"), int) and entry.get("role") in ROLES
    return entry if sound and entry.get("was") in (None, *ROLES) else None


def _is_text(value: object) -> bool:
    """What can be shown and sent: half of a character cannot."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


@dataclass(frozen=True, slots=True)
class _Place:
    inode: int = 0
    offset: int = 0

    @classmethod
    def parse(cls, cursor: str) -> "_Place":
        """What is no cursor of ours is the beginning."""
        inode, _, offset = cursor.partition(":")
        known = inode.isdecimal() and offset.isdecimal() and len(cursor) < 50
        return cls(int(inode), int(offset)) if known else cls()


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


def _opened(path: Path) -> list[BinaryIO]:
    """Oldest first. The newest is opened first: a rotation in between then shows it twice."""
    files: list[BinaryIO] = []
    for name in (path, old_name(path)):
        try:
            file = name.open("rb")
        except FileNotFoundError:
            continue
        if files and _inode(file) == _inode(files[0]):
            file.close()
        else:
            files.insert(0, file)
    return files


def _read(file: BinaryIO, offset: int, since: str, limit: int) -> Excerpt:
    size = os.fstat(file.fileno()).st_size
    offset = offset if offset <= size else 0  # It was emptied.
    file.seek(offset)
    chunk = file.read(limit)
    end = chunk.rfind(b"\n") + 1
    if not end and len(chunk) == limit:  # No line of ours is so long.
        return Excerpt(cursor=f"{_inode(file)}:{offset + limit}", more=True, damaged=1)
    lines, damaged = [], 0
    for line in chunk[:end].splitlines():
        entry = entry_of(line)
        if entry is None:
            damaged += 1
        elif entry["time"] >= since:
            lines.append(line.decode())
    cursor = f"{_inode(file)}:{offset + end}"
    more = len(chunk) == limit
    return Excerpt(tuple(lines), cursor, more, damaged, half_written=end < len(chunk))


class Archive:
    """The daemon's reader of its own history."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._waiting = 0

    async def read(self, cursor: str, since: str) -> Excerpt:
        """Raises Busy, OSError."""
        if self._waiting >= WAITING:
            raise Busy("too many are reading the history; try again")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, excerpt, self._path, cursor, since)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
