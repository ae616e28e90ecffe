"""What an earlier life left behind: found by the record, killed, and never mistaken for another."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadelect.supervisor.linux import boot_id, start_time
from tests.supervisor.harness import Had, is_alive, until


@pytest.fixture
def bystander() -> Iterator[int]:
    """A process that is none of ours."""
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        until(lambda: start_time(process.pid))
        yield process.pid
        process.kill()


def record(state_dir: Path, **fields: object) -> None:
    state_dir.mkdir(exist_ok=True)
    whole = {"boot_id": boot_id(), "pid": 1, "start_time": 1, "fence": "namespace", "cgroup": ""}
    (state_dir / "tree.json").write_text(json.dumps(whole | fields))


def test_recorded_before_it_may_start(had: Had) -> None:
    """The init is on record as soon as it is ready to start something."""
    ready = had.ready()
    written = json.loads((had.state_dir / "tree.json").read_text())
    assert written["pid"] == ready["init"]
    assert written["start_time"] == start_time(ready["init"])
    assert written["boot_id"] == boot_id()


def test_killed(tmp_path: Path, bystander: int) -> None:
    """What the record names is killed before this life is ready."""
    record(tmp_path, pid=bystander, start_time=start_time(bystander))
    with Had(tmp_path) as had:
        had.ready()
        assert not is_alive(bystander)


def test_frozen_one_killed(tmp_path: Path, bystander: int) -> None:
    """Though it is frozen."""
    os.kill(bystander, signal.SIGSTOP)
    record(tmp_path, pid=bystander, start_time=start_time(bystander))
    with Had(tmp_path) as had:
        had.ready()
        assert not is_alive(bystander)


@pytest.mark.parametrize("wrong", [{"start_time": 1}, {"boot_id": "another"}, {"start_time": 0}])
def test_pid_in_use_again(tmp_path: Path, bystander: int, wrong: dict[str, object]) -> None:
    """A process that only has the recorded pid, or had it in another boot, is not touched."""
    record(tmp_path, **({"pid": bystander, "start_time": start_time(bystander)} | wrong))
    with Had(tmp_path) as had:
        had.ready()
        assert is_alive(bystander)


def test_real_one(tmp_path: Path) -> None:
    """A second life on the same state directory begins when nothing of the first is left."""
    with Had(tmp_path) as first:
        first.running("forks")
        first.kill(first.daemon, signal.SIGSTOP)  # It would kill the tree by itself.
        first.kill(first.process.pid)
        with Had(tmp_path) as second:
            second.ready()
            assert not first.living()


def test_locked(tmp_path: Path) -> None:
    """A second HAD on the same state directory says who holds it, and ends with 78."""
    with Had(tmp_path) as first:
        first.running()
        with Had(tmp_path) as second:
            second.expect("born")
            second.configure()
            error = second.expect("error")
            assert f"pid {first.process.pid}" in error["text"]
            assert str(tmp_path) in error["text"]
            assert second.process.wait(10) == 78
        assert first.living()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"boot_id": 7}', '{"boot_id": "x"}'])
def test_record_that_is_none(tmp_path: Path, content: str) -> None:
    """A record that cannot be understood is not ignored: something may run. The remedy is named."""
    (tmp_path / "tree.json").write_text(content)
    with Had(tmp_path) as had:
        had.expect("born")
        had.configure()
        assert "then remove the file" in had.expect("error")["text"]
        assert had.process.wait(10) == 78


def test_state_dir_that_cannot_be(tmp_path: Path) -> None:
    """A state directory that cannot be made is the operator's to put right."""
    (tmp_path / "file").write_text("")
    with Had(tmp_path / "file" / "state") as had:
        had.expect("born")
        had.configure()
        assert "HAD_STATE_DIR" in had.expect("error")["text"]
        assert had.process.wait(10) == 78


def test_witness(had: Had) -> None:
    """A witness runs nothing: it is ready without an init."""
    ready = had.ready(witness=True)
    assert (ready["fence"], ready["init"]) == ("none", 0)
    had.order("start", term=1, for_ms=30_000)
    assert "no init" in had.expect("ControlleeChanged", state="stopped")["because"]
