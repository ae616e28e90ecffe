"""The story of `hadelect demo`: which blows are dealt, what the journal says came of each.

Law: pure. Nothing is counted but what the schedulers themselves wrote down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from hadelect.cli.journal import Gap, Line, Nanos, Run, Verdict, judge_lines

MS = 1_000_000


class Blow(Enum):
    """What happens to the leader, by turns."""

    KILL_DAEMON = "SIGKILL to the daemon"
    KILL_SUPERVISOR = "SIGKILL to the supervisor"
    FREEZE_DAEMON = "SIGSTOP to the daemon"
    TERMINATE = "SIGTERM to the supervisor"


# Causes in the history that are a proof of the old scheduler's death; SILENCE is only time.
_CAUSES = {
    "notice": "by proof (death notice)",
    "resign": "by proof (it resigned)",
    "handover": "by proof (it resigned)",
    "shutdown": "by proof (it resigned)",
    "primary": "by proof (handed over)",
    "silence": "by time (lease ran out)",
}


@dataclass(frozen=True, slots=True)
class Failover:
    """One blow and what came of it. `gap` is None if nobody took over in time."""

    blow: Blow
    struck: str  # The member.
    gap: Gap | None
    released: str = ""

    @property
    def happened(self) -> bool:
        return self.gap is not None and self.gap.moved

    @property
    def words(self) -> str:
        if self.gap is None:
            return f"NOBODY took over from {self.struck}"
        where = self.gap.after.member
        place = where if self.gap.moved else f"{where} again"
        return f"{place} after {milliseconds(self.gap.length)} without one, {self.released}"


def released_by(cause: str) -> str:
    return _CAUSES.get(cause, f"cause: {cause}" if cause else "its history does not say how")


def take_over(lines: Sequence[Line], old: Run) -> Gap | None:
    """The change from `old` to whoever came next, if somebody has."""
    for gap in judge_lines(lines).gaps:
        same = (gap.before.member, gap.before.term, gap.before.pid)
        if same == (old.member, old.term, old.pid) and gap.after != gap.before:
            return gap
    return None


@dataclass(frozen=True, slots=True)
class Summary:
    failovers: tuple[Failover, ...]
    verdict: Verdict

    @property
    def good(self) -> bool:
        """No overlap, and every blow was answered."""
        happened = all(failover.happened for failover in self.failovers)
        return bool(self.failovers) and happened and not self.verdict.overlaps

    def lines(self) -> list[str]:
        gaps = [f.gap.length for f in self.failovers if f.gap is not None]
        happened = sum(failover.happened for failover in self.failovers)
        told = [
            f"{_count(len(self.failovers), 'blow')}, {_count(happened, 'failover')}"
            + (f"; median gap {milliseconds(round(median(gaps)))}" if gaps else "")
            + (f", longest {milliseconds(max(gaps))}" if gaps else "")
        ]
        told += [line for blow in Blow if (line := self._of(blow))]
        overlaps = self.verdict.overlaps
        told.append(
            f"overlaps of two schedulers: {len(overlaps)}"
            + (f", {milliseconds(self.verdict.overlap_ns)} in all" if overlaps else "")
        )
        told += [
            f"  {one.one.who} and {one.other.who}: {milliseconds(one.length)}" for one in overlaps
        ]
        return [*told, self._other_gaps()]

    def _of(self, blow: Blow) -> str:
        gaps = [f.gap.length for f in self.failovers if f.blow is blow and f.gap is not None]
        if not gaps:
            return ""
        named = f"{blow.value} ({len(gaps)}x)"
        return f"  {named:<30} median gap {milliseconds(round(median(gaps)))}"

    def _other_gaps(self) -> str:
        """Silences that no blow explains: a restart on the spot, a scheduler held up."""
        explained = {(f.gap.start, f.gap.end) for f in self.failovers if f.gap is not None}
        others = [gap for gap in self.verdict.gaps if (gap.start, gap.end) not in explained]
        if not others:
            return "other gaps: none"
        lengths = ", ".join(milliseconds(gap.length) for gap in others)
        return f"other gaps: {len(others)} ({lengths})"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def milliseconds(length: Nanos) -> str:
    return f"{length / MS:.0f} ms" if length >= 10 * MS else f"{length / MS:.1f} ms"
