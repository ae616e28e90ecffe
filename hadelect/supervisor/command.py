"""One command that an administrator named: started, time-limited, its end and last words known.

1. Nothing here blocks. It runs in a session of its own; at its limit its group gets SIGKILL, and
   from then on it counts as ended although it may be stuck in the kernel.
2. Its output goes to a small memory file that cannot grow: whatever it starts may keep that open,
   and neither fills a pipe nor loses its reader.
3. Who has loaded gRPC must not fork (`spawned`); who must never wait for a slow exec forks
   (`forked`).
"""

from __future__ import annotations

import fcntl
import os
import signal

from hadelect.supervisor import child, descriptors
from hadelect.supervisor.linux import boottime_ms, die_with_parent, has_ended

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, Protocol

    Environment = dict[str, str]
    Starter = Callable[[list[str], Environment, int], int]

    class Reaper(Protocol):
        """Who collects the wait statuses of this process's children (see Children)."""

        def expect(self, pid: int) -> None: ...
        def status(self, pid: int) -> int | None: ...


_OUTPUT_BYTES = 64 * 1024
_WORDS = 200  # Letters of its last line that are told.
_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)


class Command:
    __slots__ = ("_code", "_due", "_limit_ms", "_output", "_reaper", "is_late", "pid", "pidfd")

    def __init__(
        self,
        argv: list[str],
        environment: Environment,
        limit_ms: int,
        reaper: Reaper,
        start: Starter | None = None,
    ) -> None:
        """`start`: `forked` unless told otherwise."""
        self._limit_ms = limit_ms
        self._due = boottime_ms() + limit_ms
        self._reaper = reaper
        self._code: int | None = None
        self.is_late = False
        self._output = _memory_file()
        self.pid, self.pidfd = 0, -1
        try:
            self.pid = (start or forked)(argv, environment, self._output)
            reaper.expect(self.pid)
            self.pidfd = os.pidfd_open(self.pid)
        except OSError as error:
            os.write(self._output, f"cannot run {argv[0]}: {error.strerror}".encode())
            self._code = child.NOT_RUN

    @property
    def code(self) -> int | None:
        """As a shell says it (128 + n for signal n); None while it runs or if it was late."""
        return self._code

    def has_ended(self) -> bool:
        """Looks, and kills it at its limit."""
        if self.is_late or self._code is not None:
            return True
        if has_ended(self.pidfd):
            status = self._reaper.status(self.pid)
            code = 1 if status is None else os.waitstatus_to_exitcode(status)
            self._code = code if code >= 0 else 128 - code
        elif boottime_ms() >= self._due:
            self.kill()
            self.is_late = True
        return self.is_late or self._code is not None

    def kill(self) -> None:
        """Its whole group; what daemonised has left it."""
        if self.pid and self._code is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def close(self) -> None:
        """Give back what it held. What still runs of it is not touched."""
        if self.is_late:
            self._reaper.status(self.pid)  # It has had its SIGKILL: no zombie of it stays.
        for fd in (self.pidfd, self._output):
            if fd >= 0:
                os.close(fd)
        self.pidfd = self._output = -1

    def words(self) -> str:
        """How it ended, and the last line that it said."""
        if self.is_late:
            how = f"did not end within {self._limit_ms / 1000:g} s"
        elif self._code is not None and self._code > 128:
            how = f"ended by signal {self._code - 128}"
        else:
            how = f"ended with exit code {self._code}"
        said = self._said()
        return f"{how} ({said})" if said else how

    def _said(self) -> str:
        end = os.lseek(self._output, 0, os.SEEK_CUR)  # Its own place in the file: we share it.
        read = os.pread(self._output, 4 * _WORDS, max(0, end - 4 * _WORDS))
        lines = read[:end].decode("utf-8", "replace").strip("\0 \r\n\t").splitlines()
        return "".join(c for c in lines[-1] if c.isprintable())[-_WORDS:] if lines else ""


def _memory_file() -> int:
    fd = os.memfd_create("hadelect-output", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, _OUTPUT_BYTES)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return fd


class OwnChildren:
    """The Reaper of a process in which nobody else collects children."""

    def expect(self, pid: int) -> None:
        """It is collected when it is asked for."""

    def status(self, pid: int) -> int | None:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        return status if ended else None


# --- two ways to start it ---


def spawned(argv: list[str], environment: Environment, output: int) -> int:
    """Without a copy of this process; waits for the exec. Raises OSError."""
    null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    outs = [(os.POSIX_SPAWN_DUP2, output, number) for number in (1, 2)]
    with descriptors.as_given():
        return os.posix_spawnp(
            argv[0],
            argv,
            environment,
            file_actions=[null, *outs],
            setsid=True,
            setsigmask=(),
            setsigdef=_PYTHON_IGNORES,
        )


def forked(argv: list[str], environment: Environment, output: int) -> int:
    """The exec, which may hang on a file server, is the child's own affair."""
    pid = os.fork()
    if pid == 0:
        _become(argv, environment, output)
    return pid


def bound(argv: list[str], environment: Environment, output: int) -> int:
    """As `forked`, and SIGKILL when we end: nothing may come of it that nobody waits for."""
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        _become(argv, environment, output)
    return pid


def _become(argv: list[str], environment: Environment, output: int) -> NoReturn:
    try:
        child.hear_again(child.ignored())
        child.stand_alone(output, output)
        os.execvpe(argv[0], argv, environment)  # noqa: S606
    except OSError as error:
        os.write(2, f"cannot run {argv[0]}: {error.strerror}".encode())
    finally:
        os._exit(child.NOT_RUN)
