"""A disk that takes nothing: clear words, the old version stays, and it goes on afterwards."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hadelect.replication.errors import StoreError
from hadelect.replication.manifest import BLOCK
from tests.replication.machines import Member, fill, replicate, same, send, tree

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 32, 16384, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system: needs root")


def _mount(target: Path, flags: int = 0) -> None:
    kind = b"none", os.fsencode(target), b"tmpfs"
    if _libc.mount(*kind, ctypes.c_ulong(flags), b"size=2m") != 0:
        raise OSError(ctypes.get_errno(), "mount")


def _in_a_namespace(disk: Path) -> None:
    assert _libc.unshare(CLONE_NEWNS) == 0
    _libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    _mount(disk)


def _full(source: Member, disk: Path) -> None:
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


def _read_only(source: Member, disk: Path) -> None:
    """The files of STATE_FILE; the catalog is elsewhere."""
    state = disk.parent / "state"
    target = Member(state, disk)
    source.snap()
    replicate(source, target)
    before = tree(target.queue)
    source.queue.write_bytes(b"more")
    source.snap()
    _mount(disk, MS_REMOUNT | MS_RDONLY)
    with pytest.raises(StoreError, match="mount it read-write"):
        send(source, target)
    target.store.catch_up()
    assert tree(target.queue) == before
    _mount(disk, MS_REMOUNT)
    send(source, target)
    _mount(disk, MS_REMOUNT | MS_RDONLY)
    assert target.store.received is not None
    with pytest.raises(StoreError, match="mount it read-write"):
        target.store.install(target.store.received)
    assert tree(target.queue) == before
    assert target.store.held != source.store.held
    with pytest.raises(StoreError, match="mount it read-write"):
        target.store.look()
    _mount(disk, MS_REMOUNT)
    line = source.store.held
    assert line is not None
    target.store.install(line)
    assert same(source, target)
    assert not target.store.look(exact=True).dirty
    target.store.close()


@pytest.mark.parametrize("story", [_full, _read_only])
def test_a_disk_that_takes_nothing(story: Callable[[Member, Path], None], tmp_path: Path) -> None:
    """A real ENOSPC, a real EROFS: the live files stay what they were, and once there is room, or
    it is mounted read-write, the next version is installed.
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
            story(source, disk)
            code = 0
        except BaseException:  # noqa: BLE001 - it is a child: its traceback is its answer.
            import traceback  # noqa: PLC0415

            traceback.print_exc()
        finally:
            os._exit(code)
    source.store.close()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
