"""Who guards whom when another manager runs the controllee: whoever of us is killed or frozen."""

import contextlib
import os
import signal
from itertools import combinations
from pathlib import Path

import pytest

from hadelect.supervisor.linux import boottime_ms
from tests.supervisor.harness import Had, is_alive, until
from tests.supervisor.outside import Pair

PARTS = ("daemon", "supervisor", "init")
SOME = [chosen for size in (1, 2) for chosen in combinations(PARTS, size)]
some_of_us = pytest.mark.parametrize("parts", SOME, ids="+".join)


def hit(had: Had, parts: tuple[str, ...], number: int) -> None:
    pids = {"daemon": had.daemon, "supervisor": had.process.pid, "init": had.init}
    for part in parts:
        with contextlib.suppress(ProcessLookupError):  # A frozen init that was killed meanwhile.
            os.kill(pids[part], number)


@some_of_us
def test_killed(two: Pair, parts: tuple[str, ...]) -> None:
    """Any one or two of daemon, supervisor and init are killed: the one that is left kills the
    unit, long before its deadline; a notice goes out only when it is dead.
    """
    two.raised()
    hit(two.had, parts, signal.SIGKILL)
    if "daemon" in parts and "supervisor" not in parts:
        assert two.had.expect_notice().term == 1
        assert not two.outside.services()
    elif parts in {("supervisor",), ("supervisor", "init")}:
        two.had.expect("ControlleeChanged", state="stopped", asked=True)
        assert not two.outside.services()
        two.had.expect("lost")
    elif parts == ("init",):
        two.had.expect("ControlleeChanged", state="stopped", asked=False)
        assert not two.outside.services()
        two.running()
    until(lambda: not two.outside.services() or parts == ("init",), 3.0)


@some_of_us
def test_frozen(two: Pair, parts: tuple[str, ...]) -> None:
    """Any one or two of them are frozen and nobody extends: it is dead soon after its deadline."""
    two.ready()
    two.running(for_ms=1500)
    deadline = boottime_ms() + 1500
    hit(two.had, parts, signal.SIGSTOP)
    until(lambda: not two.outside.services())
    assert boottime_ms() < deadline + 1000
    hit(two.had, parts, signal.SIGCONT)
    two.had.expect("ControlleeChanged", state="stopped")


def test_deadline(two: Pair) -> None:
    """Nobody extends: it is killed at its deadline and not before, in the sure way, not by STOP."""
    two.ready()
    two.running(for_ms=1500)
    said = two.had.expect("ControlleeChanged", state="stopped")
    assert "deadline passed" in said["because"]
    assert not two.outside.services()
    assert not [line for line in two.outside.asked() if line.startswith("stop")]


def test_unacknowledged_extend(two: Pair) -> None:
    """A frozen init acknowledges nothing: the daemon kills what the other manager runs by its own
    fence; the supervisor, which is awake, adds the proof.
    """
    two.raised()
    hit(two.had, ("init",), signal.SIGSTOP)
    two.had.order("extend", term=1, for_ms=30_000)
    two.had.expect("ControlleeChanged", state="stopped", asked=True)
    assert not two.outside.services()


def test_an_earlier_life(two: Pair, tmp_path: Path) -> None:
    """All three killed at once: it runs on (see docs/external.md), and the next life kills it
    before it takes part.
    """
    two.raised()
    hit(two.had, PARTS, signal.SIGSTOP)
    hit(two.had, PARTS, signal.SIGKILL)
    until(lambda: not is_alive(two.had.daemon))
    assert two.outside.services()
    with Had(tmp_path / "state") as had:
        later = Pair(had, two.outside, kill=not two.outside.cgroup)
        later.ready()
        assert not two.outside.services()


def test_an_earlier_life_with_another_unit(two: Pair, tmp_path: Path) -> None:
    """What the record of an earlier life names is killed, too, though the configuration says
    something else by now.
    """
    two.raised()
    hit(two.had, PARTS, signal.SIGSTOP)
    hit(two.had, PARTS, signal.SIGKILL)
    until(lambda: not is_alive(two.had.daemon))
    assert two.outside.services()
    with Had(tmp_path / "state") as had:
        had.ready()  # A program of ours.
        assert not two.outside.services()
