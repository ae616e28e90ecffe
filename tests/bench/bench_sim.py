"""How fast the simulator lives: `python -m hadelect.sim`, asked as `make sim` asks it."""

import re
import subprocess
import sys

from tests.bench.table import ZERO, Goal, Row, row

SUMMARY = re.compile(r"(\d+) x real time, \d+ steps, (\d+) violations")


def measure(runs: int, seeds: int) -> list[Row]:
    """Virtual time per real time of each run, all cores; every run lives days of its own."""
    speeds, violations = zip(*(_run(run * seeds, seeds) for run in range(runs)), strict=True)
    return [
        row(f"simulator, {seeds} days a run", "x real time", speeds, Goal(least=1000)),
        row("  broken promises", "", violations, ZERO),
    ]


def _run(first: int, seeds: int) -> tuple[float, float]:
    words = ("-m", "hadelect.sim", "--from", str(first), "--seeds", str(seeds))
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    found = SUMMARY.search(done.stdout)
    assert found, f"{done.stdout}\n{done.stderr}"
    return float(found[1]), float(found[2])
