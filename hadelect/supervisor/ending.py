"""SIGKILL, again and again, until nothing is left; and when that takes too long, say so."""

from __future__ import annotations

from hadelect.supervisor.linux import boottime_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from hadelect.supervisor.fence import Fence
    from hadelect.supervisor.loop import Loop
    from hadelect.supervisor.tree import Tree

    class Cancellable(Protocol):
        def cancel(self) -> None: ...

    class Clock(Protocol):
        def after(self, length_ms: int, act: Callable[[], None]) -> Cancellable: ...


_GUARD_MS = 20  # The init has the first word at the deadline; this much later we kill.
STUCK_MS = 1000  # Not gone so long after SIGKILL: stop_failed.
_EAGER_MS, _EAGER_GAP_MS = 100, 2
_PATIENT_GAP_MS = 100


class Ending:
    """From the first `look` on: `on_gone` once nothing is left, `on_stuck` if that takes long."""

    def __init__(
        self,
        clock: Clock,
        fence: Fence,
        on_gone: Callable[[], None],
        on_stuck: Callable[[], None],
    ) -> None:
        self._clock = clock
        self.fence = fence
        self._on_gone = on_gone
        self._on_stuck = on_stuck
        self._since = boottime_ms()
        self._timer: Cancellable | None = None
        self._over = False
        self.is_stuck = False

    def cancel(self) -> None:
        """Neither kill nor tell any more: somebody else has verified it."""
        self._over = True

    def look(self) -> None:
        """Now, and by itself every few milliseconds."""
        if self._over:
            return
        if self._timer:
            self._timer.cancel()
        if self.fence.is_gone():
            self._over = True
            self._on_gone()
            return
        self._kill()
        elapsed = boottime_ms() - self._since
        gap = _EAGER_GAP_MS if elapsed < _EAGER_MS else _PATIENT_GAP_MS
        self._timer = self._clock.after(gap, self.look)
        if elapsed >= STUCK_MS and not self.is_stuck:
            self.is_stuck = True
            self._on_stuck()

    def _kill(self) -> None:
        try:
            self.fence.kill()
        except OSError:
            return  # It is not gone, then; that is what counts.


def watch_deadline(loop: Loop, tree: Tree, kill: Callable[[Tree], None]) -> None:
    """The init kills at the deadline; if it is frozen, we do."""

    def look() -> None:
        if tree.ending:
            return
        if boottime_ms() < tree.deadline + _GUARD_MS:
            watch_deadline(loop, tree, kill)
            return
        tree.because = "its deadline passed and its init did not act"
        kill(tree)

    loop.at(tree.deadline + _GUARD_MS, look)
