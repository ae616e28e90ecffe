"""`python -m hadelect.sim --seeds N`: N bad days, a summary, the first violation.

Exit code 0 = no violation, and in a thousand days or more everything of the table happened;
1 = otherwise. `--seed S --verbose` lives one day with every message.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from hadelect.sim import coverage
from hadelect.sim.referees import BrokenPromise
from hadelect.sim.swarm import bad_day
from hadelect.sim.world import REAL_CORE, REPLICATING, Core

CHUNK = 20  # Seeds for one worker at a time.


@dataclass(frozen=True, slots=True)
class Outcome:
    seed: int
    virtual_ms: int
    steps: int
    counters: Counter[str]
    violation: str = ""


def live(seed: int, core: Core = REAL_CORE) -> Outcome:
    try:
        world = bad_day(seed, core)
    except BrokenPromise as broken:
        return Outcome(seed, 0, 0, Counter(), "\n".join((str(broken), *broken.__notes__)))
    except Exception:  # noqa: BLE001 - composition root: an error in the core is a finding, too
        return Outcome(seed, 0, 0, Counter(), f"seed {seed}\n{traceback.format_exc()}")
    return Outcome(seed, world.now, world.steps, world.counters)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m hadelect.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many days")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, with its log")
    parser.add_argument("--verbose", action="store_true", help="with --seed: every message, too")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument(
        "--replicates", action="store_true", help="small pools replicate their controllee's state"
    )
    options = parser.parse_args()
    core = REPLICATING if options.replicates else REAL_CORE
    if options.seed is not None:
        return one_day(options.seed, core, verbose=options.verbose)
    return many_days(range(options.first, options.first + options.seeds), options.jobs, core)


def one_day(seed: int, core: Core, *, verbose: bool) -> int:
    try:
        world = bad_day(seed, core, verbose=verbose, tell=print)
    except BrokenPromise as broken:
        print(f"\n{broken}", *broken.__notes__[:2], sep="\n")
        return 1
    print(f"log hash {world.digest()}")
    return 0


def many_days(seeds: range, jobs: int, core: Core) -> int:
    began = time.monotonic()
    outcomes: list[Outcome] = []
    violations: list[Outcome] = []
    totals: Counter[str] = Counter()
    for outcome in lived(seeds, jobs, core):
        (violations if outcome.violation else outcomes).append(outcome)
        coverage.summed(totals, outcome.counters)
    report(outcomes, violations, totals, time.monotonic() - began)
    never = coverage.missing(totals) if len(seeds) >= coverage.ENOUGH else []
    if never:
        print(f"never happened in {len(seeds)} days: {', '.join(never)}")
    return 1 if violations or never else 0


def lived(seeds: range, jobs: int, core: Core = REAL_CORE) -> Iterator[Outcome]:
    """In the order of the seeds, whatever the number of processes."""
    if jobs == 1:
        yield from map(partial(live, core=core), seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(live, core=core), seeds, chunksize=CHUNK)


def report(
    outcomes: list[Outcome], violations: list[Outcome], totals: Counter[str], seconds: float
) -> None:
    virtual = sum(outcome.virtual_ms for outcome in outcomes) / 1000
    steps = sum(outcome.steps for outcome in outcomes)
    print(*coverage.table(totals), sep="\n")
    print(
        f"{len(outcomes) + len(violations)} seeds, {virtual / 3600:.1f} h of virtual time in"
        f" {seconds:.1f} s: {virtual / seconds:.0f} x real time, {steps} steps,"
        f" {len(violations)} violations"
    )
    if violations:
        print("seeds with violations:", *(outcome.seed for outcome in violations))
        print(f"\nthe first, seed {violations[0].seed}:\n{violations[0].violation}")


if __name__ == "__main__":
    sys.exit(main())
