"""Fork and exec of the controllee: what it is given, and what it is not.

It gets a session of its own, its user, /dev/null, two pipes and default signals; none of our
descriptors. A pipe that closes at exec tells the init how it went.
"""

from __future__ import annotations

import errno
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from hadelect.supervisor.spec import Spec, User

MAX_FD = 1 << 20
REMEDIES = {
    errno.ENOENT: "set {name} to the full path of an existing program",
    errno.EACCES: "make it executable for its user, or correct {name} and {name}_USER",
    errno.ENOEXEC: "it is no program for this machine; a script needs a #! line",
    errno.EPERM: "{name}_USER needs hadelect to run as root",
}


class Program:
    """Prepared while the init is warm, so that a start is a fork and an exec."""

    __slots__ = ("_err", "_ignored", "_out", "_spec")

    def __init__(self, spec: Spec, out: int, err: int) -> None:
        self._spec = spec
        self._out = out  # Write ends of the pipes; ours to close.
        self._err = err
        self._ignored: list[int] = []

    def prepare(self) -> None:
        """Exec keeps what is ignored; what is caught it sets back by itself."""
        everything = signal.valid_signals()
        self._ignored = [n for n in everything if signal.getsignal(n) is signal.SIG_IGN]

    def start(self, term: int) -> tuple[int, int]:
        """(pid, pipe): the pipe closes empty when the program runs, else it says why not."""
        environment = self._spec.environment_of(term)
        told, tells = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            self._become(environment, tells)
        for fd in (tells, self._out, self._err):
            os.close(fd)
        return pid, told

    def _become(self, environment: dict[str, str], tells: int) -> NoReturn:
        spec = self._spec
        try:
            os.setsid()
            for number in self._ignored:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            null = os.open(os.devnull, os.O_RDONLY)
            # Above 2 first: the pipes may have been given the numbers that they shall replace.
            high = [os.dup(fd) for fd in (null, self._out, self._err)]
            for number, fd in enumerate(high):
                os.dup2(fd, number)
            os.closerange(3, tells)
            os.closerange(tells + 1, MAX_FD)
            if spec.user:
                _change_user(spec.user)
            os.execvpe(spec.argv[0], spec.argv, environment)  # noqa: S606
        except OSError as error:
            os.write(tells, str(error.errno or 0).encode())
        finally:
            os._exit(127)


def failure(spec: Spec, said: bytes) -> str:
    """What the pipe said, with the remedy."""
    number = int(said or b"0")
    remedy = REMEDIES.get(number, "correct {name}").format(name=spec.controllee)
    return f"cannot run {spec.argv[0]}: {os.strerror(number)}; {remedy}"


def _change_user(user: User) -> None:
    if (user.uid, user.gid) == (os.getuid(), os.getgid()) and os.getuid() != 0:
        return
    os.setgroups(user.groups)
    os.setgid(user.gid)
    os.setuid(user.uid)
