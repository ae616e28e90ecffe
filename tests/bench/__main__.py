"""`make bench`: the numbers of design section 8 that real processes can show, with their goals.

python -m tests.bench [--quick] [--trials N] [--long N] [--only PART]... [--json FILE]
"""

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import (
    bench_busy,
    bench_failover,
    bench_growth,
    bench_idle,
    bench_replication,
    bench_sim,
    bench_supervisor,
    bench_watchers,
    proc_events,
    results,
    system_keepalived,
)
from tests.bench.blows import Trial
from tests.bench.contest import FLOOR, MODES, contest, play_floor
from tests.bench.pace import Pace
from tests.bench.results import Load, Results
from tests.bench.table import HEAD, Row, aligned, cells, times, verdict
from tests.e2e import lan


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of everything."""

    trials: int = 30
    long: int = 20  # Trials that take a lease or more.
    idle: float = 45.0  # Seconds, in each mode.
    busy: float = 60.0  # Seconds.
    growth: tuple[float, int] = (20.0, 15)  # Seconds of peace and trials at each size.
    watchers: int = 10  # Rounds.
    days: tuple[int, int] = (3, 80)  # Runs of the simulator, days in each.
    state: bench_replication.Amount = bench_replication.Amount()


QUICK = Effort(
    trials=3,
    long=2,
    idle=10.0,
    busy=10.0,
    growth=(5.0, 3),
    watchers=2,
    days=(2, 40),
    state=bench_replication.Amount(size=128, appends=3, files=5000),
)


@dataclass(slots=True)
class Found:
    rows: list[Row] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    sizes: list[bench_growth.Size] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def supervisor(effort: Effort, found: Found) -> None:
    found.rows += bench_supervisor.measure(effort.trials)


def start(effort: Effort, found: Found) -> None:
    found.rows += bench_idle.start(effort.trials)


def idle(effort: Effort, found: Found) -> None:
    for mode in MODES:
        found.rows += bench_idle.idle(mode, effort.idle)


def busy(effort: Effort, found: Found) -> None:
    found.rows += bench_busy.measure(effort.busy)


def floor(effort: Effort, found: Found) -> None:
    with TemporaryDirectory(prefix="hadelect-quiet-") as room:
        Pace(Path(room)).line_up([FLOOR])
        found.trials += play_floor(effort.trials, Path(room)).trials
    found.rows += bench_failover.rows(found.trials)


def failover(effort: Effort, found: Found) -> None:
    scores = list(contest(effort.trials, effort.long))
    found.trials += [trial for score in scores for trial in score.trials]
    found.failed += [line for score in scores for line in score.failed]
    found.rows += bench_failover.rows(found.trials)


def growth(effort: Effort, found: Found) -> None:
    found.sizes += bench_growth.measure(*effort.growth)
    found.rows += bench_growth.rows(found.sizes)


def watchers(effort: Effort, found: Found) -> None:
    found.rows += bench_watchers.measure(effort.watchers)


def replication(effort: Effort, found: Found) -> None:
    found.rows += bench_replication.measure(effort.state)


def simulator(effort: Effort, found: Found) -> None:
    found.rows += bench_sim.measure(*effort.days)


Part = Callable[[Effort, Found], None]
PARTS: tuple[Part, ...] = (
    failover,
    idle,
    start,
    supervisor,
    growth,
    watchers,
    busy,
    replication,
    simulator,
    floor,  # Only if asked for: it is part of the contest.
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 when every goal was met, 1 when one was missed, 77 when nothing can be measured."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = _parsed(given)
    reason = lan.unavailable() or ("" if proc_events.available() else "no process events (CN_PROC)")
    if reason:
        print(f"cannot measure here: {reason}", file=sys.stderr)
        return 77
    if missing := system_keepalived.missing():
        print(f"without a comparison: {missing}", file=sys.stderr)
    start_line, found = (os.getloadavg(), time.monotonic()), Found()
    for part in PARTS:
        if part.__name__ in asked.only if asked.only else part is not floor:
            timed(part, _effort(asked), found)
            if asked.json is not None:  # After every part: a run is long.
                results.write(_results(given, start_line, found), asked.json)
    print(told(_results(given, start_line, found)))
    return 1 if found.failed or any(r.met is False for r in found.rows) else 0


def _results(given: Sequence[str], since: tuple[Load, float], found: Found) -> Results:
    """All that was found since a load average and an instant."""
    return Results(
        machine=results.this_machine(),
        arguments=told_apart(given),
        load_before=since[0],
        load_after=os.getloadavg(),
        seconds=time.monotonic() - since[1],
        rows=tuple(found.rows),
        trials=tuple(found.trials),
        sizes=tuple(found.sizes),
        failed=tuple(found.failed),
    )


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few trials: five minutes in all")
    parser.add_argument("--trials", type=int, help="of what is short")
    parser.add_argument("--long", type=int, help="trials of what takes a lease or more")
    parser.add_argument("--idle", type=float, metavar="SECONDS", help="of peace")
    parser.add_argument("--only", action="append", choices=[part.__name__ for part in PARTS])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    return parser.parse_args(given)


def told_apart(given: Sequence[str]) -> tuple[str, ...]:
    """The arguments that say what was measured, without where to."""
    asked = [word for word in given if not word.startswith("--json=")]
    where = asked.index("--json") if "--json" in asked else len(asked)
    return (*asked[:where], *asked[where + 2 :])


def _effort(asked: argparse.Namespace) -> Effort:
    named = {name: getattr(asked, name) for name in ("trials", "long", "idle")}
    chosen = {name: value for name, value in named.items() if value is not None}
    return replace(QUICK if asked.quick else Effort(), **chosen)


def timed(part: Part, effort: Effort, found: Found) -> None:
    began = time.monotonic()
    print(f"{part.__name__} …", file=sys.stderr, flush=True)
    try:
        part(effort, found)
    except (AssertionError, OSError, subprocess.SubprocessError) as reason:
        traceback.print_exc()
        first = str(reason).partition("\n")[0]
        found.failed.append(f"{part.__name__}: {type(reason).__name__}: {first}")
    print(f"{part.__name__}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def told(result: Results) -> str:
    """For a terminal."""
    names = dict.fromkeys(t.system for t in result.trials if _compares(t))
    peers = sorted(names, key=lambda name: name != FLOOR)
    head = (*HEAD, *(f"x {peer}" for peer in peers), "")
    lines = [head]
    for r in result.rows:
        ratios = bench_failover.ratios(r, result.trials)
        said = (times(ratios.get(peer)) for peer in peers)
        lines.append((*cells(r), *said, verdict(r)))
    before, after = (
        ", ".join(f"{average:.1f}" for average in load)
        for load in (result.load_before, result.load_after)
    )
    return "\n".join(
        [
            aligned(lines),
            *(f"FAILED: {line}" for line in result.failed),
            f"load (1, 5, 15 min) on {result.machine.cores} cores: {before}; after: {after}",
            f"{result.seconds / 60:.1f} minutes in all",
        ]
    )


def _compares(trial: Trial) -> bool:
    return trial.system == FLOOR or not trial.system.startswith("hadelect")


if __name__ == "__main__":
    sys.exit(main())
