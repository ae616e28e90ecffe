"""The flight recorder: real files, a real thread, the real core."""

import gzip
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hadelect.core import election
from hadelect.core.effects import Record
from hadelect.core.events import Event, Persisted, SupervisorReady, Tick
from hadelect.core.flight import Head, Line, NewRules, Replay, Snapshot, Step
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Arbitration, Identity, Millis, Name, Rules
from hadelect.runtime import recorder as recording
from hadelect.runtime.flights import Flight, Unreadable
from hadelect.runtime.recorder import Block, FlightRecorder, Ring, files_in

RULES = Rules(Name("a:1"), Identity("p", (Name("a:1"),), (), Arbitration.MAJORITY, "X"))


class Life:
    """One member's core behind a recorder."""

    def __init__(
        self, directory: Path, max_bytes: int = 1_000_000, core: object = election
    ) -> None:
        self.directory = directory
        self.rules = RULES
        self.recorder = FlightRecorder(core, Ring(directory, max_bytes))  # type: ignore[arg-type]
        self.now = 0
        self.state = self.recorder.boot(RULES, Record(clean=True), True, Millis(0)).state
        for event in (Persisted(1), SupervisorReady("0" * 64)):
            self.feed(event)

    def feed(self, event: Event, after: int = 0) -> None:
        self.now += after
        self.state = self.recorder.step(self.rules, self.state, event, Millis(self.now)).state

    def run(self, ticks: int, every: int = 500) -> None:
        for _ in range(ticks):
            self.feed(Tick(Millis(self.now + every)), every)
            self.feed(Persisted(self.state.record.serial))

    def lines(self) -> list[Line]:
        return [line for path in files_in(self.directory) for _, line in Flight(path).lines()]

    def written(self, count: int) -> None:
        until(lambda: self.directory.exists() and len(self.lines()) >= count)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def replayed(lines: list[Line]) -> int:
    """How many lines decide the same; fails at the first that does not."""
    player = Replay()
    for line in lines:
        assert player.play(line).difference == ""
    return len(lines)


def test_what_was_recorded_decides_the_same(tmp_path: Path) -> None:
    """A life, closed: every event is there, and `zcat` shows JSON lines."""
    life = Life(tmp_path / "flight")
    life.run(40)
    assert life.state.leading is not None
    life.recorder.close()
    (path,) = files_in(life.directory)
    assert replayed(life.lines()) == 2 + 2 + 80
    assert gzip.decompress(path.read_bytes()).startswith(b'{"is":"Head","format":2')
    assert life.recorder.dropped == 0


def test_blocks_come_by_themselves_and_soon_after_a_change(tmp_path: Path) -> None:
    """Nobody closes anything: ten seconds' events are on disk, a role change in half a second."""
    life = Life(tmp_path / "flight")
    life.run(3)  # It becomes leader in the first; 1.5 s of its time go by.
    life.written(6)
    life.run(19)
    before = len(life.lines())
    life.run(2)
    life.written(before + 30)
    life.recorder.close()


def test_the_ring_is_bounded_and_each_file_stands_alone(tmp_path: Path) -> None:
    """The oldest go; what is left is replayed from any file on, and joins."""
    life = Life(tmp_path / "flight", max_bytes=10_000)
    for _ in range(12):
        life.run(25)
        until(life.recorder._ring._waiting.empty)
    life.recorder.close()
    paths = files_in(life.directory)
    assert sum(path.stat().st_size for path in paths) <= 11_000
    assert int(paths[0].name.split(".")[0]) > 1
    assert len(paths) > 3
    for path in paths:
        replayed([line for _, line in Flight(path).lines()])
    replayed(life.lines())


def test_many_short_lives_make_no_more_than_so_many_files(tmp_path: Path) -> None:
    """A daemon that crashes again and again fills no directory."""
    for _ in range(recording.MOST_FILES + 2):
        Life(tmp_path / "flight").recorder.close()
    assert len(files_in(tmp_path / "flight")) == recording.MOST_FILES


def test_a_full_disk_costs_blocks_and_the_next_file_tells_all(tmp_path: Path) -> None:
    """Dropped, counted, and gone on with a snapshot; the core is not held up."""
    directory = tmp_path / "flight"
    directory.write_text("in the way")  # No directory can be made here.
    life = Life(directory)
    life.run(30)
    until(lambda: life.recorder.dropped > 0)
    directory.unlink()
    life.run(30)
    life.recorder.close()
    lines = life.lines()
    assert isinstance(lines[1], Snapshot)
    replayed(lines)


def test_a_hung_disk_costs_blocks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded; what comes after it begins anew."""
    monkeypatch.setattr(recording, "WAITING", 1)
    life = Life(tmp_path / "flight")
    ring = life.recorder._ring
    pack, reached, disk = ring._compressed, threading.Event(), threading.Event()

    def hung(lines: list[Line]) -> bytes:
        reached.set()
        disk.wait()
        return pack(lines)

    monkeypatch.setattr(ring, "_compressed", hung)
    life.run(22)
    assert reached.wait(10)
    life.run(200)  # One block waits, the others are too many.
    assert life.recorder.dropped > 0
    disk.set()

    def begins_anew() -> bool:
        life.run(22)  # A block, which a busy thread may drop again.
        return sum(isinstance(line, Head) for line in life.lines()) > 1

    until(begins_anew)
    life.recorder.close()
    replayed(life.lines())


def test_a_full_queue_is_no_hung_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits at the end is written, if the disk takes it in time."""
    monkeypatch.setattr(recording, "WAITING", 1)
    monkeypatch.setattr(recording, "LAST_SECONDS", 60)
    life = Life(tmp_path / "flight")
    ring = life.recorder._ring
    write, reached, disk = ring._write, threading.Event(), threading.Event()

    def slow(block: Block) -> None:
        reached.set()
        disk.wait()
        write(block)

    monkeypatch.setattr(ring, "_write", slow)
    life.recorder.hand_over()
    assert reached.wait(10)
    life.feed(Tick(Millis(100)), 100)
    life.recorder.hand_over()
    assert ring._waiting.full()
    assert life.recorder.dropped == 0
    closing = threading.Thread(target=ring.close)
    closing.start()
    disk.set()
    closing.join()
    assert not ring._thread.is_alive()
    assert replayed(life.lines()) == 2 + 2 + 1


def test_a_flight_comes_through_a_pipe(tmp_path: Path) -> None:
    """The beginning is read once: what it was when asked, and what is read, are the same."""
    life = Life(tmp_path / "flight")
    life.run(4)
    life.recorder.close()
    (path,) = files_in(life.directory)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writing.start()
    lines = [line for _, line in Flight(pipe).lines()]
    writing.join()
    assert lines == life.lines()


def test_reloaded_rules_are_an_input(tmp_path: Path) -> None:
    """A step with other rules writes them down first."""
    life = Life(tmp_path / "flight")
    life.run(5)
    life.rules = replace(RULES, lease_ms=Millis(9000))
    life.run(5)
    life.recorder.close()
    assert sum(isinstance(line, NewRules) for line in life.lines()) == 1
    replayed(life.lines())


def test_the_event_that_crashed_the_core_is_the_last_one(tmp_path: Path) -> None:
    """It is noted before the step; the crash hands it over."""

    class Broken:
        boot = staticmethod(election.boot)
        wake_at = staticmethod(election.wake_at)

        @staticmethod
        def step(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
            if now > 1000:
                raise ZeroDivisionError
            return election.step(rules, state, event, now)

    life = Life(tmp_path / "flight", core=Broken)
    with pytest.raises(ZeroDivisionError):
        life.run(5)
    life.recorder.close()
    last = life.lines()[-1]
    assert isinstance(last, Step)
    assert (last.digest, last.now) == (None, 1500)
    assert life.recorder.wake_at(RULES, life.state) > 0


def test_a_torn_tail_is_fine(tmp_path: Path) -> None:
    """Cut anywhere: what is whole is read, the rest is named; never an exception."""
    life = Life(tmp_path / "flight")
    life.run(30)
    life.recorder.close()
    (path,) = files_in(life.directory)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        flight = Flight(path)
        replayed([line for _, line in flight.lines()])
        assert flight.torn or length == 0 or length == len(whole) or len(whole) - length < 97
    path.write_bytes(whole + b"\x1f\x8bjunk")
    damaged = Flight(path)
    assert replayed([line for _, line in damaged.lines()]) > 50
    assert "damaged" in damaged.torn


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    """File and line; plain JSON lines are read like packed ones."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"is":"Head","format":2,"software":"","wall":"","now":1}\n{"is":"Nonsense"}\n')
    with pytest.raises(Unreadable, match=r"x.jsonl, line 2: it is 'Nonsense', none of Head"):
        list(Flight(path).lines())
    path.write_text('{"is":"Head","format":2,"software":"","wall":"","now":1}\n{"is"')
    flight = Flight(path)
    assert len(list(flight.lines())) == 1
    assert flight.torn == "line 2 has no end"
