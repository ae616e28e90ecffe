"""$(HAD_STATE_DIR)/state.lock: "what runs here may be using the replicated state".

1. Held (flock, shared) from before the exec until the tree is verified dead; whoever installs
   another version takes it exclusively for the switch, and installs nothing while it cannot.
2. One open file for the supervisor and the init: the lock lasts until both have closed it, so that
   the death of either alone ends nothing. The controllee never has it. (Both killed at the same
   instant: the kernel closes their files just before it has killed the rest of the namespace.)
3. Nothing is replicated: there is no file and no lock, and a start waits for nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hadelect.supervisor.loop import Loop

NONE = -1  # No descriptor: nothing is replicated.
GAP_MS = 5
LIMIT_MS = 2000  # A switch takes milliseconds.


def opened(path: str) -> int:
    """The file, not locked yet. Raises OSError."""
    if not path:
        return NONE
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)


def close(fd: int) -> None:
    if fd != NONE:
        os.close(fd)


class Waiting:
    """Until nobody installs: then `hold` was called, with the lock; or `fail`, with the remedy."""

    def __init__(
        self, loop: Loop, fd: int, hold: Callable[[], None], fail: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._fd = fd
        self._hold = hold
        self._fail = fail
        self._left = LIMIT_MS // GAP_MS

    def look(self) -> None:
        because = "" if self._fd == NONE else refusal(self._fd)
        if not because:
            self._hold()
        elif because == BUSY and self._left:
            self._left -= 1
            self._loop.after(GAP_MS, self.look)
        else:
            self._fail(because)


BUSY = (
    f"state.lock is held for {LIMIT_MS / 1000:g} s and more by whoever installs a version of the"
    " state: look at the log of `hadelect replication`, and restart it if it hangs"
)


def refusal(fd: int) -> str:
    """Why the lock is not held now; "" = it is."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EINTR):
            return BUSY
        return f"state.lock: {os.strerror(error.errno or 0)}; HAD_STATE_DIR must be on a local disk"
    return ""
