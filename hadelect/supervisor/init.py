"""The init: first process of the tree, alone in holding its deadline.

1. One init serves one run of the controllee; when the tree ends, for whatever reason, so does it.
   Whoever sees its end has therefore seen the end of the tree.
2. SIGKILL to everything when the deadline passes, when the supervisor is gone, or on command.
   It keeps root's credentials and never waits for anybody before it kills.
3. The tree runs while it has a process. A first process that exits 0 within the start grace and
   leaves others has become a daemon; any other end of it is the end of the tree.
"""

from __future__ import annotations

import os
import signal
import time

from hadelect.supervisor import child, packets, state_lock
from hadelect.supervisor import exec as program
from hadelect.supervisor.fence import CgroupFence, kill_each
from hadelect.supervisor.linux import (
    adopt_orphans,
    boottime_ms,
    children_of,
    descendants,
    die_with_parent,
    exit_words,
    isolate_mounts,
    name_process,
)
from hadelect.supervisor.loop import GONE, Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

    from hadelect.supervisor.loop import Timer
    from hadelect.supervisor.spec import Spec

_REAP_GAP_S = 0.001
_IGNORED = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE),
)


class Init:
    def __init__(
        self, spec: Spec, kind: str, channel: socket.socket, pipes: tuple[int, int], lock: int
    ) -> None:
        self._spec = spec
        self._kind = kind  # Of the fence.
        self._channel = channel  # To the supervisor.
        self._pipes = pipes
        self._lock = lock  # On the state, see state_lock.py; never let go of before our end.
        self._program = program.Program(spec, *pipes)
        self._cgroup = ""
        self._term = 0
        self._main = 0  # The first process, or the one that went to the background; 0 = none.
        self._started_at = 0
        self._daemonised = False
        self._exec_pipe = -1  # Open until exec has succeeded or failed.
        self._stopping = False
        self._deadline: Timer | None = None
        self._loop: Loop

    def run(self) -> NoReturn:
        """In the new process. Whatever goes wrong here ends it, and with it the tree."""
        try:
            name_process("hadelect-init")
            os.setsid()  # A terminal's ^C and ^Z are for the supervisor alone.
            # Not the lock, nor the daemon's socket: they must not outlive their owners.
            lock = () if self._lock == state_lock.NONE else (self._lock,)
            child.keep_only(self._channel.fileno(), *self._pipes, *lock)
            for number in _IGNORED:
                signal.signal(number, signal.SIG_IGN)
            self._loop = Loop()
            self._loop.on_signal(signal.SIGCHLD, self._on_child)
            self._loop.watch(self._channel.fileno(), self._on_supervisor)
            while True:
                self._loop.turn()
        finally:
            os._exit(1)

    # --- the supervisor speaks ---

    def _on_supervisor(self, mask: int) -> None:
        if mask & GONE:
            self._end("the supervisor is gone")
        packet = packets.receive(self._channel)
        if packet is None:
            self._end("the supervisor is gone")
        match packet.do:
            case "prepare":
                self._prepare(packets.text(packet.body, "cgroup"))
            case "start":
                self._start(packet.body)
            case "extend":
                self._extend(packet.body)
            case "stop":
                self._stop()
            case "adjust":
                self._spec.adjust(packet.body)

    def _prepare(self, cgroup: str) -> None:
        """Once the supervisor is our parent and has put us where we belong."""
        self._cgroup = cgroup
        try:
            if self._kind == "namespace":
                die_with_parent()
                isolate_mounts()
            else:
                adopt_orphans()
            self._program.prepare()
        except OSError as error:
            packets.send(self._channel, {"do": "unable", "because": str(error)})
            os._exit(1)
        packets.send(self._channel, {"do": "prepared"})

    def _start(self, body: packets.Body) -> None:
        if self._term:
            return  # One run only.
        self._term, deadline = packets.number(body, "term"), packets.number(body, "deadline")
        self._started_at = boottime_ms()
        if deadline <= self._started_at:
            self._end("its deadline had passed before it was started")
        self._set_deadline(deadline)  # First: from here on its end is certain.
        state_lock.Waiting(self._loop, self._lock, self._launch, self._end).look()
        packets.send(self._channel, {**body, "do": "extended"})

    def _launch(self) -> None:
        """Nothing is installed under it any more."""
        assert self._deadline
        self._main, self._exec_pipe = self._program.start(self._term, self._deadline.due)
        self._loop.watch(self._exec_pipe, self._on_exec)

    def _extend(self, body: packets.Body) -> None:
        self._set_deadline(packets.number(body, "deadline"))
        packets.send(self._channel, {**body, "do": "extended"})

    def _set_deadline(self, at_ms: int) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = self._loop.at(at_ms, self._on_deadline)

    def _on_deadline(self) -> None:
        self._end("its deadline passed: nobody extended it")

    def _stop(self) -> None:
        """Graceful: the signal now, SIGKILL after the stop timeout."""
        if not self._main:
            self._end("stopped before it was started")
        if self._stopping:
            return
        self._stopping = True
        others = self._others() if self._daemonised else [self._main]
        for number in (self._spec.stop_signal, signal.SIGCONT):  # A stopped process must wake up.
            for pid in others:
                _signal(pid, number)
        timeout = self._spec.stop_timeout_ms
        self._loop.after(timeout, lambda: self._end(f"SIGKILL: it did not stop in {timeout} ms"))

    # --- the tree changes ---

    def _on_exec(self, _: int) -> None:
        said = os.read(self._exec_pipe, 16)
        self._loop.unwatch(self._exec_pipe)
        os.close(self._exec_pipe)
        self._exec_pipe = -1
        if said:
            self._end(program.failure(self._spec, said), exec_failed=True)
        self._tell_main("started")

    def _tell_main(self, do: str) -> None:
        body: packets.Body = {"do": do, "term": self._term, "pid": self._main}
        if self._kind == "namespace":
            packets.send_about(self._channel, body, self._main)
        else:
            packets.send(self._channel, body)

    def _on_child(self) -> None:
        """Reap all that ended; the tree may have ended with them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pid, status = 0, 0
                if self._main:
                    self._end("its last process ended")
            if pid == 0:
                return
            if pid == self._main:
                self._on_main_ended(status)

    def _on_main_ended(self, status: int) -> None:
        if self._exec_pipe >= 0:
            self._on_exec(0)
        words = f"its first process ended with {exit_words(status)}"
        seconds = (boottime_ms() - self._started_at) / 1000
        others = self._others()
        in_grace = seconds * 1000 <= self._spec.start_grace_ms
        if not others:
            self._end(f"{words} after {seconds:.1f} s")
        if self._stopping and not self._daemonised:
            self._end(f"{words}; SIGKILL to the {len(others)} that it left")
        if not (self._daemonised or (status == 0 and in_grace)):
            self._end(f"{words} after {seconds:.1f} s; SIGKILL to the {len(others)} that it left")
        self._daemonised = True
        self._main = others[0]
        self._tell_main("daemonised")

    def _others(self) -> list[int]:
        """All other living processes of the tree, our own children first."""
        if self._kind != "namespace":
            return descendants(os.getpid())
        children = children_of()
        ours = sorted(children.get(1, []))
        return ours + sorted(pid for p, pids in children.items() if p > 1 for pid in pids)

    # --- the end ---

    def _end(self, because: str, *, exec_failed: bool = False) -> NoReturn:
        """SIGKILL to everything first; words, if anybody still hears them, after it."""
        said: packets.Body = {"do": "ended", "because": because, "exec_failed": exec_failed}
        if self._kind == "namespace":
            _kill_namespace()
        elif self._kind == "cgroup":
            packets.send(self._channel, said)  # The kill ends us, too.
            _kill_cgroup(self._cgroup)
        _kill_descendants()
        packets.send(self._channel, said)
        os._exit(0)


def _kill_namespace() -> None:
    try:
        os.kill(-1, signal.SIGKILL)  # All at once: nothing can fork its way out.
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return


def _kill_cgroup(path: str) -> None:
    try:
        CgroupFence(path).kill()
    except OSError:
        return  # One by one, then.


def _kill_descendants() -> None:
    """Until none is left; forks may need several rounds."""
    while True:
        kill_each(descendants(os.getpid()))
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(_REAP_GAP_S)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
