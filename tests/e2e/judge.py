"""What the journal of the schedulers must say, as sentences that fail with the story they judge.

Law 1: the journal is the only witness; no member is asked.
Law 2: a run's `pid` is not a pid but the instant at which this life of a scheduler began (see
       scheduler.py): two runs are the same life exactly if it is equal.
"""

import os
import time
from pathlib import Path

from hadelect.cli.journal import Run, Verdict, judge

TAIL_BYTES = 16_384
FRESH_NS = 150_000_000  # A scheduler that wrote within this long is there (it writes every 5 ms).


class Journal:
    """The one file that all schedulers of a lab append to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()
        self.path.chmod(0o666)

    def verdict(self) -> Verdict:
        return judge(self.path.read_text())

    def runs(self) -> tuple[Run, ...]:
        return self.verdict().runs

    def recent(self) -> tuple[Run, ...]:
        """Who wrote the last few hundred lines: cheap enough to be asked in a loop."""
        with self.path.open("rb") as lines:
            size = lines.seek(0, os.SEEK_END)
            lines.seek(max(0, size - TAIL_BYTES))
            text = lines.read().decode()
        return judge(text if size <= TAIL_BYTES else text.partition("\n")[2]).runs

    def newest(self) -> Run:
        """The scheduler that began last."""
        return max(self.recent(), key=lambda run: run.pid)

    def running(self) -> tuple[Run, ...]:
        """Who writes now."""
        now = time.monotonic_ns()
        return tuple(run for run in self.recent() if now - run.last < FRESH_NS)

    def forget(self) -> None:
        """Begin anew; whoever writes goes on at the new beginning."""
        os.truncate(self.path, 0)


def never_two(journal: Journal) -> None:
    """At no instant of the journal did two schedulers run."""
    verdict = journal.verdict()
    total = verdict.overlap_ns / 1e6
    assert not verdict.overlaps, f"two schedulers at once for {total:.1f} ms\n{told(verdict)}"


def never_none_for(journal: Journal, seconds: float) -> None:
    """No gap between two schedulers was as long as this."""
    verdict = journal.verdict()
    longest = max((gap.end - gap.start for gap in verdict.gaps), default=0) / 1e9
    assert longest < seconds, f"nobody ran for {longest:.2f} s\n{told(verdict)}"


def terms_rise(journal: Journal, mode: str = "majority") -> None:
    """Whoever starts after a move has a higher term than all before; one leadership, one member.

    In mode none this holds for each member's own terms: one that missed a leadership may lead alone
    below it (tests/traces/fault_token_falls_none.trace).
    """
    verdict = journal.verdict()
    leader_of: dict[int, str] = {}
    highest: dict[str, int] = {}
    for run in verdict.runs:
        story = f"{run.who}\n{told(verdict)}"
        among = run.member if mode == "none" else "all"
        before = highest.get(among, 0)
        assert run.term >= before, f"a lower term after {before}: {story}"
        assert leader_of.setdefault(run.term, run.member) == run.member, f"one term, two: {story}"
        highest[among] = run.term


def told(verdict: Verdict) -> str:
    """The runs, overlaps and gaps in milliseconds since the first line."""
    if not verdict.runs:
        return "  (no scheduler ever ran)"
    zero = verdict.runs[0].first

    def ms(instant: int) -> str:
        return f"{(instant - zero) / 1e6:10.1f}"

    return "\n".join(
        [
            *(f"  {ms(r.first)} .. {ms(r.last)}  {r.member} term {r.term}" for r in verdict.runs),
            *(
                f"  {ms(o.start)} .. {ms(o.end)}  TWO: {o.one.member}, {o.other.member}"
                for o in verdict.overlaps
            ),
            *(
                f"  {ms(g.start)} .. {ms(g.end)}  nobody, then {g.after.member}"
                for g in verdict.gaps
            ),
        ]
    )
