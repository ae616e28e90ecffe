"""The daemon's lives: who is restarted, who is passed on, and what a frozen one of us does."""

import os
import signal

import pytest

from tests.supervisor.harness import Had, until


@pytest.mark.parametrize("code", [0, 1, 78])
def test_exit_before_configure(had: Had, code: int) -> None:
    """A daemon that ends before it ever configured never took part: its code is passed on."""
    had.expect("born")
    had.order("exit", code=code)
    assert had.process.wait(10) == code


@pytest.mark.parametrize("code", [0, 78])
def test_exit_on_purpose(had: Had, code: int) -> None:
    """0 and 78 are passed on; a tree that still ran is killed, and announced, first."""
    had.running()
    had.order("exit", code=code)
    assert had.process.wait(10) == code
    assert not had.living()
    assert len(had.notices()) == 3


def test_crash(had: Had) -> None:
    """A crashed daemon is replaced, again and again; each time one notice goes out, three times."""
    had.expect("born")
    for term in (1, 65):
        had.configure()
        had.expect("SupervisorReady")
        had.order("start", term=term, for_ms=30_000)
        had.expect_up(term)
        had.order("exit", code=1)
        had.expect("born")
        assert [told.term for told in had.notices()] == [term] * 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on(had: Had, number: signal.Signals) -> None:
    """SIGTERM, SIGINT and SIGHUP reach the daemon, once, and nobody else."""
    had.running()
    had.kill(had.process.pid, number)
    had.expect(number.name)
    had.order("ping")
    had.expect("pong")
    assert not had.said
    assert had.living()


def test_killed_after_sigterm(had: Had) -> None:
    """Asked to end, a daemon that is killed is not replaced: 137, as a shell says it."""
    had.running()
    had.kill(had.process.pid, signal.SIGTERM)
    had.expect("SIGTERM")
    had.kill(had.daemon)
    assert had.process.wait(10) == 137
    assert not had.living()


def test_sigterm_between_two_lives(had: Had) -> None:
    """While no daemon lives, SIGTERM ends the supervisor with 0."""
    had.ready()
    for _ in range(3):  # The backoff grows: 0.1, 0.2, 0.4 s.
        had.order("exit", code=1)
        had.expect("born")
        had.configure()
        had.expect("SupervisorReady")
    had.kill(had.daemon)
    until(lambda: not os.path.exists(f"/proc/{had.daemon}"))  # noqa: PTH110
    had.kill(had.process.pid, signal.SIGTERM)
    assert had.process.wait(10) == 0


def test_frozen_supervisor(had: Had) -> None:
    """A frozen supervisor acknowledges nothing: the daemon kills the tree and says so, without a
    proof; the supervisor adds it when it wakes up, and is ready for the next term only.
    """
    had.running()
    had.kill(had.process.pid, signal.SIGSTOP)
    had.order("extend", term=1, for_ms=30_000)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert (stopped["asked"], stopped["secret"]) == (True, "")
    had.expect("LeftoverStuck")
    had.kill(had.process.pid, signal.SIGCONT)
    late = had.expect("ControlleeChanged", state="stopped")
    assert late["secret"]
    ready = had.expect("SupervisorReady")
    assert ready["secret_hash"] == late["next_secret_hash"]
    assert not had.living()
    had.order("start", term=1, for_ms=30_000)
    assert "released" in had.expect("ControlleeChanged")["because"]
    had.order("start", term=2, for_ms=30_000)
    had.expect_up(2)


def test_start_at_a_frozen_supervisor(had: Had) -> None:
    """A start that waits at a frozen supervisor, and that the daemon has taken back since, is never
    carried out, though its deadline is far away.
    """
    had.ready()
    had.kill(had.process.pid, signal.SIGSTOP)
    had.order("start", term=1, for_ms=30_000)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert stopped["asked"]
    had.kill(had.process.pid, signal.SIGCONT)
    late = had.expect("ControlleeChanged")  # Not `running`.
    assert (late["state"], bool(late["secret"])) == ("stopped", True)
    had.expect("SupervisorReady")
    assert not had.living()


def test_frozen_supervisor_and_init(had: Had) -> None:
    """Both frozen: the daemon kills all the same."""
    had.running("forks")
    had.kill(had.process.pid, signal.SIGSTOP)
    had.kill(had.init, signal.SIGSTOP)
    had.order("extend", term=1, for_ms=30_000)
    had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    had.kill(had.process.pid, signal.SIGCONT)
    had.expect("SupervisorReady")


def test_frozen_daemon(had: Had) -> None:
    """A frozen daemon extends nothing: its tree dies at the deadline; it hears so when it wakes."""
    had.ready()
    had.order("start", term=1, for_ms=700)
    had.expect_up(1)
    had.kill(had.daemon, signal.SIGSTOP)
    until(lambda: not had.living(), 2.0)
    had.kill(had.daemon, signal.SIGCONT)
    assert "deadline" in had.expect("ControlleeChanged", state="stopped")["because"]


def test_frozen_daemon_and_supervisor(had: Had) -> None:
    """The init alone holds its deadline."""
    had.ready()
    had.order("start", term=1, for_ms=700)
    had.expect_up(1)
    had.kill(had.daemon, signal.SIGSTOP)
    had.kill(had.process.pid, signal.SIGSTOP)
    until(lambda: not had.living(), 3.0)
    had.kill(had.process.pid, signal.SIGCONT)
    had.kill(had.daemon, signal.SIGCONT)
    had.expect("ControlleeChanged", state="stopped")


def test_frozen_daemon_and_init(had: Had) -> None:
    """The supervisor, too, holds the deadline: for an init that is frozen."""
    had.ready()
    had.order("start", term=1, for_ms=700)
    had.expect_up(1)
    had.kill(had.daemon, signal.SIGSTOP)
    had.kill(had.init, signal.SIGSTOP)
    until(lambda: not had.living(), 2.0)
    had.kill(had.daemon, signal.SIGCONT)
    had.expect("ControlleeChanged", state="stopped")
