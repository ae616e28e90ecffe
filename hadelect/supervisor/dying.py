"""The daemon's death, seen milliseconds before its socket closes.

The kernel takes down a dying process's memory before its descriptors, which takes milliseconds for
a process with gRPC in it; but before both it marks the robust mutexes that a dying thread holds
and wakes who waits for them (get_robust_list(2)). So the daemon's main thread holds one for life.

1. A mark means that nothing more is heard of the daemon; it proves nothing about its tree.
2. Where it cannot be had (another libc or machine) the closing socket says the same, later.
3. The page is the daemon's: we read one word of it, and nothing in it can hurt us.
4. The supervisor's second thread sleeps in the kernel; a fork of the first one does not have it.
"""

from __future__ import annotations

import _thread
import ctypes
import errno
import fcntl
import mmap
import os
import socket

from hadelect.supervisor import packets
from hadelect.supervisor.packets import JunkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hadelect.supervisor.loop import Loop
    from hadelect.supervisor.packets import Packet

WORD = "mortal"  # The packet's `do`.
_SIZE = mmap.PAGESIZE
_FUTEX_WAIT, _FUTEX_WAKE = 0, 1
_WAITERS, _OWNER_DIED, _OWNER = 1 << 31, 1 << 30, (1 << 30) - 1  # Of the word, see futex(2).
_SHARED = _ROBUST = 1
_ATTRIBUTES = 64  # Room for a pthread_mutexattr_t.
_libc = ctypes.CDLL(None, use_errno=True)


def _number_of_futex() -> int:
    """Of the system call; 0 where we do not know it."""
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        return 0  # A 32-bit process has other numbers than its kernel's name says.
    return {"x86_64": 202, "aarch64": 98}.get(os.uname().machine, 0)


class Life:
    """To be made by the daemon's main thread and kept for as long as it lives."""

    def __init__(self, supervisor_fd: int) -> None:
        fd = os.memfd_create("hadelect-life", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, _SIZE)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self._page = mmap.mmap(fd, _SIZE)
        self._word = ctypes.c_uint32.from_buffer(self._page)
        self.is_held = _number_of_futex() > 0 and self._hold()
        if self.is_held:
            with socket.socket(fileno=os.dup(supervisor_fd)) as sock:
                packets.send(sock, {"do": WORD}, (fd,))
        os.close(fd)

    def _hold(self) -> bool:
        """Lock it for life; False where the mutex does not begin with the kernel's word."""
        attributes = ctypes.create_string_buffer(_ATTRIBUTES)
        mutex = ctypes.byref(self._word)
        _libc.pthread_mutexattr_init(attributes)
        _libc.pthread_mutexattr_setpshared(attributes, _SHARED)
        _libc.pthread_mutexattr_setrobust(attributes, _ROBUST)
        _libc.pthread_mutex_init(mutex, attributes)
        _libc.pthread_mutex_lock(mutex)
        if self._word.value & _OWNER != _thread.get_native_id():
            return False
        self._word.value |= _WAITERS  # The kernel wakes nobody else.
        return True


class Watch:
    """Calls `on_dying` once, from the loop, when the daemon that sent `packet` is dying."""

    def __init__(self, loop: Loop, packet: Packet, on_dying: Callable[[], None]) -> None:
        """Raises JunkError when the packet brings no page that we may read for ever, or when this
        machine has no thread left for it.
        """
        self._number = _number_of_futex()
        self._page = _page(packet)
        self._word = ctypes.c_uint32.from_buffer(self._page)
        self._loop = loop
        self._on_dying = on_dying
        try:
            self._seen, self._sees = os.pipe2(os.O_CLOEXEC)
        except OSError as error:
            raise JunkError(f"{WORD}: {error}") from None
        try:
            _thread.start_new_thread(self._wait, ())
        except RuntimeError as error:
            os.close(self._seen)
            os.close(self._sees)
            raise JunkError(f"{WORD}: {error}") from None
        loop.watch(self._seen, self._on_word)

    def end(self) -> None:
        """Its process has ended, maybe without a mark: it had unmapped the page before."""
        self._word.value |= _OWNER_DIED
        _libc.syscall(self._number, ctypes.byref(self._word), _FUTEX_WAKE, 1)

    def _wait(self) -> None:
        """In a thread of its own: a futex has no descriptor."""
        while not (found := self._word.value) & _OWNER_DIED:
            word, expected = ctypes.byref(self._word), ctypes.c_uint32(found)
            slept = _libc.syscall(self._number, word, _FUTEX_WAIT, expected, None)
            if slept < 0 and ctypes.get_errno() not in (errno.EAGAIN, errno.EINTR):
                break  # Not on this machine.
        else:
            os.write(self._sees, b"x")
        os.close(self._sees)

    def _on_word(self, _: int) -> None:
        is_dying = bool(os.read(self._seen, 1))
        self._loop.unwatch(self._seen)
        os.close(self._seen)
        if is_dying:
            self._on_dying()


def _page(packet: Packet) -> mmap.mmap:
    if len(packet.fds) != 1:
        raise JunkError(f"{WORD}: one descriptor is needed")
    try:
        is_lasting = fcntl.fcntl(packet.fds[0], fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK
        if not is_lasting or os.fstat(packet.fds[0]).st_size < _SIZE:
            raise JunkError(f"{WORD}: the page may shrink")
        return mmap.mmap(packet.fds[0], _SIZE)
    except OSError as error:
        raise JunkError(f"{WORD}: {error}") from None
