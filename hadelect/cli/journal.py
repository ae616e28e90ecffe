"""The judge of a journal: who ran when, did two ever run at once, for how long did nobody.

Law: pure, but for `Tail`. A journal is text, a verdict is a value; all instants are nanoseconds of
CLOCK_MONOTONIC as the schedulers wrote them (one machine, one clock).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

Nanos = int
QUIET = 50_000_000  # Five lines missing.


class JournalError(ValueError):
    """A line that no toy scheduler wrote."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scheduler: from its first line to its last. `pid` may be one of its own namespace."""

    member: str
    term: int
    pid: int
    first: Nanos
    last: Nanos

    @property
    def who(self) -> str:
        return f"{self.member} (term {self.term}, pid {self.pid})"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two schedulers at once."""

    one: Run
    other: Run

    @property
    def start(self) -> Nanos:
        return max(self.one.first, self.other.first)

    @property
    def end(self) -> Nanos:
        return min(self.one.last, self.other.last)

    @property
    def length(self) -> Nanos:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody wrote: from the last line of `before` to the first of `after` (maybe the same)."""

    before: Run
    after: Run
    start: Nanos
    end: Nanos

    @property
    def length(self) -> Nanos:
        return self.end - self.start

    @property
    def moved(self) -> bool:
        """A failover, not a restart on the spot or a scheduler that was held up."""
        return self.before.member != self.after.member


@dataclass(frozen=True, slots=True)
class Verdict:
    runs: tuple[Run, ...]  # By first line.
    overlaps: tuple[Overlap, ...]  # By start.
    gaps: tuple[Gap, ...]  # By start.

    @property
    def overlap_ns(self) -> Nanos:
        """How long at least two ran, each instant counted once."""
        return sum(end - start for start, end in _union((o.start, o.end) for o in self.overlaps))


@dataclass(frozen=True, slots=True)
class Line:
    at: Nanos
    member: str
    term: int
    pid: int


def lines_of(text: str) -> list[Line]:
    """The journal's lines; a last line without its newline is still being written and left out.

    Raises JournalError with the line's number.
    """
    complete = text[: text.rfind("\n") + 1]
    return [_line(number, line) for number, line in enumerate(complete.splitlines(), start=1)]


def judge(text: str, quiet: Nanos = QUIET) -> Verdict:
    """Judge a journal; `quiet` (default 50 ms) without a line is a gap.

    A change of scheduler is always listed as a gap, however short. Raises JournalError.
    """
    return judge_lines(lines_of(text), quiet)


def judge_lines(written: Iterable[Line], quiet: Nanos = QUIET) -> Verdict:
    """The same, of lines already read, in any order."""
    lines = sorted(written, key=lambda line: line.at)
    runs = _runs(lines)
    return Verdict(
        runs=tuple(runs.values()), overlaps=_overlaps(runs), gaps=_gaps(lines, runs, quiet)
    )


_Key = tuple[str, int, int]


def _key(line: Line) -> _Key:
    return line.member, line.term, line.pid


def _line(number: int, line: str) -> Line:
    try:
        at, term, pid, member = line.split(" ")
        return Line(at=int(at), member=member, term=int(term), pid=int(pid))
    except ValueError:
        raise JournalError(f"journal line {number} is not 'ns term pid member': {line!r}") from None


def _runs(lines: Iterable[Line]) -> dict[_Key, Run]:
    first: dict[_Key, Nanos] = {}
    last: dict[_Key, Nanos] = {}
    for line in lines:
        first.setdefault(_key(line), line.at)
        last[_key(line)] = line.at
    return {key: Run(*key, first=start, last=last[key]) for key, start in first.items()}


def _overlaps(runs: dict[_Key, Run]) -> tuple[Overlap, ...]:
    pairs = (Overlap(one, other) for one, other in combinations(runs.values(), 2))
    return tuple(sorted((o for o in pairs if o.length > 0), key=lambda o: o.start))


def _gaps(lines: list[Line], runs: dict[_Key, Run], quiet: Nanos) -> tuple[Gap, ...]:
    return tuple(
        Gap(before=runs[_key(line)], after=runs[_key(then)], start=line.at, end=then.at)
        for line, then in pairwise(lines)
        if then.at - line.at > quiet or _follows(runs[_key(line)], runs[_key(then)])
    )


def _follows(before: Run, after: Run) -> bool:
    """One ended, another began; lines of two that overlap interleave and are no such change."""
    return before != after and before.last < after.first


def _union(spans: Iterable[tuple[Nanos, Nanos]]) -> Iterator[tuple[Nanos, Nanos]]:
    merged: list[tuple[Nanos, Nanos]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    yield from merged


class Tail:
    """The end of a journal that is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._lines: list[Line] = []

    def lines(self) -> list[Line]:
        """All complete lines since `forget`. Raises JournalError, OSError."""
        with self._path.open("rb") as journal:
            journal.seek(self._offset)
            fresh = journal.read()
        complete = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(complete)
        self._lines += lines_of(complete.decode())
        return self._lines

    def newest(self) -> Run | None:
        """The run of the newest line since `forget`."""
        runs = _runs(self.lines()).values()
        return max(runs, key=lambda run: run.last, default=None)

    def forget(self) -> None:
        """Drop what was read but for the last line: what follows is seen as its sequel."""
        del self._lines[:-1]
