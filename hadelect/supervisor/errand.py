"""One command that an administrator named (a hook, a probe), and the process that attends it.

1. The attendant is a process of its own: whatever its command forks or daemonises stays below it,
   so that at the time limit nothing is left; and the supervisor never waits.
2. A command whose first process ended is over. What it left in the background is left alone.
3. Without a supervisor, or told to: SIGKILL to all of it; the attendant ends when nothing is left.

It says once: {"do":"ran","end":E,"number":N,"because":TEXT,"output":TEXT} with E of

| end | number | means |
|---|---|---|
| exit | exit code | it ended by itself |
| signal | signal | somebody killed it, not we |
| limit | 0 | SIGKILL at its time limit |
| asleep | 0 | the same, but this machine did not run us when its time was up: it proves nothing |
| cancelled | 0 | SIGKILL because nobody wants it any more |
| unable | errno | it could not be run |
"""

from __future__ import annotations

import os
import signal

from hadelect.supervisor import child, packets
from hadelect.supervisor.fence import kill_each
from hadelect.supervisor.linux import (
    adopt_orphans,
    boottime_ms,
    descendants,
    die_with_parent,
    exit_words,
    name_process,
)
from hadelect.supervisor.loop import Loop
from hadelect.supervisor.spec import NOT_FOR_CONTROLLEES, environment_pairs, optional_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

OUTPUT_BYTES = 2048  # The last words of a command; what came before is read and dropped.
_ASLEEP_MS = 500  # Woken so late at the limit: it was the machine, or we, who did not run.
_LOOK_MS = 2
_IGNORED = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE),
)


class Errand:
    """What to run."""

    __slots__ = ("_environment", "argv", "limit_ms", "name", "user")

    def __init__(self, body: packets.Body) -> None:
        """Raises JunkError."""
        self.name = packets.text(body, "name")  # The variable that names the command.
        self.argv = packets.texts(body, "argv")
        self.limit_ms = packets.number(body, "limit_ms")
        self.user = optional_user(body)
        self._environment = environment_pairs(body)
        if not self.argv:
            raise packets.JunkError("argv: a program is needed")

    def environment(self) -> dict[str, str]:
        merged = dict(os.environ)
        if self.user:
            merged.update(HOME=self.user.home, USER=self.user.name, LOGNAME=self.user.name)
        merged.update(self._environment)
        return {k: v for k, v in merged.items() if k not in NOT_FOR_CONTROLLEES}


class Attendant:
    """Lives in a process of its own."""

    def __init__(self, errand: Errand, channel: socket.socket) -> None:
        self._errand = errand
        self._channel = channel  # To the supervisor.
        self._main = 0
        self._status: int | None = None
        self._output = -1
        self._tail = b""
        self._exec_pipe = -1
        self._killed_as = ""  # The `end` to be told once nothing is left; "" = not killed.
        self._loop: Loop

    def run(self) -> NoReturn:
        """In the new process. Whatever goes wrong here ends it."""
        try:
            name_process("hadelect-errand")
            os.setsid()
            child.keep_only(self._channel.fileno())
            for number in _IGNORED:
                signal.signal(number, signal.SIG_IGN)
            adopt_orphans()
            self._loop = Loop()
            self._loop.on_signal(signal.SIGCHLD, self._on_child)
            self._loop.watch(self._channel.fileno(), lambda _: self._kill("cancelled"))
            due = boottime_ms() + self._errand.limit_ms
            self._start()
            self._loop.at(due, lambda: self._on_limit(due))
            while True:
                self._loop.turn()
        finally:
            os._exit(1)

    def _start(self) -> None:
        self._output, out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(out, True)
        self._exec_pipe, tells = os.pipe2(os.O_CLOEXEC)
        self._main = os.fork()
        if self._main == 0:
            _become(self._errand, out, tells)
        os.close(out)
        os.close(tells)
        self._loop.watch(self._output, lambda _: self._on_output())
        self._loop.watch(self._exec_pipe, lambda _: self._on_exec())

    def _on_exec(self) -> None:
        said = os.read(self._exec_pipe, 16)
        self._loop.unwatch(self._exec_pipe)
        if said:
            number = int(said)
            self._tell(
                "unable", number, f"cannot run {self._errand.argv[0]}: {os.strerror(number)}"
            )

    def _on_output(self) -> None:
        self._read()

    def _read(self) -> bool:
        """One chunk; whether there may be more."""
        try:
            chunk = os.read(self._output, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._loop.unwatch(self._output)
            return False
        self._tail = (self._tail + chunk)[-OUTPUT_BYTES:]
        return True

    # --- its end ---

    def _on_child(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self._main:
                self._status = status
        if self._status is not None and not self._killed_as:
            self._conclude(self._status)

    def _conclude(self, status: int) -> None:
        """It ended by itself."""
        self._on_exec()
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            self._tell("exit", code, f"exit code {code}")
        self._tell("signal", -code, exit_words(status))

    def _on_limit(self, due: int) -> None:
        late = boottime_ms() - due
        self._kill("limit" if late < _ASLEEP_MS else "asleep")

    def _kill(self, end: str) -> None:
        if not self._killed_as:
            self._killed_as = end
            self._loop.unwatch(self._channel.fileno())
            self._until_gone()

    def _until_gone(self) -> None:
        below = descendants(os.getpid())
        if not below:
            self._tell(self._killed_as, 0, self._words())
        kill_each(below)
        self._loop.after(_LOOK_MS, self._until_gone)

    def _words(self) -> str:
        if self._killed_as == "cancelled":
            return "killed: nobody waits for it any more"
        seconds = self._errand.limit_ms / 1000
        if self._killed_as == "asleep":
            return f"not ended after {seconds:g} s, but this machine did not run meanwhile: killed"
        return f"not ended after {seconds:g} s: killed"

    def _tell(self, end: str, number: int, because: str) -> NoReturn:
        for _ in range(64):  # At most a pipe of it: others may go on writing.
            if not self._read():
                break
        output = self._tail.decode("utf-8", "replace").strip()
        said: packets.Body = {"end": end, "number": number, "because": because, "output": output}
        packets.send(self._channel, {"do": "ran", **said})
        os._exit(0)


def _become(errand: Errand, out: int, tells: int) -> NoReturn:
    """The command itself: a session of its own, /dev/null, its output to us, nothing else of us."""
    try:
        die_with_parent()  # Should somebody kill the attendant.
        child.hear_again((*_IGNORED, signal.SIGXFSZ))
        child.stand_alone(out, out, tells)
        if errand.user:
            child.change_user(errand.user)
        os.execvpe(errand.argv[0], errand.argv, errand.environment())  # noqa: S606
    except OSError as error:
        child.tell_failed(tells, error)
    finally:
        os._exit(child.NOT_RUN)
