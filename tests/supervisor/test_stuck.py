"""A tree that cannot be killed is never reported as dead, and nobody starts beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.harness import Had


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Had]:
    """Its fence says that the tree lives until the file `gone` is there."""
    with Had(tmp_path / "state", "--stuck", str(tmp_path / "gone")) as started:
        yield started
        (tmp_path / "gone").touch()


def test_asked_stop(stuck: Had, tmp_path: Path) -> None:
    """stop_failed first, nothing starts beside it, and STOPPED with the secret once it is gone."""
    stuck.running()
    stuck.order("stop", term=1, kill=True)
    while (said := stuck.expect("ControlleeChanged"))["state"] != "stop_failed":
        assert not said["secret"]  # The daemon's own fence may see the end of the init.
    assert said["term"] == 1
    stuck.order("start", term=65, for_ms=30_000)
    refused = stuck.expect("ControlleeChanged", state="stopped", term=65)
    assert "not gone" in refused["because"]
    (tmp_path / "gone").touch()
    stopped = stuck.expect("ControlleeChanged", state="stopped", term=1)
    assert stopped["secret"]


def test_daemon_killed(stuck: Had, tmp_path: Path) -> None:
    """No notice while it lives; the next daemon is told that it must wait, again and again; when it
    is gone the notice goes out, and the daemon becomes ready.
    """
    stuck.running()
    stuck.kill(stuck.daemon)
    stuck.expect("born")
    stuck.configure()
    for _ in range(2):
        stuck.expect("LeftoverStuck")
    assert not stuck.notices()
    (tmp_path / "gone").touch()
    assert stuck.expect_notice().term == 1
    stuck.expect("SupervisorReady")


def test_daemon_ends_on_purpose(stuck: Had) -> None:
    """The supervisor ends, after a while, without a notice; the record stays for the next life."""
    stuck.running()
    stuck.order("exit", code=0)
    assert stuck.process.wait(15) == 0
    assert not stuck.notices()
    assert (stuck.state_dir / "tree.json").exists()
