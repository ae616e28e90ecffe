"""What an earlier life left behind: found by the record, killed, and never mistaken for another."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadelect.supervisor import slots
from hadelect.supervisor.earlier import FILE, read
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
    slots.create(str(state_dir / FILE), json.dumps(whole | fields).encode())


def test_recorded_before_it_may_start(had: Had) -> None:
    """The init is on record as soon as it is ready to start something."""
    ready = had.ready()
    written = read(str(had.state_dir / FILE))
    assert written["pid"] == ready["init"]
    assert written["start_time"] == start_time(ready["init"])
    assert written["boot_id"] == boot_id()


def test_killed(tmp_path: Path, bystander: int) -> None:
    """What the record names is killed before this life is ready."""
    record(tmp_path, pid=bystander, start_time=start_time(bystander))
    with Had(tmp_path) as had:
        had.ready()
        assert not is_alive(bystander)


def test_torn(tmp_path: Path, bystander: int) -> None:
    """The newest record is torn: its init may have started nothing; the one before it counts."""
    record(tmp_path, pid=bystander, start_time=start_time(bystander))
    with (tmp_path / FILE).open("r+b") as file:
        slots.put(file.fileno(), slots.Slot(1, b"{}"))
        os.pwrite(file.fileno(), b"torn", slots.SLOT_BYTES + 10)
    with Had(tmp_path) as had:
        had.ready()
        assert not is_alive(bystander)


def test_of_the_first_release(tmp_path: Path, bystander: int) -> None:
    """One line of JSON, as the record was before it had slots, is understood."""
    whole = {"boot_id": boot_id(), "pid": bystander, "start_time": start_time(bystander)}
    line = json.dumps({**whole, "fence": "namespace", "cgroup": ""})
    (tmp_path / FILE).write_text(f"{line}\n")
    with Had(tmp_path) as had:
        had.ready()
        assert not is_alive(bystander)


def test_removed(had: Had) -> None:
    """A record that was removed is made again for the next init."""
    had.running(term=1)
    (had.state_dir / FILE).unlink()
    had.order("stop", term=1, because="asked", kill=True)
    had.expect("ControlleeChanged", state="stopped")
    until((had.state_dir / FILE).exists)


def test_cannot_be_made(had: Had) -> None:
    """An init that cannot be recorded starts nothing, and the daemon hears why; once it can be,
    the daemon hears that, too.
    """
    had.running(term=1)
    (had.state_dir / FILE).unlink()
    (had.state_dir / FILE).mkdir()
    had.kill(had.init)
    assert FILE in had.expect("LeftoverStuck")["because"]
    had.order("start", term=1, for_ms=30_000)
    assert "no init" in had.expect("ControlleeChanged", state="stopped")["because"]
    (had.state_dir / FILE).rmdir()
    had.expect("SupervisorReady")
    had.order("start", term=1, for_ms=30_000)
    had.expect_up(1)


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
    (tmp_path / FILE).write_text(content)
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
