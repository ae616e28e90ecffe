"""What one run of the bench found, as a value and as JSON."""

import json
import math
import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench import blows
from tests.bench.bench_growth import Size
from tests.bench.blows import Trial
from tests.bench.table import Goal, Row

Load = tuple[float, float, float]  # Averages of 1, 5 and 15 minutes.


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured; no names."""

    cores: int
    memory_gb: float
    kernel: str
    python: str
    keepalived: str


@dataclass(frozen=True, slots=True)
class Results:
    machine: Machine
    arguments: tuple[str, ...]  # Of `python -m tests.bench`.
    load_before: Load
    load_after: Load
    seconds: float
    rows: tuple[Row, ...]
    trials: tuple[Trial, ...]
    sizes: tuple[Size, ...]
    failed: tuple[str, ...]  # Trials that could not be judged, one line each.


def this_machine() -> Machine:
    numbers = re.match(r"[\d.]+\d", platform.release())
    said = ""
    try:
        said = subprocess.run(
            ["keepalived", "--version"], capture_output=True, text=True, check=False
        ).stderr
    except OSError:
        said = ""
    version = re.search(r"v([\d.]+)", said)
    return Machine(
        cores=os.cpu_count() or 1,
        memory_gb=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30,
        kernel=numbers[0] if numbers else "",
        python=".".join(map(str, sys.version_info[:3])),
        keepalived=version[1] if version else "",
    )


def write(results: Results, path: Path) -> None:
    values = asdict(results) | {"trials": list(map(blows.to_json, results.trials))}
    path.write_text(json.dumps(_finite(values), indent=1) + "\n")


def read(path: Path) -> Results:
    """Raises OSError, ValueError."""
    values = json.loads(path.read_text())
    return Results(
        machine=Machine(**values["machine"]),
        arguments=tuple(values["arguments"]),
        load_before=tuple(values["load_before"]),
        load_after=tuple(values["load_after"]),
        seconds=values["seconds"],
        rows=tuple(map(_row, values["rows"])),
        trials=tuple(map(blows.from_json, values["trials"])),
        sizes=tuple(map(_size, values["sizes"])),
        failed=tuple(values["failed"]),
    )


def _row(values: dict[str, Any]) -> Row:
    goal = {
        name: (-math.inf if name == "least" else math.inf) if bound is None else bound
        for name, bound in values["goal"].items()
    }
    measured = tuple(math.inf if value is None else value for value in values["values"])
    return Row(**(values | {"goal": Goal(**goal), "values": measured}))


def _size(values: dict[str, Any]) -> Size:
    lists: dict[str, Any] = {
        name: tuple(math.inf if item is None else item for item in value)
        for name, value in values.items()
        if isinstance(value, list)
    }
    return Size(**(values | lists))


def _finite(value: Any) -> Any:
    """JSON has no infinity: null."""
    if isinstance(value, float) and math.isinf(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
