"""The child's side between fork and exec: what an administrator's program is given, and what not.

A session of its own, no signal blocked or ignored, /dev/null to read, its outputs, its user;
nothing else of ours. Errors are OSError: the caller knows to whom they are to be told.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hadelect.supervisor.spec import User

NOT_RUN = 127  # As a shell says it: there is no such program, or it cannot be run.
MAX_FD = 1 << 20


def stand_alone(out: int, err: int, *kept: int) -> None:
    """A session, signals unblocked, 0 to 2 in place; of all other descriptors only `kept`."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    null = os.open(os.devnull, os.O_RDONLY)
    # Above 2 first: the outputs may have been given the numbers that they shall replace.
    high = [os.dup(fd) for fd in (null, out, err)]
    for number, fd in enumerate(high):
        os.dup2(fd, number)
    keep_only(*kept)


def keep_only(*fds: int) -> None:
    """Of all descriptors above 2."""
    low = 3
    for fd in sorted(fds):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, MAX_FD)


def ignored() -> list[int]:
    """Exec keeps what is ignored; what is caught it sets back by itself."""
    everything = signal.valid_signals()
    return [number for number in everything if signal.getsignal(number) is signal.SIG_IGN]


def hear_again(numbers: Iterable[int]) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_DFL)


def change_user(user: User) -> None:
    if (user.uid, user.gid) == (os.getuid(), os.getgid()) and os.getuid() != 0:
        return
    os.setgroups(user.groups)
    os.setgid(user.gid)
    os.setuid(user.uid)


def tell_failed(pipe: int, error: OSError) -> None:
    """Through the pipe that closes empty when the exec succeeds."""
    os.write(pipe, str(error.errno or 0).encode())
