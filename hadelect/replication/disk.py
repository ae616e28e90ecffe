"""Every change of a file that the store makes goes through here, one system call a function.

Law 1: `before` sees each of them before it happens: that is how the tests kill it at every step.
Law 2: no symbolic link is ever followed below a root's own directory; nothing is opened by a path
       of several components (tree.py walks them one by one).
"""

import ctypes
import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hadelect.replication.errors import StoreError

_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_WRITE_OUT = 2  # SYNC_FILE_RANGE_WRITE: begin to write, do not wait.

_libc = ctypes.CDLL(None, use_errno=True)

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _nothing(step: str) -> None:
    pass


before: Callable[[str], None] = _nothing  # Tests only.


def step(name: str) -> None:
    before(name)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _renameat2(directory: int, one: bytes, other: bytes, flags: int) -> None:
    _call("renameat2", directory, one, directory, other, ctypes.c_uint(flags))


def exchange(directory: int, one: bytes, other: bytes) -> None:
    """Two names of one directory swap what they name, in one instant."""
    step("exchange")
    _renameat2(directory, one, other, _RENAME_EXCHANGE)


def move(directory: int, old: bytes, new: bytes) -> None:
    """Raises FileExistsError rather than replace anything."""
    step("move")
    _renameat2(directory, old, new, _RENAME_NOREPLACE)


def create(directory: int, name: bytes) -> int:
    """A new, empty file that only we can read, opened for writing."""
    step("create")
    return os.open(name, WRITE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)


def make_directory(directory: int, name: bytes) -> None:
    step("mkdir")
    os.mkdir(name, 0o700, dir_fd=directory)


def make_link(directory: int, name: bytes, target: bytes) -> None:
    step("symlink")
    os.symlink(target, name, dir_fd=directory)


def write(fd: int, data: bytes | memoryview, at: int) -> None:
    step("write")
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, at)
        view = view[written:]
        at += written


def write_out(fd: int, at: int, length: int) -> None:
    """Let the disk begin with what was written: the fsync that follows has less to wait for."""
    _libc.sync_file_range(fd, ctypes.c_int64(at), ctypes.c_int64(length), _WRITE_OUT)


def truncate(fd: int, size: int) -> None:
    step("truncate")
    os.ftruncate(fd, size)


def set_mode(fd: int, mode: int, uid: int, gid: int) -> None:
    """Owner and mode; who is not root keeps its own files, and makes none setuid."""
    step("chmod")
    found = os.fstat(fd)
    if (found.st_uid, found.st_gid) != (uid, gid):
        try:
            os.fchown(fd, uid, gid)
        except PermissionError:
            mode &= 0o1777
    if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
        os.fchmod(fd, mode)


def set_link_owner(directory: int, name: bytes, uid: int, gid: int) -> None:
    step("chown")
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if (found.st_uid, found.st_gid) == (uid, gid):
        return
    try:
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)
    except PermissionError:
        return


def set_time(fd: int, mtime_ns: int) -> None:
    step("utime")
    os.utime(fd, ns=(mtime_ns, mtime_ns))


def unlink(directory: int, name: bytes) -> None:
    step("unlink")
    os.unlink(name, dir_fd=directory)


def remove_directory(directory: int, name: bytes) -> None:
    step("rmdir")
    os.rmdir(name, dir_fd=directory)


def sync(fd: int) -> None:
    step("fsync")
    os.fsync(fd)


def sync_all(fd: int) -> None:
    """Of the whole file system that this file is on: cheaper than thousands of fsyncs."""
    step("syncfs")
    _call("syncfs", fd)


def remove_tree(directory: int, name: bytes) -> None:
    """A name and all below it; never through a symbolic link. Nothing there: nothing done."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        unlink(directory, name)
        return
    fd = open_own_directory(directory, name)
    try:
        for child in os.listdir(fd):  # noqa: PTH208 - of a descriptor
            remove_tree(fd, os.fsencode(child))
    finally:
        os.close(fd)
    remove_directory(directory, name)


def open_directory(directory: int, name: bytes) -> int:
    return os.open(name, DIRECTORY, dir_fd=directory)


def open_own_directory(directory: int, name: bytes) -> int:
    """One of a shadow: ours to change, even if its mode says that nobody may."""
    try:
        return open_directory(directory, name)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=directory)
        return open_directory(directory, name)


REMEDIES = {
    errno.ENOSPC: "make room on this file system, or keep fewer versions (REPLICATION_KEEP)",
    errno.EDQUOT: "raise the quota of this user",
    errno.EROFS: "mount it read-write",
    errno.EACCES: "run the replication daemon as a user that may write there",
    errno.EPERM: "run the replication daemon as a user that may write there",
    errno.EIO: "the disk is failing: look at the kernel's log and replace it",
    errno.EBUSY: "a mount point cannot be replaced: name a directory below it in STATE_FILE",
    errno.EXDEV: "a mount point cannot be replaced: name a directory below it in STATE_FILE",
    errno.EINVAL: "its file system cannot exchange two names: use ext4, XFS, btrfs or tmpfs",
    errno.EMFILE: "raise the limit of open files",
}


def trouble(what: str | Path, error: OSError) -> StoreError:
    """The error of the store for an error of the system, with its remedy."""
    remedy = REMEDIES.get(error.errno or 0, "see that nobody else writes there; it is tried again")
    return StoreError(f"{what}: {error.strerror or error}; {remedy}")


@contextmanager
def speaking(what: object) -> Iterator[None]:
    """Errors of the system and of the catalog are told with their remedy."""
    try:
        yield
    except OSError as error:
        raise trouble(str(error.filename or what), error) from error
    except sqlite3.Error as error:
        raise StoreError(f"the catalog: {error}; see that there is room") from error
