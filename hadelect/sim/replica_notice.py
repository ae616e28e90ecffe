"""Who writes to the live files, and when a snapshot is due: replication/notice.py, pretended."""

from typing import TYPE_CHECKING

from hadelect.core.replication.events import Changed

if TYPE_CHECKING:
    from hadelect.sim.replication import ReplicationDaemon

SEEN_MS = (20, 60)  # From the write until it is noticed.
SETTLE_MS = 50
LONGEST_MS = 1_000
COST = 4


class Notice:
    """Of one life of a replication daemon."""

    def __init__(self, daemon: "ReplicationDaemon") -> None:
        self._daemon = daemon
        self._first_at: int | None = None
        self._last_at = 0
        self._not_before = 0
        self._timer = 0  # When it rings; 0: it is not set.
        self.resting = False  # While we switch the live files ourselves.

    def written(self) -> None:
        self._daemon.later(self._daemon.world.dice.randint(*SEEN_MS), self.seen)

    def seen(self) -> None:
        if self.resting:
            return
        self._last_at = self._daemon.world.now
        if self._first_at is None:
            self._first_at = self._last_at
            self._daemon.feed(Changed(settled=False))
        if not self._timer:
            self._arm()

    def cost(self, length_ms: int) -> None:
        self._not_before = self._daemon.world.now + COST * length_ms

    def rested(self) -> None:
        """Our own switch is over: nothing of it was anybody's writing."""
        self.resting = False
        self._first_at, self._timer = None, 0

    def _arm(self) -> None:
        assert self._first_at is not None
        due = min(self._last_at + SETTLE_MS, self._first_at + LONGEST_MS)
        now = self._daemon.world.now
        self._timer = max(due, self._not_before, now + 1)
        self._daemon.later(self._timer - now, self._look, self._timer)

    def _look(self, timer: int) -> None:
        if timer != self._timer or self._first_at is None:
            return
        self._timer = 0
        now = self._daemon.world.now
        quiet = now >= self._last_at + SETTLE_MS
        if now < self._not_before or not (quiet or now >= self._first_at + LONGEST_MS):
            self._arm()
            return
        self._first_at = None
        self._daemon.feed(Changed(settled=True))
