"""The contest as rows: what was promised of hadelect, and what its peers did under the same blows.

Law: "tens of milliseconds" is read as a median of at most 100; "within one lease" as section 8 puts
it for a cut link. A planned move is judged by the time without a scheduler.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from tests.bench.blows import PLANNED, REVERSIBLE, Blow, Trial
from tests.bench.contest import FLOOR
from tests.bench.table import NOTHING, ZERO, Goal, Row, ratio, row

DEFAULT_LEASE, FAST_LEASE = 3.0, 1.0


def goal(system: str, blow: Blow) -> Goal:
    """Of the failover, or of the gap where the move is planned."""
    if not system.startswith("hadelect"):
        return NOTHING
    if blow is Blow.DAEMON:
        return Goal(median=15, p99=100)
    if blow in PLANNED:
        return Goal(median=15)
    if blow in {Blow.SUPERVISOR, Blow.INIT}:
        return Goal(median=100)
    lease = FAST_LEASE if system.endswith("fast") else DEFAULT_LEASE
    return Goal(median=lease * 1010 + 500)


def overlap_goal(system: str, blow: Blow) -> Goal:
    """Never two; in mode none within one partition only."""
    split = blow is Blow.CUT and "none" in system
    return ZERO if system.startswith("hadelect") and not split else NOTHING


def judged(trial: Trial) -> float:
    """What a trial is compared by."""
    return trial.gap if trial.blow in PLANNED else trial.failover


def rows(trials: Sequence[Trial]) -> Iterator[Row]:
    """Of every system, in the order in which they appear."""
    for system in dict.fromkeys(trial.system for trial in trials):
        if system == FLOOR:
            values = [trial.failover for trial in trials if trial.system == FLOOR]
            yield row("floor: SIGKILL -> TCP EOF -> posix_spawn", "ms", values)
            continue
        for blow in Blow:
            ours = [t for t in trials if t.system == system and t.blow is blow]
            yield from _rows(system, blow, ours) if ours else ()


def _rows(system: str, blow: Blow, ours: Sequence[Trial]) -> Iterator[Row]:
    name = f"{system}: {blow.value}"
    yield Row(
        f"{name}, time without a scheduler" if blow in PLANNED else f"{name} -> new exec",
        "ms",
        tuple(map(judged, ours)),
        goal(system, blow),
        blow=blow.name if system.startswith("hadelect") else "",
        floored=blow not in REVERSIBLE,
    )
    if blow not in PLANNED:
        yield row("  without a scheduler", "ms", [trial.gap for trial in ours])
    overlaps = [trial.overlap for trial in ours]
    yield row("  two at once", "ms", overlaps, overlap_goal(system, blow))


def bases(trials: Sequence[Trial], blow: str) -> Mapping[str, float]:
    """Medians of the floor and of every peer that took this blow."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        if trial.system == FLOOR or (
            trial.blow.name == blow and not trial.system.startswith("hadelect")
        ):
            found.setdefault(trial.system, []).append(judged(trial))
    return {system: statistics.median(values) for system, values in found.items()}


def ratios(r: Row, trials: Sequence[Trial]) -> Mapping[str, float | None]:
    """How many times the floor and each peer a row's median is."""
    if not r.values or not (r.blow or r.floored):
        return {}
    middle = statistics.median(r.values)
    return {
        system: ratio(middle, base)
        for system, base in bases(trials, r.blow).items()
        if r.floored or system != FLOOR
    }
