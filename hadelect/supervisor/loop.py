"""One loop over descriptors, timers and signals; the supervisor and the init each run one.

1. Timers are instants on CLOCK_BOOTTIME, kept by a timerfd: they fire after a suspend, too.
2. What is no longer watched is never called, even if its event waits in the same turn.
"""

from __future__ import annotations

import heapq
import os
import select
import signal

from hadelect.supervisor.linux import alarm_fd, boottime_ms, set_alarm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READABLE = select.EPOLLIN
GONE = select.EPOLLHUP | select.EPOLLRDHUP | select.EPOLLERR


class Timer:
    __slots__ = ("act", "due", "serial")

    def __init__(self, due: int, serial: int, act: Callable[[], None]) -> None:
        self.due = due
        self.serial = serial
        self.act: Callable[[], None] | None = act

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self.serial) < (other.due, other.serial)

    def cancel(self) -> None:
        self.act = None


class Loop:
    def __init__(self) -> None:
        self._poll = select.epoll()
        self._acts: dict[int, Callable[[int], None]] = {}
        self._timers: list[Timer] = []
        self._serial = 0
        self._alarm = alarm_fd()
        self._alarm_at = 0
        self._signals: dict[int, Callable[[], None]] = {}
        self._woken, wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wakes = wakes
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        self.watch(self._alarm, self._on_alarm)
        self.watch(self._woken, self._on_signals)

    def watch(self, fd: int, act: Callable[[int], None]) -> None:
        """Call `act` with the event mask whenever `fd` is readable or its other end is gone."""
        self._acts[fd] = act
        self._poll.register(fd, READABLE | select.EPOLLRDHUP)

    def unwatch(self, fd: int) -> None:
        """Before the descriptor is closed."""
        if self._acts.pop(fd, None):
            self._poll.unregister(fd)

    def at(self, due_ms: int, act: Callable[[], None]) -> Timer:
        self._serial += 1
        timer = Timer(due_ms, self._serial, act)
        heapq.heappush(self._timers, timer)
        self._arm()
        return timer

    def after(self, length_ms: int, act: Callable[[], None]) -> Timer:
        return self.at(boottime_ms() + length_ms, act)

    def on_signal(self, number: int, act: Callable[[], None]) -> None:
        self._signals[number] = act
        signal.signal(number, _wake_only)

    def turn(self) -> None:
        """Wait for something to happen and see to it."""
        events = [(fd, mask, self._acts.get(fd)) for fd, mask in self._poll.poll()]
        for fd, mask, act in events:
            if act and self._acts.get(fd) is act:  # Its number may be in use again.
                act(mask)

    def _arm(self) -> None:
        while self._timers and self._timers[0].act is None:
            heapq.heappop(self._timers)
        if self._timers and self._timers[0].due != self._alarm_at:
            self._alarm_at = self._timers[0].due
            set_alarm(self._alarm, self._alarm_at)

    def _on_alarm(self, _: int) -> None:
        try:
            os.read(self._alarm, 8)
        except BlockingIOError:
            return  # Set anew in this very turn.
        self._alarm_at = 0
        now = boottime_ms()
        while self._timers and self._timers[0].due <= now:
            timer = heapq.heappop(self._timers)
            if timer.act:
                timer.act()
        self._arm()

    def _on_signals(self, _: int) -> None:
        for number in set(os.read(self._woken, 4096)):
            if act := self._signals.get(number):
                act()


def _wake_only(_number: int, _frame: object) -> None:
    """The wake-up descriptor has told the loop; Python-level handlers run between any two lines."""
