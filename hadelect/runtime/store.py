"""What a member must remember: its record, and the voters' list in force, on its own disk.

Law 1: missing = a member that starts blank; damaged = refuse to start. Never a silent reset.
Law 2: the list in force is durable; the file of the configuration only proposes.
Law 3: only the writer's thread touches the disk once the member runs, in the order asked. Of
       records that wait, the newest alone is written: each holds all that the older ones held.
"""

import fcntl
import json
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from hadelect.core.effects import Record
from hadelect.core.vocabulary import MAX_TERM, Name
from hadelect.supervisor import slots
from hadelect.supervisor.slots import Slot

FILE = "election.record"
TERMS = ("term", "led", "promised_term")  # Of a Record.
Written = Callable[
    [int, str], None
]  # (serial, why it failed or ""), called in the writer's thread.


class StoreError(Exception):
    """The state directory cannot be used: one line with the path and the remedy."""


@dataclass(frozen=True, slots=True)
class Voters:
    """A voters' list: HAD_LIST and HAD_WITNESS_LIST."""

    members: tuple[Name, ...]
    witnesses: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """The content of the file."""

    voters: Voters
    boot_id: str
    record: Record | None  # None: this member never wrote one.


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Store:
    """The open file of one state directory; no other daemon can open it meanwhile."""

    def __init__(self, directory: Path, proposed: Voters, *, reset_voters: bool = False) -> None:
        """Raises StoreError."""
        self.path = directory / FILE
        self._boot_id = boot_id()
        self._pending: queue.SimpleQueue[tuple[Record, Written] | None] = queue.SimpleQueue()
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._write_all, name="store", daemon=True)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._fd = self._open(proposed)
            self.found = self._read()
            self.voters = self.found.voters
            if reset_voters and proposed != self.voters:
                self._write(replace(self.found, voters=proposed))
                self.voters = proposed
        except OSError as error:
            raise StoreError(
                f"HAD_STATE_DIR: {directory} cannot be used: {error.strerror or error}; "
                "name a directory on a local disk that this user may write"
            ) from None
        self._thread.start()

    @property
    def same_boot(self) -> bool:
        return self.found.boot_id == self._boot_id

    def persist(self, record: Record, written: Written) -> None:
        """Queue it; `written` is called in the writer's thread, in order."""
        self._pending.put((record, written))

    def busy_for(self) -> float:
        """Seconds since the write that runs now began; 0 = none runs."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def close(self, timeout: float) -> None:
        """Let what is queued be written, for at most `timeout` seconds."""
        self._pending.put(None)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            os.close(self._fd)  # And with it the lock.

    # --- the file ------------------------------------------------------------------------------

    def _open(self, proposed: Voters) -> int:
        if not self.path.exists():
            slots.create(str(self.path), self._content(Memory(proposed, self._boot_id, None)))
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise StoreError(
                f"HAD_STATE_DIR: {self.path.parent} is used by another HAD that runs already; "
                "stop that one, or give this one a HAD_STATE_DIR of its own"
            ) from None
        return fd

    def _read(self) -> Memory:
        found = slots.read(self._fd)
        if found.newest is None:
            raise self._damaged("no whole record is in it")
        self._sequence = found.newest.sequence
        try:
            memory = _memory(json.loads(found.newest.content))
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged(str(error)) from None
        if found.torn and memory.record:  # What was lost may have been newer than a clean stop.
            return replace(memory, record=replace(memory.record, clean=False))
        return memory

    def _damaged(self, why: str) -> StoreError:
        return StoreError(
            f"{self.path} is damaged ({why}): this member no longer knows what it promised; restore"
            f" it from a backup of this boot, or make sure that it leads nowhere, wait one lease"
            f" and remove the file: the member then starts blank"
        )

    def _content(self, memory: Memory) -> bytes:
        body = {
            "boot_id": memory.boot_id,
            "members": memory.voters.members,
            "witnesses": memory.voters.witnesses,
            "record": asdict(memory.record) if memory.record else None,
        }
        content = json.dumps(body, separators=(",", ":")).encode()
        if len(content) > slots.ROOM:
            raise StoreError(
                f"HAD_LIST: the voters' list and the record take {len(content)} bytes, "
                f"{slots.ROOM} are allowed; use shorter names or fewer members"
            )
        return content

    # --- the writer's thread -------------------------------------------------------------------

    def _write(self, memory: Memory) -> None:
        slots.write(self._fd, Slot(self._sequence + 1, self._content(memory)))
        self._sequence += 1

    def _write_all(self) -> None:
        while (batch := self._take()) is not None:
            self._busy_since = time.monotonic()
            failed = ""
            try:
                self._write(Memory(self.voters, self._boot_id, batch[-1][0]))
            except (OSError, StoreError) as error:
                failed = f"{self.path}: {error}"
            self._busy_since = None
            for record, written in batch:
                written(record.serial, failed)

    def _take(self) -> list[tuple[Record, Written]] | None:
        """All that waits, at least one; None = the end, after which nothing is written."""
        first = self._pending.get()
        if first is None:
            return None
        batch = [first]
        while not self._pending.empty():
            item = self._pending.get()
            if item is None:
                self._pending.put(None)  # The next round ends.
                break
            batch.append(item)
        return batch


def _memory(body: Any) -> Memory:
    """Raises KeyError, TypeError, ValueError."""
    record = body["record"]
    return Memory(
        Voters(_names(body["members"]), _names(body["witnesses"])),
        str(body["boot_id"]),
        _record(record) if record is not None else None,
    )


def _names(listed: Any) -> tuple[Name, ...]:
    if not isinstance(listed, list) or not all(isinstance(name, str) and name for name in listed):
        raise ValueError(f"{listed!r} is no list of members")
    return tuple(Name(name) for name in listed)


def _record(body: dict[str, Any]) -> Record:
    known = {}
    for field in fields(Record):
        if field.name not in body:
            continue
        value = body[field.name]
        default = field.default
        may_be_none = default is None and value is None
        wanted = str if default is None else type(default)
        if not may_be_none and type(value) is not wanted:
            raise ValueError(f"{field.name} is {value!r}")
        if field.name in TERMS and not 0 <= value <= MAX_TERM:
            raise ValueError(f"{field.name} is {value}, at most {MAX_TERM} can be")
        known[field.name] = value
    return Record(**known)
