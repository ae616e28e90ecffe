"""What the supervisor alone costs and how fast it is: python -m tests.bench.bench_supervisor [N]

The stand-in daemon is small, so that these are the supervisor's own numbers: in a failover the
kernel first takes down the memory of the real daemon.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.bench.table import Goal, Row, render, row
from tests.supervisor.harness import Had, until


def measure(trials: int) -> list[Row]:
    births, notices = zip(*(crash() for _ in range(trials)), strict=True)
    with tempfile.TemporaryDirectory() as directory, Had(Path(directory)) as had:
        had.ready(controllee={"argv": ["/bin/sleep", "1000"]})
        rows = [
            *(row(what, "ms", values) for what, values in commands(had, trials).items()),
            *idle(had, 10.0),
        ]
    return [
        row("configure -> ready", "ms", births),
        row(
            "SIGKILL of the daemon -> tree dead -> notice",
            "ms",
            notices,
            Goal(median=5),
            floored=True,
        ),
        *rows,
    ]


def crash() -> tuple[float, float]:
    """One life with a tree of five processes: until it is ready, and from its end to the notice."""
    with tempfile.TemporaryDirectory() as directory, Had(Path(directory)) as had:
        had.expect("born")
        asked = time.perf_counter()
        had.configure("forks")
        had.expect("SupervisorReady")
        birth = time.perf_counter() - asked
        had.order("start", term=1, for_ms=30_000)
        had.expect_up(1)
        until(lambda: len(had.living()) == 5)
        killed = time.perf_counter()
        had.kill(had.daemon)
        had.expect_notice()
        notice = time.perf_counter() - killed
        assert not had.living()
    return birth * 1000, notice * 1000


def commands(had: Had, trials: int) -> dict[str, list[float]]:
    """As the daemon sees them."""
    starts, stops = [], []
    for trial in range(1000, 1000 + trials):
        had.order("start", term=trial, for_ms=30_000)
        starts.append(had.expect("ControlleeChanged", state="running")["took_ms"])
        had.order("stop", term=trial, kill=True)
        stops.append(had.expect("ControlleeChanged", state="stopped")["took_ms"])
    return {"start -> exec'd": starts, "stop (kill) -> verified": stops}


def idle(had: Had, seconds: float) -> list[Row]:
    """A running controllee, extended ten times a second (the default is twice)."""
    had.order("start", term=10_000, for_ms=30_000)
    had.expect("ControlleeChanged", state="running")
    had.order("keep", term=10_000, for_ms=30_000)
    ours = (had.process.pid, had.init)
    before = sum(map(cpu_ns, ours))
    time.sleep(seconds)
    share = (sum(map(cpu_ns, ours)) - before) / (seconds * 1e9) * 100
    return [
        row("CPU of supervisor + init at 10 extends/s", "%", [share], Goal(median=1)),
        row("PSS of supervisor + init", "MB", [sum(map(pss_mb, ours))]),
    ]


def cpu_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    print(render(measure(int(sys.argv[1]) if sys.argv[1:] else 20)))
