"""The controllee, as far as replication knows it: it writes to its state now and then."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hadelect.sim.init import Init
    from hadelect.sim.replication import Side


class Writer:
    """On one machine."""

    def __init__(self, side: "Side") -> None:
        self._side = side

    @property
    def writes(self) -> bool:
        """Whether a controllee writes these days."""
        return bool(self._side.faults.write_ms[1]) and not self._side.pool.quiet

    def tree_started(self, init: "Init") -> None:
        self._wait(init)

    def _wait(self, init: "Init") -> None:
        low, high = self._side.faults.write_ms
        world = self._side.pool.world
        world.at(world.now + world.dice.randint(low, max(low, high, 1)), self._write, init)

    def _write(self, init: "Init") -> None:
        if init.gone or init.killed:
            return
        if self.writes and not init.hung:
            self.write()
        self._wait(init)

    def write(self) -> None:
        """Whoever it is."""
        side = self._side
        pool = side.pool
        store = side.store
        store.written(pool.referees.contents.write(store.live, pool.world.now))
        pool.world.counters["writes to the state"] += 1
        self.noticed()

    def empty(self) -> None:
        """All of it is deleted."""
        self._side.store.written(0)
        self.noticed()

    def noticed(self) -> None:
        daemon = self._side.daemon
        if daemon is not None:
            daemon.notice.written()
