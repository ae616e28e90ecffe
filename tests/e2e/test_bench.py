"""The benches' own judge, on real systems: one trial each, far too few to measure anything."""

import math
from pathlib import Path

import pytest

from tests.bench.blows import Blow, Trial
from tests.bench.contest import play
from tests.bench.pace import Pace


def played(room: Path, name: str, blow: Blow) -> Trial:
    Pace(room).line_up([name])
    score = play(name, {blow: 1}, room)
    assert score.failed == ()
    (trial,) = score.trials
    return trial


def test_a_trial_of_hadelect(tmp_path: Path) -> None:
    """A killed daemon: taken over, never two, and the gap is no longer than the failover."""
    trial = played(tmp_path, "hadelect majority", Blow.DAEMON)
    assert 0 < trial.gap <= trial.failover < math.inf
    assert (trial.overlap, trial.outlived) == (0, False)


@pytest.mark.parametrize("blow, two", [(Blow.DAEMON, True), (Blow.NODE, False)])
def test_a_trial_of_a_peer(tmp_path: Path, blow: Blow, two: bool) -> None:
    """The lock dies with its holder, the scheduler does not: the judge sees two, and that they
    stayed two. With the whole node dead there is one.
    """
    trial = played(tmp_path, "lock file 0.1 s", blow)
    assert trial.failover < math.inf
    assert (trial.overlap > 0, trial.outlived) == (two, two)
