"""Does the proof work? Each single fault of the list is caught by the one that should catch it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutations.core_mutants import CORE
from tests.mutations.mutant import ROOT, Catcher, Mutant, StaleMutantError, mutated, plant
from tests.mutations.replication_mutants import REPLICATION
from tests.mutations.supervisor_mutants import SUPERVISOR

MUTANTS = (*CORE, *SUPERVISOR, *REPLICATION)
CATCH = Path(__file__).parent / "catch.py"
PATIENCE_S = 280  # On a busy machine; a catcher takes seconds.

pytestmark = pytest.mark.timeout(300)


def run(catcher: Catcher, place: Path) -> subprocess.CompletedProcess[str]:
    """The catcher against the project at `place`."""
    environment = {
        **{
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTEST_", "COV"))
        },
        "PYTHONDONTWRITEBYTECODE": "1",
        "HADELECT_TEST_PATIENCE": "3" if place != ROOT else "10",
    }
    return subprocess.run(
        [sys.executable, str(CATCH), catcher.kind, *catcher.names],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_fault_is_caught(mutant: Mutant, tmp_path: Path) -> None:
    """The mutant does not survive the catcher that is named for it."""
    plant(mutant, tmp_path)
    done = run(mutant.caught_by, tmp_path)
    assert done.returncode == 1, (
        f"survived {mutant.caught_by}: {mutant.danger}\n"
        f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    )


def together() -> list[Catcher]:
    """All catchers, those of one kind in one process."""
    found: dict[str, dict[str, None]] = {}
    for mutant in MUTANTS:
        kind = mutant.caught_by.kind
        for name in mutant.caught_by.names:
            part = name.split("/")[1] if kind == "test" else ""
            found.setdefault(f"{kind} {part}", {})[name] = None
    return [Catcher(kind.split()[0], tuple(names)) for kind, names in found.items()]


@pytest.mark.parametrize("catcher", together(), ids=lambda catcher: catcher.names[0])
def test_no_catcher_cries_wolf(catcher: Catcher) -> None:
    """Without a fault every catcher is content."""
    done = run(catcher, ROOT)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-2000:]}"


def test_the_list_is_long_enough() -> None:
    """At least 40 faults, at least 12 of them in the supervisor and its client; no name twice."""
    assert len(MUTANTS) >= 40
    assert len(SUPERVISOR) >= 12
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_list_that_does_not_follow_the_code_is_no_list() -> None:
    """A text that is not there exactly once is an error, with the place to mend."""
    stale = Mutant("stale", "core/promises.py", "no such text", "", "", Catcher("test", ()))
    with pytest.raises(StaleMutantError, match="stands 0 times in hadelect/core/promises.py"):
        mutated(stale)
