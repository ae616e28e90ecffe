"""A controllee that another manager runs: what is asked of that manager and what it does."""

import hashlib
import os
import signal

import pytest

from tests.supervisor.harness import until
from tests.supervisor.outside import Pair


def count(two: Pair, word: str) -> int:
    return sum(line.startswith(f"{word} ") for line in two.outside.asked())


def test_start_and_graceful_stop(two: Pair) -> None:
    """START with the term, then STOP; nothing is killed, the secret is revealed once it is stopped,
    and the next term starts.
    """
    ready = two.ready()
    running = two.running(term=71)
    if two.outside.cgroup:
        assert running["pid"] in two.outside.services()
    two.had.order("stop", term=71, kill=False)
    stopped = two.had.expect("ControlleeChanged", state="stopped", term=71)
    assert not two.outside.services()
    assert hashlib.sha256(stopped["secret"].encode()).hexdigest() == ready["secret_hash"]
    asked = two.outside.asked()
    assert (asked.count("start 71"), asked.count("stop 71"), count(two, "kill")) == (1, 1, 0)
    two.running(term=135)


def test_killed_by_command(two: Pair) -> None:
    """A stop that must not wait asks no STOP. If KILL takes longer than the daemon's patience, the
    daemon verifies it, too.
    """
    two.raised()
    two.had.order("stop", term=1, kill=True)
    two.had.expect("ControlleeChanged", state="stopped", asked=True)
    assert not two.outside.services()
    assert count(two, "stop") == 0


@pytest.mark.parametrize("by_hand", [True, False])
def test_ends_by_itself(two: Pair, by_hand: bool) -> None:
    """A crash, or an administrator who stops it by the other manager: an end by itself, and the
    same term starts it again.
    """
    two.raised()
    if by_hand:
        two.outside.do("stop")
    else:
        os.kill(two.outside.services()[0], signal.SIGKILL)
    stopped = two.had.expect("ControlleeChanged", state="stopped")
    assert (stopped["asked"], stopped["exec_failed"]) == (False, False)
    assert "not by us" in stopped["because"]
    two.running()


def test_started_on_a_standby(two: Pair) -> None:
    """Whoever starts it where nobody leads: it is killed and said, and this member is as before."""
    two.ready()
    two.outside.do("start")
    until(lambda: not two.outside.services())
    two.had.expect("output", line="NEGOTIATOR runs here although this member does not lead: "
                   "not started by us: it was killed")  # fmt: skip
    two.running()


def test_running_at_the_start(two: Pair) -> None:
    """What an administrator started before is killed before this member takes part."""
    two.outside.do("start")
    until(two.outside.services)
    two.ready()
    assert not two.outside.services()
    two.running()


def test_cannot_be_removed_at_the_start(with_kill: Pair) -> None:
    """What cannot be killed keeps the member out, and it says what it hears."""
    two = with_kill
    two.outside.do("start")
    two.outside.manners(kill="5")
    two.had.expect("born")
    two.configure()
    assert "cannot be killed" in two.had.expect("LeftoverStuck")["because"]
    assert two.outside.services()
    two.outside.manners()
    two.had.expect("SupervisorReady")
    assert not two.outside.services()


@pytest.mark.parametrize(
    "manner, words",
    [
        ("4", "START ended with exit code 4"),
        ("hang", "START did not end within 1 s"),
        ("deaf", "START ended well, but nothing runs after 1 s"),
    ],
)
def test_start_fails(two: Pair, manner: str, words: str) -> None:
    """A START that fails, hangs or does nothing is an end with its reason; the next may work."""
    two.ready(start_grace=1.0)
    two.outside.manners(start=manner)
    two.had.order("start", term=1, for_ms=30_000)
    stopped = two.had.expect("ControlleeChanged", state="stopped")
    assert words in stopped["because"]
    assert (stopped["asked"], stopped["exec_failed"]) == (False, False)
    two.outside.manners()
    two.running()


def test_start_cannot_be_run(two: Pair) -> None:
    """A START that is no program counts as an exec that failed, with the reason."""
    two.ready(start=["/no/such/program"])
    two.had.order("start", term=1, for_ms=30_000)
    stopped = two.had.expect("ControlleeChanged", state="stopped")
    assert stopped["exec_failed"]
    assert "cannot run /no/such/program: No such file" in stopped["because"]


def test_slow_start(two: Pair) -> None:
    """A manager that starts it later than it says is waited for."""
    two.ready()
    two.outside.manners(start="late")
    two.running()


def test_stopped_while_it_starts(two: Pair) -> None:
    """A stop in the middle of a start that is still to come: the secret comes after both, and
    nothing comes to life afterwards without being killed.
    """
    two.ready()
    two.outside.manners(start="hang")
    two.had.order("start", term=1, for_ms=30_000)
    until(lambda: count(two, "start"))
    two.had.order("stop", term=1, kill=False)
    assert two.had.expect("ControlleeChanged", state="stopped")["secret"]
    assert not two.outside.services()
    two.outside.manners()
    two.running(term=65)


@pytest.mark.parametrize("manner", ["hang", "deaf", "1"])
def test_stop_does_not_work(two: Pair, manner: str) -> None:
    """A STOP that hangs, fails or does nothing: the sure way after the stop timeout."""
    two.raised(stop_timeout=0.5)
    two.outside.manners(stop=manner)
    two.had.order("stop", term=1, kill=False)
    assert two.had.expect("ControlleeChanged", state="stopped")["secret"]
    assert not two.outside.services()


def test_extend(two: Pair) -> None:
    """Its deadline is moved by the daemon's word, as for a program of ours."""
    two.ready()
    two.running(for_ms=1500)
    two.had.order("keep", term=1, for_ms=1500)
    for _ in range(3):
        two.had.order("ping")
        two.had.expect("pong")
    with pytest.raises(AssertionError):
        two.had.expect("ControlleeChanged", patience_s=2.0)
    assert two.outside.services()


def test_cannot_be_removed_from_a_standby(with_kill: Pair) -> None:
    """What somebody started where nobody leads, and what KILL does not kill: the member is unfit
    and says why, until it is gone.
    """
    two = with_kill
    two.ready()
    two.outside.do("start")
    two.outside.manners(kill="5")
    assert "cannot be killed" in two.had.expect("LeftoverStuck")["because"]
    two.had.order("start", term=1, for_ms=30_000)
    assert "not gone" in two.had.expect("ControlleeChanged", state="stopped")["because"]
    two.outside.manners()
    two.had.expect("SupervisorReady")
    assert not two.outside.services()
    two.running()
