"""STATUS says what is not so: with a unit the cgroup is believed; else: what a lie can do."""

import os
import signal

import pytest

from tests.supervisor.harness import until
from tests.supervisor.outside import Pair

LIES = ["0", "3", "1", "hang", "flap"]  # Runs, stopped, unknown, no answer, every second time.
every_lie = pytest.mark.parametrize("lie", LIES)


@every_lie
def test_unit_runs_and_stops(with_unit: Pair, lie: str) -> None:
    """Whatever STATUS says of a unit, it starts, runs on, and is stopped and proved dead."""
    two = with_unit
    two.ready()
    two.outside.manners(status=lie)
    two.running()
    with pytest.raises(AssertionError):
        two.had.expect("ControlleeChanged", patience_s=1.0)
    two.had.order("stop", term=1, kill=False)
    assert two.had.expect("ControlleeChanged", state="stopped")["secret"]
    assert not two.outside.services()


@every_lie
def test_unit_dies_at_its_deadline(with_unit: Pair, lie: str) -> None:
    """Whatever STATUS says of a unit, nobody extends: it is dead at its deadline."""
    two = with_unit
    two.ready()
    two.outside.manners(status=lie)
    two.running(for_ms=1000)
    assert "deadline" in two.had.expect("ControlleeChanged", state="stopped")["because"]
    assert not two.outside.services()


@every_lie
def test_unit_ends_by_itself(with_unit: Pair, lie: str) -> None:
    """Whatever STATUS says of a unit, its end is seen, and it is started again."""
    two = with_unit
    two.ready()
    two.outside.manners(status=lie)
    two.running()
    os.kill(two.outside.services()[0], signal.SIGKILL)
    two.had.expect("ControlleeChanged", state="stopped", asked=False)
    two.running()


def test_said_against_the_unit(with_unit: Pair) -> None:
    """A STATUS of "stopped" against a unit that has a process is told; so is an unknown one."""
    two = with_unit
    two.raised()
    two.outside.manners(status="3")
    line = two.had.expect("output", stream="supervisor")["line"]
    assert line == f"STATUS says stopped, but {two.outside.cgroup} holds a process"
    two.outside.manners(status="1")
    line = two.had.expect("output", stream="supervisor")["line"]
    assert line == "STATUS ended with exit code 1: that is unknown, not stopped"
    assert two.outside.services()


def test_unit_runs_where_nobody_leads(with_unit: Pair) -> None:
    """A standby's STATUS that says "running" of an empty unit disturbs nobody."""
    two = with_unit
    two.outside.manners(status="0")
    two.had.expect("born")
    two.configure()
    two.had.expect("LeftoverStuck")  # At the start a contradiction is for the operator to solve.
    two.outside.manners()
    two.had.expect("SupervisorReady")
    two.outside.manners(status="0")
    with pytest.raises(AssertionError):
        two.had.expect("LeftoverStuck", patience_s=1.0)


def test_another_unit(with_unit: Pair) -> None:
    """A unit that is not the one that START starts: the start has failed, with the remedy, and
    because STATUS says that it runs, an empty cgroup is no proof: stop_failed until it is stopped.
    """
    two = with_unit
    two.ready(cgroup="/sys/fs/cgroup/no-such.service", start_grace=0.5)
    two.outside.manners(stop="deaf")
    two.had.order("start", term=1, for_ms=30_000)
    two.had.expect("ControlleeChanged", state="stop_failed")
    assert two.outside.services()
    two.outside.manners()
    stopped = two.had.expect("ControlleeChanged", state="stopped")
    assert "set NEGOTIATOR_UNIT to its unit" in stopped["because"]
    assert not two.outside.services()


def test_a_status_that_always_says_stopped(with_kill: Pair) -> None:
    """Without a unit nothing contradicts it: what START started counts as not started, and is
    killed.
    """
    two = with_kill
    two.ready(start_grace=1.0)
    two.outside.manners(status="3")
    two.had.order("start", term=1, for_ms=30_000)
    stopped = two.had.expect("ControlleeChanged", state="stopped")
    assert "nothing runs after 1 s" in stopped["because"]
    assert not two.outside.services()


def test_a_status_that_begins_to_say_stopped(with_kill: Pair) -> None:
    """Said twice in a row of what runs: an end by itself. START finds it running: still one."""
    two = with_kill
    two.raised()
    (pid,) = two.outside.services()
    two.outside.manners(status="3")
    two.had.expect("ControlleeChanged", state="stopped", asked=False)
    two.outside.manners()
    two.running()
    assert len(two.outside.services()) == 1
    assert pid


def test_a_status_that_always_says_running(with_kill: Pair) -> None:
    """Without a unit it is never proved dead: stop_failed, no secret, nobody starts beside it."""
    two = with_kill
    two.raised()
    two.outside.manners(status="0")
    two.had.order("stop", term=1, kill=True)
    two.had.expect("ControlleeChanged", state="stop_failed")
    assert not two.outside.services()
    two.outside.manners()
    two.had.expect("ControlleeChanged", state="stopped", asked=True)


@pytest.mark.parametrize("lie", ["hang", "1", "flap"])
def test_a_status_that_does_not_know(with_kill: Pair, lie: str) -> None:
    """Unknown is not stopped: it runs on. Nor does one "stopped" among others count."""
    two = with_kill
    two.raised()
    (pid,) = two.outside.services()
    two.outside.manners(status=lie)
    with pytest.raises(AssertionError):
        two.had.expect("ControlleeChanged", patience_s=1.5)
    assert two.outside.services() == [pid]


def test_a_kill_that_nobody_confirms(with_kill: Pair) -> None:
    """KILL fails and STATUS does not know: it is not reported as dead."""
    two = with_kill
    two.raised()
    two.outside.manners(kill="5", status="1")
    two.had.order("stop", term=1, kill=True)
    assert two.had.expect("ControlleeChanged")["state"] == "stop_failed"
    assert two.outside.services()
    two.outside.manners()
    two.had.expect("ControlleeChanged", state="stopped")
    assert not two.outside.services()


def test_a_flood_of_words(with_unit: Pair) -> None:
    """A warning is said once, not at every STATUS."""
    two = with_unit
    two.raised(status_interval=0.05)
    two.outside.manners(status="3")
    before = len(two.outside.asked())
    until(lambda: len(two.outside.asked()) > before + 5)
    two.had.order("ping")
    two.had.expect("pong")
    two.had._read()
    assert not [said for said in two.had.said if said.get("stream") == "supervisor"]
