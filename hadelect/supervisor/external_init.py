"""The init of a controllee that another manager runs: holds its deadline by other means.

1. It lives among the host's processes, so that those commands work as in an administrator's shell.
   What it starts and what daemonises from it stays below it (or in its cgroup) and dies with it.
2. At the deadline, without a supervisor, or on failure: the fence of external_fence.py, again and
   again, until the end is verified; then it ends, too. Until then it obeys nothing.
3. While it is warm nothing may run. Somebody else's start is an end of this init: the supervisor
   kills what runs, through its own fence, before there is another init.
4. What STATUS says against the cgroup is told, once for every change, and not believed.
"""

from __future__ import annotations

import os
import select

from hadelect.supervisor import packets, state_lock
from hadelect.supervisor.child import NOT_RUN
from hadelect.supervisor.children import Children
from hadelect.supervisor.command import bound
from hadelect.supervisor.ending import Ending
from hadelect.supervisor.external import RUNS, STOPPED
from hadelect.supervisor.external_fence import ExternalFence
from hadelect.supervisor.fence import CgroupFence, kill_each
from hadelect.supervisor.init import Init
from hadelect.supervisor.linux import adopt_orphans, boottime_ms, descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import NoReturn

    from hadelect.supervisor.command import Command, Starter
    from hadelect.supervisor.loop import Timer
    from hadelect.supervisor.spec import Spec

WARM, STARTING, RUNNING, STOPPING, ENDING = "warm", "starting", "running", "stopping", "ending"
_WATCHED_GAP_MS = 250  # The cgroup, besides the kernel's own word of a change.
_EAGER_GAP_MS = 20  # While something is about to change.
_DOUBT_GAP_MS = 100  # A first "stopped" is asked about again, so soon.


class ExternalInit(Init):
    def __init__(
        self, spec: Spec, channel: socket.socket, pipes: tuple[int, int], lock: int
    ) -> None:
        super().__init__(spec, "external", channel, pipes, lock)
        assert spec.external
        self._external = spec.external
        self._children = Children()
        self._phase = WARM
        self._action: Command | None = None  # START or STOP, while it runs.
        self._status: Command | None = None
        self._answer: int | None = RUNS  # What STATUS said last; None = nothing that counts.
        self._doubts = 0  # How often in a row STATUS said "stopped" to a controllee that ran.
        self._told = ""  # The last warning.
        self._next_look: Timer | None = None
        self._next_status: Timer | None = None

    # --- the supervisor speaks ---

    def _prepare(self, cgroup: str) -> None:
        self._cgroup = cgroup
        adopt_orphans()
        packets.send(self._channel, {"do": "prepared"})
        self._look_again()

    def _start(self, body: packets.Body) -> None:
        if self._term:
            return  # One run only.
        self._term = packets.number(body, "term")
        self._started_at = boottime_ms()
        if packets.number(body, "deadline") <= self._started_at:
            self._end("its deadline had passed before it was started")
        self._extend(body)
        state_lock.Waiting(self._loop, self._lock, self._launch, self._end).look()

    def _launch(self) -> None:
        self._phase = STARTING
        self._act(self._external.start, self._spec.start_grace_ms, self._on_start_ended, bound)

    def _stop(self) -> None:
        """Graceful: STOP, and the sure way after the stop timeout."""
        if self._phase == WARM:
            self._end("stopped before it was started")
        if self._phase == STOPPING:
            return
        self._drop_action()
        self._phase = STOPPING
        timeout = self._spec.stop_timeout_ms
        self._act(self._external.stop, max(timeout, 1), self._on_stop_ended)
        self._loop.after(timeout, lambda: self._end(f"killed: it did not stop in {timeout} ms"))

    # --- commands ---

    def _act(
        self,
        argv: list[str],
        limit_ms: int,
        on_end: Callable[[Command], None],
        start: Starter | None = None,
    ) -> None:
        self._action = self._external.run(argv, limit_ms, self._term, self._children, start)
        self._await(self._action, on_end)

    def _await(self, command: Command, on_end: Callable[[Command], None]) -> None:
        """Its end, or its limit; never, once it was dropped."""
        if command not in (self._action, self._status):
            return
        if not command.has_ended():
            self._loop.after(_EAGER_GAP_MS, lambda: self._await(command, on_end))
            return
        if command is self._action:
            self._action = None
        else:
            self._status = None
        on_end(command)
        command.close()

    def _drop_action(self) -> None:
        if self._action:
            self._action.kill()
            self._action.close()
            self._action = None

    def _on_start_ended(self, start: Command) -> None:
        if start.code != 0:
            self._end(f"START {start.words()}", exec_failed=start.code == NOT_RUN)
        left = self._started_at + self._spec.start_grace_ms
        self._loop.at(left, self._on_not_started)
        self._look_again()

    def _on_not_started(self) -> None:
        if self._phase == STARTING:
            seconds = self._spec.start_grace_ms / 1000
            self._end(
                f"START ended well, but nothing runs after {seconds:g} s{self._contradiction()}"
            )

    def _on_stop_ended(self, stop: Command) -> None:
        if stop.code != 0:
            self._warn(f"STOP {stop.words()}")
        self._look_again()

    # --- what runs ---

    def _look_again(self) -> None:
        """Now: something has changed."""
        if self._external.cgroup:
            self._look()
        self._ask_status()

    def _look(self) -> None:
        """By the cgroup: now, by itself every so often, and when the kernel says so."""
        if self._next_look:
            self._next_look.cancel()
        self._seen(runs=self._external.shows_life())
        gap = _EAGER_GAP_MS if self._changes() else _WATCHED_GAP_MS
        self._next_look = self._loop.after(gap, self._look)

    def _ask_status(self) -> None:
        """By STATUS: now, and by itself every so often; a standby that has a cgroup does not."""
        if self._next_status:
            self._next_status.cancel()
        external = self._external
        if self._status is None and not (external.cgroup and self._phase == WARM):
            limit_ms = external.status_limit_ms
            status = external.run(external.status, limit_ms, self._term, self._children, None)
            self._status = status
            self._await(status, self._on_status)

    def _changes(self) -> bool:
        return self._phase in (STARTING, STOPPING)

    def _on_status(self, status: Command) -> None:
        self._answer = status.code
        if self._answer not in (RUNS, STOPPED):
            self._warn(f"STATUS {status.words()}: that is unknown, not stopped")
        elif self._external.cgroup:
            self._compare()
        else:
            self._told = ""
            self._believe(runs=self._answer == RUNS)
        is_eager = self._changes() or self._doubts == 1
        gap = _DOUBT_GAP_MS if is_eager else self._external.status_gap_ms
        self._next_status = self._loop.after(gap, self._ask_status)

    def _believe(self, *, runs: bool) -> None:
        """A controllee that ran is stopped when STATUS says so twice."""
        self._doubts = 0 if runs else self._doubts + 1
        if self._phase != RUNNING or runs or self._doubts > 1:
            self._seen(runs=runs)

    def _seen(self, *, runs: bool) -> None:
        name = self._spec.controllee
        if self._phase == WARM and runs:
            self._end(f"{name} runs here although this member does not lead: not started by us")
        elif self._phase == STARTING and runs and self._action is None:
            self._phase = RUNNING
            self._main = self._external.main_pid()
            self._watch_events()
            self._tell_main("started")
        elif self._phase == RUNNING and not runs:
            seconds = (boottime_ms() - self._started_at) / 1000
            self._leave(f"it was stopped or ended after {seconds:.1f} s, not by us")
        elif self._phase == STOPPING and not runs and self._action is None:
            self._leave("stopped by STOP")

    def _watch_events(self) -> None:
        """So that its end is seen at once."""
        if not self._external.cgroup:
            return
        try:
            fd = os.open(f"{self._external.cgroup}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return  # It has just ended: seen at the next look.
        poll = select.epoll()
        poll.register(fd, select.EPOLLPRI)
        self._loop.watch(poll.fileno(), lambda _: self._on_cgroup_event(fd, poll))

    def _on_cgroup_event(self, fd: int, poll: select.epoll) -> None:
        poll.poll(0)
        try:
            os.pread(fd, 256, 0)  # Until then it says so again and again.
        except OSError:
            self._loop.unwatch(poll.fileno())  # Removed.
        self._seen(runs=self._external.shows_life())

    # --- what is said against what is known ---

    def _compare(self) -> None:
        if self._phase == RUNNING and self._answer == STOPPED and self._external.shows_life():
            self._warn(f"STATUS says stopped, but {self._external.cgroup} holds a process")
        else:
            self._told = ""

    def _contradiction(self) -> str:
        if self._external.cgroup and self._answer == RUNS:
            return (
                f": STATUS says that it runs, but {self._external.cgroup} is empty; "
                f"set {self._spec.controllee}_UNIT to its unit, or to the path of its cgroup"
            )
        return ""

    def _warn(self, because: str) -> None:
        if because != self._told:
            self._told = because
            packets.send(self._channel, {"do": "warned", "because": because})

    # --- the end ---

    def _on_child(self) -> None:
        self._children.reap()

    def _leave(self, because: str) -> NoReturn:
        """It is stopped already, as far as we can see; the supervisor verifies it."""
        said: packets.Body = {"do": "ended", "because": because, "exec_failed": False}
        packets.send(self._channel, {**said, "stopped": True})
        os._exit(0)

    def _end(self, because: str, *, exec_failed: bool = False) -> NoReturn:
        said: packets.Body = {"do": "ended", "because": because, "exec_failed": exec_failed}
        if self._phase == WARM:
            packets.send(self._channel, said)
            os._exit(0)  # What runs is not ours: the supervisor's fence is there for it.
        fence = ExternalFence(self._external, None, self._children)
        fence.term, fence.was_alive = self._term, self._phase == RUNNING
        self._drop_action()
        if self._phase == STARTING:
            kill_each(descendants(os.getpid()))  # What START has begun, before KILL begins.
        fence.kill()
        packets.send(self._channel, said)
        self._loop.unwatch(self._channel.fileno())
        self._drop_watches()
        Ending(self._loop, fence, self._on_gone, lambda: None).look()
        while True:
            self._loop.turn()

    def _drop_watches(self) -> None:
        for timer in (self._deadline, self._next_look, self._next_status):
            if timer:
                timer.cancel()
        self._status = None
        self._phase = ENDING

    def _on_gone(self) -> NoReturn:
        """With all that START left below us."""
        if self._cgroup:
            CgroupFence(self._cgroup).kill()
        kill_each(descendants(os.getpid()))
        os._exit(0)
