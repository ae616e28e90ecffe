"""A disk of a host's own that fails on demand: full, read-only, hung.

A small ext4 on a loop device. Hung is real: it is frozen (FIFREEZE), and whoever writes to it waits
in the kernel, in state D, where not even SIGKILL reaches it, until `repair`.

Law: whatever happens to the run, a frozen disk is thawed and unmounted: `close`, atexit, and the
next run's `sweep` (as in lan.py: names carry the owner's pid and start time).
"""

import atexit
import contextlib
import fcntl
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from tests.e2e.lan import PREFIX, owner, run, started

RUN = Path("/run")
MEGABYTES = 8
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
_count = itertools.count(1)


class Failure(Enum):
    FULL = "full"
    READ_ONLY = "read-only"
    HUNG = "hung"
    REMOVED = "removed"


class Disk:
    def __init__(self) -> None:
        """Mounted at `path`, empty."""
        self.path = RUN / f"{PREFIX}-{owner()}-disk{next(_count)}"
        self._image = image_of(self.path)
        self.path.mkdir()
        atexit.register(self.close)
        self._make()

    @property
    def state(self) -> Path:
        """A directory on it, made by whoever needs it."""
        return self.path / "state"

    def fail(self, failure: Failure) -> None:
        failures: dict[Failure, Callable[[], None]] = {
            Failure.FULL: self._fill,
            Failure.READ_ONLY: self._go_read_only,
            Failure.HUNG: lambda: _ioctl(self.path, FIFREEZE),
            Failure.REMOVED: lambda: shutil.rmtree(self.state),
        }
        failures[failure]()

    def repair(self) -> None:
        """Thaw it, or give it room: what was opened goes on. A read-only one stays so."""
        with contextlib.suppress(OSError):
            _ioctl(self.path, FITHAW)
        with contextlib.suppress(OSError):
            (self.path / "filler").unlink()

    def replace(self) -> None:
        """A new, empty one in its place; nobody may have a file of the old one open."""
        run("umount", str(self.path))
        self._image.unlink()
        self._make()

    def close(self) -> None:
        """May be called twice. Whoever used it has ended, or is beyond help."""
        atexit.unregister(self.close)
        _discard(self.path)

    def _make(self) -> None:
        with self._image.open("wb") as image:
            image.truncate(MEGABYTES << 20)
        run("mkfs.ext4", "-q", "-m", "0", str(self._image))
        run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.path))

    def _fill(self) -> None:
        with (self.path / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            for size in (1 << 16, 1 << 10, 1):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def _go_read_only(self) -> None:
        """As after an I/O error: the kernel refuses all writes, also through open files."""
        device = self.path.stat().st_dev
        name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("asked for by a test\n")


def image_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.img")


def sweep() -> None:
    """Thaw and remove what crashed runs left."""
    for path in RUN.glob(f"{PREFIX}-*-disk*"):
        match = re.match(rf"{PREFIX}-(\d+)\.(\d+)-", path.name)
        if path.suffix != ".img" and match and started(int(match[1])) != match[2]:
            _discard(path)


def _discard(path: Path) -> None:
    if path.is_mount():
        with contextlib.suppress(OSError):
            _ioctl(path, FITHAW)
        subprocess.run(["umount", "--lazy", path], capture_output=True, check=False)
    with contextlib.suppress(FileNotFoundError):
        path.rmdir()
    image_of(path).unlink(missing_ok=True)


def _ioctl(path: Path, request: int) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(fd, request, 0)
    finally:
        os.close(fd)
