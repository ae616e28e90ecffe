"""Whatever the controllee did to itself, and whoever of us is killed: its whole tree dies."""

import hashlib
import os
import signal

import pytest

from tests.supervisor.harness import Had, until

TREES = {"runs": 1, "forks": 5, "daemonises": 1, "sets-uid": 2, "stops-itself": 2}

every_tree = pytest.mark.parametrize("kind", TREES)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the controllee changes uid")


def raised(had: Had, kind: str) -> str:
    """Its tree is as large as it gets; the hash of its secret."""
    ready = had.ready(kind)
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)
    until(lambda: len(had.living()) == TREES[kind])
    return str(ready["secret_hash"])


@needs_root
@every_tree
def test_daemon_killed(had: Had, kind: str) -> None:
    """When the daemon is killed its tree is dead before the notice is sent, and the notice's secret
    is the one whose hash the daemon was given.
    """
    secret_hash = raised(had, kind)
    had.kill(had.daemon)
    told = had.expect_notice()
    assert not had.living()
    assert (told.kind, told.term, told.leader) == ("released", 1, had.member)
    assert hashlib.sha256(told.secret.encode()).hexdigest() == secret_hash
    had.expect("born")


@needs_root
@every_tree
def test_supervisor_killed(had: Had, kind: str) -> None:
    """When the supervisor is killed the daemon says STOPPED, and then that it is lost, only once
    nothing of the tree is left.
    """
    raised(had, kind)
    had.kill(had.process.pid)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert (stopped["asked"], stopped["secret"]) == (True, "")
    had.expect("lost")
    assert not had.notices()


@needs_root
@every_tree
def test_supervisor_and_daemon_killed(had: Had, kind: str) -> None:
    """When both are killed the kernel kills the tree: nobody is left to do it."""
    raised(had, kind)
    had.kill(had.process.pid)
    had.kill(had.daemon)
    until(lambda: not had.living(), 1.0)


@needs_root
@every_tree
def test_init_killed(had: Had, kind: str) -> None:
    """When the init is killed the tree dies with it; that is an end by itself, and the same term
    may be started again.
    """
    raised(had, kind)
    had.kill(had.init)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert stopped["asked"] is False
    assert "signal 9" in stopped["because"]
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)
    assert not had.notices()


@needs_root
@every_tree
def test_deadline(had: Had, kind: str) -> None:
    """When nobody extends it the tree is killed at its deadline, not before, and soon after."""
    had.ready(kind)
    had.order("start", term=1, for_ms=700)
    had.expect_up(1)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert "deadline passed" in stopped["because"]  # Says the init; on a busy machine the daemon.


@needs_root
@every_tree
def test_frozen_init(had: Had, kind: str) -> None:
    """A frozen init acknowledges nothing: the daemon kills it, and the supervisor, which is awake,
    adds the proof.
    """
    raised(had, kind)
    had.kill(had.init, signal.SIGSTOP)
    had.order("extend", term=1, for_ms=30_000)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert stopped["asked"]
    assert stopped["secret"]
    assert not had.said


@needs_root
@every_tree
def test_stop(had: Had, kind: str) -> None:
    """An asked stop reveals the secret once nothing is left; its term never starts again, the next
    one does.
    """
    secret_hash = raised(had, kind)
    had.order("stop", term=1, kill=True)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert not had.living()
    assert stopped["asked"] is True
    assert hashlib.sha256(stopped["secret"].encode()).hexdigest() == secret_hash
    assert stopped["next_secret_hash"] not in ("", secret_hash)
    had.order("start", term=1, for_ms=30_000)
    refused = had.expect("ControlleeChanged")
    assert "released" in refused["because"]
    had.order("start", term=2, for_ms=30_000)
    had.expect_up(2)
