"""A disk that is full: clear words, the old version stays, and it goes on afterwards."""

import ctypes
import os
from pathlib import Path

import pytest

from hadelect.replication.errors import StoreError
from hadelect.replication.manifest import BLOCK
from tests.replication.machines import Member, fill, replicate, same, send, tree

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")


def _mount(target: Path) -> None:
    if _libc.mount(b"none", os.fsencode(target), b"tmpfs", ctypes.c_ulong(0), b"size=2m") != 0:
        raise OSError(ctypes.get_errno(), "mount")


def _in_a_namespace(disk: Path) -> None:
    assert _libc.unshare(CLONE_NEWNS) == 0
    _libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    _mount(disk)


def _story(source: Member, disk: Path) -> None:
    target = Member(disk / "target")
    source.snap()
    replicate(source, target)
    before = tree(target.queue)
    small = source.queue.read_bytes()
    source.queue.write_bytes(os.urandom(60 * BLOCK))
    source.snap()
    with pytest.raises(StoreError, match="make room"):
        send(source, target)
    assert tree(target.queue) == before
    source.queue.write_bytes(small + b"more")
    source.snap()
    replicate(source, target)
    assert same(source, target)
    target.store.close()


def test_a_full_disk(tmp_path: Path) -> None:
    """A real ENOSPC leaves the live files what they were; then there is room again,
    and the next version is installed by the same process.
    """
    disk = tmp_path / "disk"
    disk.mkdir()
    source = Member(tmp_path / "source")
    fill(source)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _in_a_namespace(disk)
            _story(source, disk)
            code = 0
        except BaseException:  # noqa: BLE001 - it is a child: its traceback is its answer.
            import traceback  # noqa: PLC0415

            traceback.print_exc()
        finally:
            os._exit(code)
    source.store.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
