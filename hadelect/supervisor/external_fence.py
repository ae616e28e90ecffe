"""The fence around what another manager runs: its cgroup, or a KILL that STATUS confirms.

Law 1: what it is to kill is the unit *and* our init with its commands: a START that is still under
       way must not bring to life what has just been killed.
Law 2: an empty cgroup is proof only if this fence has seen it, or was told that it was, alive;
       else the name of the unit may be wrong, or the manager may be about to start it.
Law 3: a status is proof only if it was asked after START was dead and after the remover had ended.

| known | gone when |
|---|---|
| a cgroup, seen alive | it is empty |
| a cgroup, not seen alive | it is empty, KILL or STOP has ended, and then STATUS is 3 (*) |
| no cgroup | KILL or STOP has ended, and then STATUS is 3 |

(*) Or unknown, if that KILL or STOP exited with 0.

`asks_first`: it is expected to be stopped already (a new life, an end by itself): STATUS is asked
before anything is done to it.
"""

from __future__ import annotations

from hadelect.supervisor.command import OwnChildren, spawned
from hadelect.supervisor.external import RUNS, STOPPED
from hadelect.supervisor.fence import CgroupFence
from hadelect.supervisor.linux import boottime_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hadelect.supervisor.command import Command, Reaper, Starter
    from hadelect.supervisor.external import External
    from hadelect.supervisor.fence import Fence

_LONG_MS = 10_000  # A STOP in the place of a KILL.
_RETRY_MS = 500
_SHORTEST_MS = 100  # A STATUS gets this long, however long KILL took.


class ExternalFence:
    def __init__(
        self, external: External, inner: Fence | None, reaper: Reaper, start: Starter | None = None
    ) -> None:
        """`inner`: around our init and its commands; None for the init itself. `start`: how a
        command is started here (see Command).
        """
        self._external = external
        self._inner = inner
        self._reaper = reaper
        self._start = start
        self._unit = CgroupFence(external.cgroup) if external.cgroup else None
        self._remover: Command | None = None
        self._counts = False  # Nothing of ours could start it any more when the remover began.
        self._removed: int | None = None  # The exit code of the last remover that counts; None: -
        self._was_removed = False
        self._status: Command | None = None
        self._status_due = 0  # When the time limit of KILL ends.
        self._is_patient = False
        self._next_at = 0  # Not before this is a remover that did not help repeated.
        self.term = 0
        self.was_alive = False  # Law 2.
        self.was_found = False  # It ran when this fence first looked, or said so.
        self.asks_first = False
        self.because = ""  # Why it is not gone, as far as the last look knows.

    # --- the two that make it a Fence ---

    def kill(self) -> None:
        """The cgroup first: no command that hangs can hold that up."""
        try:
            if self._unit:
                self._unit.kill()
        except OSError as error:
            self.because = f"{self._external.cgroup}: {error.strerror}"
        is_busy = self._remover or self._status or self._awaits_status
        if not (self._is_proved_by_cgroup() or is_busy or boottime_ms() < self._next_at):
            self._remove()
        if self._inner:
            self._inner.kill()

    def is_gone(self) -> bool:
        if self._is_alive():
            self.was_alive = self.was_found = True
            self.because = f"{self._external.cgroup} holds a process"
        self._look_at_remover()
        if not self._is_ours_gone():
            self.because = self.because or "a command of hadelect's own has not ended"
            return False
        if self._is_alive() or self._remover:
            return False
        if self._is_proved_by_cgroup():
            self.close()
            return True
        return self._awaits_status and self._is_stopped_by_status()

    def close(self) -> None:
        """A STATUS that nobody needs any more."""
        if self._status:
            self._status.kill()
            self._status.close()
            self._status = None

    # --- the parts ---

    @property
    def _awaits_status(self) -> bool:
        return self._was_removed or self.asks_first

    def _remove(self) -> None:
        external = self._external
        is_hasty = external.kill and not self._is_patient
        limit_ms = external.kill_limit_ms if is_hasty else _LONG_MS
        self._status_due = boottime_ms() + limit_ms
        self._counts = self.was_alive or self._is_ours_gone()
        argv = external.kill or external.stop
        self._remover = external.run(argv, limit_ms, self.term, self._reaper, self._start)

    def _is_alive(self) -> bool:
        return self._unit is not None and self._external.shows_life()

    def _is_ours_gone(self) -> bool:
        return self._inner is None or self._inner.is_gone()

    def _is_proved_by_cgroup(self) -> bool:
        return self._unit is not None and self.was_alive

    def _look_at_remover(self) -> None:
        remover = self._remover
        if remover and remover.has_ended():
            name = "KILL" if self._external.kill else "STOP"
            self.because = f"{name} {remover.words()}"
            self._removed, self._was_removed = remover.code, self._counts
            remover.close()
            self._remover = None

    def _is_stopped_by_status(self) -> bool:
        external = self._external
        if self._status is None:
            self._status = self._ask()
        if not self._status.has_ended():
            return False
        said, words = self._status.code, self._status.words()
        self.close()
        took_back = self._unit is not None and self._was_removed and self._removed == 0
        if said == STOPPED or (took_back and said != RUNS):
            return True
        self.because = f"STATUS {words}"
        self.was_found = self.was_found or said == RUNS
        if self._was_removed:  # In vain. There is no deadline to be met any more.
            self._is_patient = True
            self._next_at = boottime_ms() + _RETRY_MS
        if self._unit and said == RUNS:
            self.because += f", though {external.cgroup} is empty: is <X>_UNIT right?"
        self._was_removed = self.asks_first = False  # Once more.
        return False

    def _ask(self) -> Command:
        external = self._external
        limit_ms = external.status_limit_ms
        if self._was_removed and external.kill and not self._is_patient:  # One limit for both.
            limit_ms = min(limit_ms, max(_SHORTEST_MS, self._status_due - boottime_ms()))
        return external.run(external.status, limit_ms, self.term, self._reaper, self._start)


def was_found(fence: Fence) -> bool:
    """Whether another manager's controllee was seen to run behind this fence."""
    return isinstance(fence, ExternalFence) and fence.was_found


def why(fence: Fence) -> str:
    """Why it is not gone yet, as the end of a sentence; "" if there is nothing to say."""
    known = isinstance(fence, ExternalFence) and fence.because
    return f": {known}" if known else ""


# --- as the daemon holds it ---


def around(external: External | None, fence: Fence) -> Fence:
    """The daemon's own fence: it must not fork, and nobody else collects its children."""
    if external is None:
        return fence
    return ExternalFence(external, fence, OwnChildren(), spawned)


def runs_behind(fence: Fence | None, term: int) -> None:
    """What it is around is known to run."""
    if isinstance(fence, ExternalFence):
        fence.was_alive, fence.term = True, term
