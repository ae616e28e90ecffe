"""Promises under a seed: 1 000 bad days without a violation, and one seed reproduces everything.

A day that fails prints its seed: `python -m hadelect.sim --seed N --verbose` lives it again.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hadelect.sim import coverage
from hadelect.sim.swarm import bad_day

SEEDS = int(os.environ.get("SWARM_SEEDS", "1000"))
PART = 25  # Days for one test, so that the processes of pytest-xdist share them evenly.
ROOT = Path(__file__).parent.parent.parent


@pytest.mark.no_cover  # Tracing every line would make it several times slower.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_no_day_breaks_a_promise(first: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Safety, stability and liveness hold on every day of the swarm; whoever comes last sees that
    everything that can happen has happened.
    """
    totals: Counter[str] = Counter()
    for seed in range(first, min(first + PART, SEEDS)):
        coverage.summed(totals, bad_day(seed).counters)
    parts = everybodys(tmp_path_factory) / "covered"
    parts.mkdir(exist_ok=True)
    draft = parts / f"{first}.new"
    draft.write_text(json.dumps(totals))
    draft.rename(parts / f"{first}.json")
    done = list(parts.glob("*.json"))
    if SEEDS >= coverage.ENOUGH and len(done) == len(range(0, SEEDS, PART)):
        for part in done:
            if part.stem != str(first):
                coverage.summed(totals, Counter(json.loads(part.read_text())))
        assert not coverage.missing(totals)


def everybodys(factory: pytest.TempPathFactory) -> Path:
    """A directory that the processes of pytest-xdist share."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.mark.parametrize("seed", [3, 14, 159])
def test_a_seed_is_one_day(seed: int) -> None:
    """The same seed lives the same day, to the last throw of the dice."""
    assert bad_day(seed).digest() == bad_day(seed).digest()


@pytest.mark.parametrize("hash_seed", ["1", "4711"])
def test_a_day_does_not_depend_on_hashes(hash_seed: str) -> None:
    """No order in core or simulator comes from a set or a hash: any PYTHONHASHSEED, same day."""
    program = "from hadelect.sim.swarm import bad_day; print(bad_day(8).digest())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == bad_day(8).digest()
