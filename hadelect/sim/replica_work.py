"""The policy's work on files, one piece at a time: replication/files.py, pretended.

Law 1: each piece is answered exactly once, in the life that asked for it.
Law 2: what has begun when the process dies is done or not; the next life finds which.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hadelect.core.replication import effects as do
from hadelect.core.replication import events as ev
from hadelect.core.replication.events import Failure
from hadelect.core.versions import continued
from hadelect.sim.faults import Range
from hadelect.sim.replica_store import Kept, Trouble

if TYPE_CHECKING:
    from hadelect.sim.replication import ReplicationDaemon

IDLE_MS = 15_000  # A peer that stops sending costs so much.
LOOK_MS = 20  # How often a transfer looks whether its peer still sends.

Finish = Callable[[], ev.Event]


class Files:
    """Of one life of a replication daemon."""

    def __init__(self, daemon: "ReplicationDaemon") -> None:
        self._daemon = daemon
        self._world = daemon.world
        self._side = daemon.side
        self._store = daemon.side.store
        self._under_way: tuple[do.Work, Finish] | None = None
        self._breakable = False

    def begin(self, effect: do.Work) -> None:
        if self._under_way is not None:
            self._world.referees.broken(f"{self._daemon.name} works on two things at once")
        faults = self._side.faults
        self._breakable = False
        self._world.counters[f"work: {type(effect).__name__.lower()}"] += 1
        match effect:
            case do.Look():
                self._does(effect, self._draw(faults.look_ms), lambda: self._look(effect))
            case do.Mark():
                self._does(effect, 1, lambda: self._mark(effect))
            case do.Snapshot():
                self._snapshot(effect)
            case do.Fetch():
                self._fetch(effect)
            case do.Install():
                self._switch(effect, lambda: self._install(effect))
            case do.Restore():
                self._switch(effect, lambda: self._restore(effect))

    def cancel(self, effect: do.Cancel) -> None:
        if self._breakable and self._under_way and self._under_way[0].id == effect.id:
            self._breakable = False
            self._does(self._under_way[0], 0, lambda: _fail(Failure.CANCELLED, "cancelled"))

    def died(self) -> None:
        """Its process."""
        if self._under_way is not None:
            _, finish = self._under_way
            self._under_way = None
            if self._world.dice.random() < 0.5 and not self._breakable:
                try:
                    finish()
                except Trouble:
                    self._world.counters["work that failed as its process died"] += 1
        self._side.switching = False

    # -- how it goes -----------------------------------------------------------------------------

    def _draw(self, length: Range) -> int:
        return self._world.dice.randint(*length)

    def _does(self, effect: do.Work, length_ms: int, finish: Finish) -> None:
        self._under_way = (effect, finish)
        self._daemon.later(length_ms, self._ends, effect, finish)

    def _ends(self, effect: do.Work, finish: Finish) -> None:
        if self._under_way != (effect, finish):
            return
        self._under_way = None
        try:
            event = finish()
        except Trouble as trouble:
            self._world.counters[f"work that failed: {trouble.failure.value}"] += 1
            self._side.pool.referees.failed(self._daemon.name)
            event = ev.Failed(effect.id, trouble.failure, str(trouble))
        self._daemon.feed(event)

    # -- pieces ----------------------------------------------------------------------------------

    def _look(self, effect: do.Look) -> ev.Event:
        dirty, missing = self._store.look()
        return ev.Looked(effect.id, dirty=dirty, missing=missing)

    def _mark(self, effect: do.Mark) -> ev.Event:
        return ev.Marked(effect.id, self._store.mark(effect.line))

    def _snapshot(self, effect: do.Snapshot) -> None:
        """It is what was live at one instant while it was read."""
        length = self._draw(self._side.faults.snapshot_ms)
        read_at = self._world.dice.randint(0, length)
        self._under_way = (effect, lambda: _fail(Failure.CANCELLED, "cancelled"))
        self._daemon.later(read_at, self._read, effect, length - read_at, length)

    def _read(self, effect: do.Snapshot, rest_ms: int, length_ms: int) -> None:
        content = self._store.live

        def finish() -> ev.Event:
            if not effect.full:
                self._daemon.notice.cost(length_ms)
            writes = self._side.writer.writes
            if writes and self._world.dice.random() < self._side.faults.unstable:
                return _fail(Failure.UNSTABLE, "the files change faster than they can be read")
            taken = self._store.snapshot(
                content,
                lambda digest: continued(effect.onto, effect.term, digest),
                empty=effect.empty,
            )
            return ev.Snapped(effect.id, taken)

        self._does(effect, rest_ms, finish)

    # -- transfers -------------------------------------------------------------------------------

    def _fetch(self, effect: do.Fetch) -> None:
        self._store.catalog.received = None  # There is room for one.
        length = self._draw(self._side.faults.transfer_ms)
        begun = self._world.now
        self._breakable = True
        self._under_way = (effect, lambda: _fail(Failure.CANCELLED, "cancelled"))
        life = self._side.pool.daemon_of(effect.source)
        self._daemon.later(min(length, LOOK_MS), self._more, effect, life, (begun, length, 0))

    def _more(
        self, effect: do.Fetch, life: "ReplicationDaemon | None", at: tuple[int, int, int]
    ) -> None:
        begun, length, idle = at
        if self._under_way is None or self._under_way[0] != effect or not self._breakable:
            return
        gap = max(1, min(LOOK_MS, length // 4))
        cut = self._world.network.is_cut(self._daemon.name, effect.source)
        if life is None or (not life.alive and not cut) or idle >= IDLE_MS:
            words = f"{effect.source} does not answer"
            self._does(effect, 1, lambda: _fail(Failure.PEER, words))
        elif cut or life.stopped or not life.alive:
            self._daemon.later(gap, self._more, effect, life, (begun, length + gap, idle + gap))
        elif self._world.now - begun < length:
            self._daemon.later(gap, self._more, effect, life, (begun, length, 0))
        else:
            self._breakable = False
            self._does(effect, 1, lambda: self._fetched(effect))

    def _fetched(self, effect: do.Fetch) -> ev.Event:
        if self._world.dice.random() < self._side.faults.transfer_fails:
            return _fail(Failure.PEER, f"what {effect.source} sent is refused: wrong digest")
        kept = self._side.pool.stores[effect.source].serves(effect.line.version)
        self._store.receive(Kept(effect.line, kept.content))
        return ev.Fetched(effect.id)

    # -- the switch ------------------------------------------------------------------------------

    def _switch(self, effect: do.Install | do.Restore, finish: Finish) -> None:
        if self._store.locked:
            self._does(effect, 1, lambda: _fail(Failure.LOCKED, "a controllee runs"))
            return
        self._side.switching = self._daemon.notice.resting = True

        def switched() -> ev.Event:
            self._side.switching = False
            try:
                return finish()
            finally:
                self._daemon.notice.rested()

        self._does(effect, self._draw(self._side.faults.switch_ms), switched)

    def _install(self, effect: do.Install) -> ev.Event:
        return ev.Installed(effect.id, self._store.install(effect.line, effect.aside))

    def _restore(self, effect: do.Restore) -> ev.Event:
        line = self._store.restore(
            effect.version, lambda digest: continued(effect.onto, effect.term, digest)
        )
        return ev.Restored(effect.id, line)


def _fail(failure: Failure, because: str) -> ev.Event:
    raise Trouble(failure, because)
