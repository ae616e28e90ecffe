"""The processes that the supervisor started: the daemon's life, and who has ended how."""

from __future__ import annotations

import os
import signal

from hadelect.supervisor import packets
from hadelect.supervisor.linux import boottime_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hadelect.supervisor.dying import Watch

FD_VARIABLE = "HADELECT_SUPERVISOR_FD"


class Children:
    """Reaps every child, adopted orphans too, and remembers the wait status of those expected."""

    def __init__(self) -> None:
        self.expected: set[int] = set()  # Started by us on purpose, and living.
        self._statuses: dict[int, int] = {}

    def expect(self, pid: int) -> None:
        self.expected.add(pid)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.expected:
                self.expected.discard(pid)
                self._statuses[pid] = status

    def status(self, pid: int) -> int | None:
        """How an expected child ended (told once); None if it has not, or nobody knows."""
        self.reap()
        return self._statuses.pop(pid, None)


class Daemon:
    """One life of the daemon."""

    __slots__ = ("born_at", "closed_at", "ended", "pid", "pidfd", "sock", "watch")

    def __init__(self, command: list[str]) -> None:
        """OSError when it cannot be started."""
        self.sock, theirs = packets.pair()
        os.set_inheritable(theirs.fileno(), True)
        environment = {**os.environ, FD_VARIABLE: str(theirs.fileno())}
        try:
            self.pid = os.posix_spawn(
                command[0],
                command,
                environment,
                setpgroup=0,  # ^C reaches the supervisor, which passes it on once.
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
            )
        finally:
            theirs.close()
        self.pidfd = os.pidfd_open(self.pid)
        self.born_at = boottime_ms()
        self.closed_at = 0  # When its socket was given up; 0 = it is obeyed.
        self.ended = False
        self.watch: Watch | None = None  # Once it has said that it is mortal.


def exit_code(status: int) -> int:
    """As a shell says it: 128 + n for an end by signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
