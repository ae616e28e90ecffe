"""Trials side by side do not disturb each other, and keep together."""

import fcntl
import threading
from pathlib import Path

import pytest

from tests.bench.pace import Pace
from tests.bench.quiet import Quiet


def free(directory: Path, kind: int) -> bool:
    """Whether somebody else could have the room this way now."""
    with (directory / "room").open("a") as room:
        try:
            fcntl.flock(room, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_busy_together_quiet_alone(tmp_path: Path) -> None:
    """Many may be busy at once; whoever needs quiet has it to himself."""
    quiet = Quiet(tmp_path)
    with quiet.busy(), quiet.busy():
        assert free(tmp_path, fcntl.LOCK_SH)
        assert not free(tmp_path, fcntl.LOCK_EX)
    with quiet.alone():
        assert not free(tmp_path, fcntl.LOCK_SH)
    assert free(tmp_path, fcntl.LOCK_EX)


def test_the_room_is_free_after_an_error(tmp_path: Path) -> None:
    """A trial that failed holds up nobody, and leaves no descriptor behind."""
    before = descriptors()
    with pytest.raises(RuntimeError), Quiet(tmp_path).alone():
        raise RuntimeError
    assert free(tmp_path, fcntl.LOCK_EX)
    assert descriptors() == before


def test_nobody_runs_ahead(tmp_path: Path) -> None:
    """The slowest never waits; the others wait for it."""
    pace = Pace(tmp_path)
    pace.line_up(["hare", "tortoise"])
    pace.reached("hare", 0.5)
    pace.wait("tortoise")
    hare = threading.Thread(target=pace.wait, args=("hare",))
    hare.start()
    assert hare.is_alive()
    pace.reached("tortoise", 0.49)
    hare.join(10)
    assert not hare.is_alive()
