"""`make bench`: the numbers of design section 8 that real processes can show, with their goals.

python -m tests.bench [--trials N] [--idle SECONDS] [--only WORD]
"""

import argparse
import os
import sys
from collections.abc import Callable

from tests.bench import bench_busy, bench_failover, bench_idle, bench_supervisor, floor, proc_events
from tests.bench.proc_events import ProcEvents
from tests.bench.table import INFINITY, Row, render, row
from tests.e2e import lan

PARTS = ("floor", "supervisor", "start", "idle", "busy", "failover")


def main() -> int:
    """Exit 0 when every goal was met, 1 when one was missed, 77 when nothing can be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--idle", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--only", choices=PARTS)
    asked = parser.parse_args()
    reason = lan.unavailable() or ("" if proc_events.available() else "no process events (CN_PROC)")
    if reason:
        print(f"cannot measure here: {reason}", file=sys.stderr)
        return 77
    with ProcEvents() as events:
        parts: dict[str, Callable[[], list[Row]]] = {
            "floor": lambda: [_floor(events, asked.trials)],
            "supervisor": lambda: bench_supervisor.measure(asked.trials),
            "start": lambda: bench_idle.start(asked.trials),
            "idle": lambda: bench_idle.idle(asked.idle),
            "busy": lambda: bench_busy.measure(2 * asked.idle),
            "failover": lambda: bench_failover.measure(events, asked.trials),
        }
        rows = [r for name, part in parts.items() if asked.only in (None, name) for r in part()]
    print(render(rows))
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"load average (1, 5, 15 min) on {os.cpu_count()} cores at the end: {load}")
    return 1 if any(r.met is False for r in rows) else 0


def _floor(events: ProcEvents, trials: int) -> Row:
    values = floor.measure(events, trials)
    return row("floor: SIGKILL -> TCP EOF -> posix_spawn", "ms", values, (INFINITY, INFINITY))


if __name__ == "__main__":
    sys.exit(main())
