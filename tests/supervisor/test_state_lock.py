"""The lock of a controllee on replicated state, as whoever would install another sees it."""

import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.supervisor.harness import Had, is_alive, until
from tests.supervisor.outside import Pair, needs_cgroup


def lock_of(had: Had) -> Path:
    return had.state_dir / "state.lock"


def is_free(had: Had) -> bool:
    """As an installation asks: exclusively, without waiting."""
    with lock_of(had).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def installing(had: Had) -> Iterator[None]:
    """Another process that installs, for as long as the block lasts."""
    words = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2)"
        "; print('holds', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", words, str(lock_of(had))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout
    assert holder.stdin
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()


def test_held_while_it_runs(had: Had) -> None:
    """From the start until its end is verified; a warm init holds nothing, a controllee has no
    descriptor of it.
    """
    had.ready(replicates=True)
    assert is_free(had)
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)
    assert not is_free(had)
    for pid in had.living():
        links = [link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()]
        assert "state.lock" not in links
    had.order("stop", term=1, kill=False)
    had.expect("ControlleeChanged", state="stopped", term=1)
    until(lambda: is_free(had))
    assert not had.living()


def test_nothing_is_replicated(had: Had) -> None:
    """There is no lock."""
    had.running()
    assert not lock_of(had).exists()


@pytest.mark.parametrize("fence", ["namespace", pytest.param("cgroup", marks=needs_cgroup)])
def test_supervisor_and_daemon_are_killed(had: Had, fence: str) -> None:
    """Who gets the lock finds nobody alive."""
    had.running(replicates=True, fence=fence)
    had.kill(had.process.pid)
    had.kill(had.daemon)
    until(lambda: is_free(had))
    until(lambda: not had.living())


@needs_cgroup
def test_a_frozen_init_keeps_it(had: Had) -> None:
    """Its tree lives on without supervisor and daemon: nothing is installed under it."""
    had.running(replicates=True, fence="cgroup")
    had.kill(had.init, signal.SIGSTOP)
    had.kill(had.process.pid)
    had.kill(had.daemon)
    until(lambda: not is_alive(had.daemon) and had.process.poll() is not None)
    assert had.living()
    assert not is_free(had)
    had.kill(had.init, signal.SIGCONT)
    until(lambda: is_free(had))
    assert not had.living()


def test_an_end_that_is_not_verified_keeps_it(tmp_path: Path) -> None:
    """The init is dead; that nothing of its tree is left is not certain yet."""
    verified = tmp_path / "verified"
    with Had(tmp_path / "state", "--stuck", str(verified)) as had:
        had.running(replicates=True)
        had.kill(had.init)
        until(lambda: not is_alive(had.init))
        assert not is_free(had)
        verified.touch()
        until(lambda: is_free(had))


def test_a_start_waits_for_a_switch(had: Had) -> None:
    """It is not refused for what takes milliseconds; its deadline is held meanwhile."""
    had.ready(replicates=True)
    with installing(had):
        had.order("start", term=1, for_ms=30_000)
        had.order("extend", term=1, for_ms=31_000)
        assert not had.living()
    had.expect_up(1)
    assert not is_free(had)


def test_a_start_does_not_wait_for_ever(had: Had) -> None:
    """It says whom to ask; the next one works."""
    had.ready(replicates=True)
    with installing(had):
        had.order("start", term=1, for_ms=30_000)
        stopped = had.expect("ControlleeChanged", state="stopped", term=1)
        assert "`hadelect replication`" in stopped["because"]
        assert not had.living()
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)


def test_a_deadline_is_held_while_a_start_waits(had: Had) -> None:
    """Nothing runs after it, whoever lets go of the lock later."""
    had.ready(replicates=True)
    with installing(had):
        had.order("start", term=1, for_ms=200)
        stopped = had.expect("ControlleeChanged", state="stopped", term=1)
        assert "deadline" in stopped["because"]
    assert not had.living()


def test_what_another_manager_runs(two: Pair) -> None:
    """The same, from before START until the end is verified."""
    two.ready(replicates=True)
    assert is_free(two.had)
    two.running()
    assert not is_free(two.had)
    two.had.order("stop", term=1, kill=False)
    two.had.expect("ControlleeChanged", state="stopped")
    until(lambda: is_free(two.had))
    assert not two.outside.services()
