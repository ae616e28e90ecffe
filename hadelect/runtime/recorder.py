"""The flight recorder: keeps what the core was told and decided, in a bounded ring of files.

Law 1: the loop only appends to a list; a thread of its own encodes, compresses and writes.
Law 2: whole blocks are written, some seconds long (sooner after a change of role), each a gzip
       member of JSON lines: `zcat` reads a file, and a torn tail costs its last block.
Law 3: what cannot be kept (a full or a hung disk) is dropped, never waited for; the next file
       begins with all that the member knows, so that each can be replayed by itself.
"""

import errno
import queue
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hadelect import __version__
from hadelect.config.model import Config
from hadelect.core.effects import Effect, Record
from hadelect.core.events import Event
from hadelect.core.flight import (
    FORMAT,
    Beginning,
    Head,
    Line,
    NewRules,
    Snapshot,
    digest,
    encode_line,
    stepped,
)
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Millis, Rules
from hadelect.runtime.clock import boottime_ms, wall_clock
from hadelect.runtime.driver import Core

DIRECTORY = "flight"  # In the state directory.
ENDING = ".jsonl.gz"
BLOCK_EVENTS = 256
BLOCK_MS = 10_000
AFTER_A_CHANGE_MS = 500  # Not at once: then the processor has better things to do.
WAITING = 8  # Blocks that may wait for a slow disk: a minute, or a flood of some megabytes.
FILES = 8  # Of which the ring consists, when they are full.
MOST_FILES = 64  # Many short lives make many small ones.
LINES_AT_A_TIME = 4  # Then the thread lets the loop have the interpreter.
NAP_SECONDS = 0.001
LAST_SECONDS = 1.0


@dataclass(slots=True)
class Entry:
    now: Millis
    event: Event
    effects: tuple[Effect, ...] | None = None  # None: the step has not returned.


@dataclass(slots=True)
class Block:
    """Some events in a row, and what the member knew before the first."""

    rules: Rules
    state: State
    begun: Millis
    beginning: Beginning | None = None
    continues: bool = True  # The block before it was kept.
    entries: list[Entry] = field(default_factory=list)

    def lines(self) -> Iterator[Line]:
        if self.beginning is not None:
            yield self.beginning
        for entry in self.entries:
            yield stepped(entry.now, entry.event, entry.effects)


class FlightRecorder:
    """A driver.Core: the real one, and a note of all that passes through it."""

    def __init__(self, core: Core, ring: "Ring") -> None:
        self._core = core
        self._ring = ring
        self._block: Block | None = None
        self._until = Millis(0)  # When the block is handed over.

    def boot(self, rules: Rules, found: Record | None, same_boot: bool, now: Millis, /) -> Decision:
        decision = self._core.boot(rules, found, same_boot, now)
        beginning = Beginning(rules, found, same_boot, now, digest(decision.effects))
        self._begin(Block(rules, decision.state, now, beginning))
        return decision

    def step(self, rules: Rules, state: State, event: Event, now: Millis, /) -> Decision:
        block = self._block
        if block is None or block.rules is not rules:
            self.hand_over()
            block = self._begin(Block(rules, state, now))
        entry = Entry(now, event)
        block.entries.append(entry)
        decision = self._core.step(rules, state, event, now)
        entry.effects = decision.effects
        if decision.state.role is not state.role:
            self._until = min(self._until, Millis(now + AFTER_A_CHANGE_MS))
        if now >= self._until or len(block.entries) >= BLOCK_EVENTS:
            self.hand_over()
        return decision

    def wake_at(self, rules: Rules, state: State, /) -> Millis:
        return self._core.wake_at(rules, state)

    @property
    def dropped(self) -> int:
        """Blocks that could not be kept."""
        return self._ring.dropped

    def hand_over(self) -> None:
        """What was noted so far goes to the thread."""
        if self._block is not None:
            self._ring.put(self._block)
            self._block = None

    def close(self) -> None:
        """The last block, too; a hung disk is given up."""
        self.hand_over()
        self._ring.close()

    def _begin(self, block: Block) -> Block:
        self._block = block
        self._until = Millis(block.begun + BLOCK_MS)
        return block


class Ring:
    """The files, and the thread that writes them."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._waiting: queue.Queue[Block | None] = queue.Queue(WAITING)
        self._closing = False
        self._lost = False  # The last block had no room.
        self.dropped = 0
        self._file: BinaryIO | None = None
        self._rules: Rules | None = None  # Of the last block written to it.
        self._kept = True  # The last block was written.
        self._thread = threading.Thread(target=self._write_all, name="flight", daemon=True)
        self._thread.start()

    def put(self, block: Block) -> None:
        block.continues = not self._lost
        try:
            self._waiting.put_nowait(block)
            self._lost = False
        except queue.Full:
            self._lost = True
            self.dropped += 1

    def close(self) -> None:
        """A full queue has its time, too: a slow disk is no hung one."""
        self._closing = True
        last = time.monotonic() + LAST_SECONDS
        try:
            self._waiting.put(None, timeout=LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(max(0.0, last - time.monotonic()))

    # --- the thread ----------------------------------------------------------------------------

    def _write_all(self) -> None:
        while (block := self._waiting.get()) is not None:
            try:
                self._write(block)
                self._kept = True
            except OSError:
                self._shut()
                self._kept = False
                self.dropped += 1
        self._shut()

    # A file is opened without a buffer: what write() took is in the kernel, whatever kills us next.

    def _write(self, block: Block) -> None:
        """Raises OSError; then the next block begins a file of its own."""
        file = self._file
        opening: list[Line] = []
        if file is None or not block.continues or self._is_full(file):
            self._shut()
            file = self._file = self._next_file()
            opening.append(Head(FORMAT, __version__, wall_clock(), boottime_ms()))
            if block.beginning is None:
                continues = block.continues and self._kept
                opening.append(Snapshot(block.rules, block.state, continues))
        elif block.rules is not self._rules:
            opening.append(NewRules(block.rules))
        self._rules = block.rules
        packed = self._compressed([*opening, *block.lines()])
        if file.write(packed) != len(packed):
            raise OSError(errno.ENOSPC, "the disk is full")

    def _compressed(self, lines: list[Line]) -> bytes:
        packer = zlib.compressobj(wbits=31)
        parts = []
        for number, line in enumerate(lines):
            parts.append(packer.compress(encode_line(line).encode() + b"\n"))
            if number % LINES_AT_A_TIME == 0 and not self._closing:
                time.sleep(NAP_SECONDS)
        return b"".join((*parts, packer.flush()))

    def _is_full(self, file: BinaryIO) -> bool:
        return file.tell() >= self._max_bytes // FILES

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _next_file(self) -> BinaryIO:
        """The oldest go until there is room for a full one."""
        self._directory.mkdir(mode=0o750, exist_ok=True)
        names = files_in(self._directory)
        room = self._max_bytes - self._max_bytes // FILES
        sizes = [path.stat().st_size for path in names]
        while names and (sum(sizes) > room or len(names) >= MOST_FILES):
            names.pop(0).unlink(missing_ok=True)
            sizes.pop(0)
        number = int(names[-1].name.removesuffix(ENDING)) + 1 if names else 1
        return (self._directory / f"{number:08}{ENDING}").open("xb", buffering=0)


def files_in(directory: Path) -> list[Path]:
    """The ring, oldest first."""
    found = (path for path in directory.iterdir() if path.name.endswith(ENDING))
    return sorted(path for path in found if path.name.removesuffix(ENDING).isdecimal())


def recorder_of(config: Config, core: Core) -> FlightRecorder | None:
    """None: switched off."""
    if not config.max_flight:
        return None
    return FlightRecorder(core, Ring(config.state_dir / DIRECTORY, config.max_flight))
