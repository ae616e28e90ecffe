"""The referees of replication: they know what every content contains, and judge by the promises.

1. Nothing is installed under a running tree.
2. Nothing is overwritten: what was live is in what replaces it, or is kept aside on that machine.
3. What a flush confirmed is there, and in what the next leader starts on if it is that member.
4. A winner starts on the newest line that was within its reach for a while; without a version that
   it knows of only within REPLICATION_MAX_LAG, and tells so, or with an operator's consent.
5. The lag is honest: what a start lacks was written within the lag that was said before it.
6. One place, one digest.
After healing all copies are the leader's (`astray`, asked by the swarm).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hadelect.core.replication.effects import Emit, ErrandDone, Matter
from hadelect.core.versions import Version, newer
from hadelect.core.vocabulary import Arbitration, Errand, Name
from hadelect.sim.contents import NOTHING, Content, Contents

if TYPE_CHECKING:
    from hadelect.sim.init import Init
    from hadelect.sim.machine import Machine
    from hadelect.sim.replica_store import Kept, ReplicaStore
    from hadelect.sim.replication import Pool, ReplicationDaemon

UNSEEN_MS = 1_000  # A stranger's write that the policy cannot have noticed yet.
LAG_SLACK_MS = 1_300  # Noticing a write, a report each second.
SILENT_MS = 3_500  # A peer whose machine was lost is believed for so long.
LATE_MS = 1_000  # HAD's word of a start reaches a daemon that lives.
FAILED_MS = 60_000  # A transfer that failed explains a start without it for so long.


@dataclass
class Seen:
    """Of one member."""

    held: Version | None = None
    held_since: int = 0
    consent: bool = False  # An operator accepted a loss since its last start …
    accepted_at: int = -UNSEEN_MS  # … at this time.
    told_loss: bool = False
    owes: str = ""  # It has started with a loss, and must say so.
    stranger_at: int = -UNSEEN_MS  # Somebody else wrote to its live files.
    failed_at: int = -FAILED_MS  # A transfer to it, or a write of its own.
    last: tuple[int, Content] = (0, NOTHING)  # Term and content of its last tree.


class ReplicaReferees:
    def __init__(self, pool: "Pool") -> None:
        self.pool = pool
        self.world = pool.world
        self.contents = Contents()
        self.seen = {name: Seen() for name in pool.members}
        self._places: dict[tuple[int, int], str] = {}
        self._wiped = False
        self._confirmed: tuple[tuple[Name, ...], Content] | None = None
        self._lost: dict[Name, tuple[int, Content]] = {}  # When wiped, and what was held.
        self._final: tuple[Content, int] = (NOTHING, 0)  # Of the last tree, and when it ended.
        self._trees: list[Init] = []  # That are not gone.
        rules = pool.world.machines[pool.members[0]].rules
        self._one_line = rules.identity.arbitration is Arbitration.MAJORITY

    def broken(self, what: str) -> None:
        self.world.referees.broken(what)

    @property
    def grace_ms(self) -> int:
        """For how long a version must have been there to be known of."""
        faults = self.world.faults
        late = 4 * faults.delay_ms[1] + 2 * faults.tick_late_ms[1] + 4 * faults.pipe_ms[1]
        return 1_500 + late + (3_000 if faults.loss else 0)

    # -- versions --------------------------------------------------------------------------------

    def taken(self, name: Name, kept: "Kept") -> None:
        """A version that was never there before."""
        version = kept.line.version
        first = self._places.setdefault(version.place, version.digest)
        if first != version.digest and not self._wiped:
            self.broken(f"{name} takes {version} with another content than the one before")
        self.world.counters["versions taken"] += 1

    def holds(self, name: Name, version: Version | None) -> None:
        seen = self.seen[name]
        if seen.held != version:
            seen.held, seen.held_since = version, self.world.now

    def replaced(self, machine: "Machine", old: Content) -> None:
        """The live files of that machine were switched."""
        side = self.pool.sides[machine.name]
        store, new = side.store, side.store.live
        self.world.counters["switches"] += 1
        if machine.tree is not None:
            self.broken(f"{machine.name}: {store.held} is installed under a running controllee")
        unseen = self.world.now - self.seen[machine.name].stranger_at < UNSEEN_MS
        asides = store.catalog.asides
        kept = any(self.contents.contains(one, old) for one in (new, *asides))
        if not kept and not unseen:
            self.broken(f"{machine.name}: content {old} is overwritten by {new}, kept nowhere")

    def wiped(self, name: Name) -> None:
        self._wiped = True
        self._lost[name] = (self.world.now, self.pool.stores[name].wiped)
        if not any(store.held for store in self.pool.stores.values()):
            self._final = (NOTHING, 0)  # Nobody is left who could know.
        if self._confirmed is not None:
            holders = tuple(one for one in self._confirmed[0] if one != name)
            self._confirmed = (holders, self._confirmed[1])
        self.seen[name] = Seen(stranger_at=self.world.now)

    def stranger_wrote(self, name: Name) -> None:
        self.seen[name].stranger_at = self.world.now

    # -- words -----------------------------------------------------------------------------------

    def emitted(self, daemon: "ReplicationDaemon", told: Emit) -> None:
        if told.matter is Matter.LOSS:
            self.seen[daemon.name].told_loss, self.seen[daemon.name].owes = True, ""

    def failed(self, name: Name) -> None:
        """A piece of its work."""
        self.seen[name].failed_at = self.world.now

    def accepted(self, name: Name) -> None:
        seen = self.seen[name]
        seen.consent, seen.accepted_at = True, self.world.now

    def errand_done(self, daemon: "ReplicationDaemon", done: ErrandDone) -> None:
        """What a flush says is true."""
        run = daemon.side.client.asked(done.id)
        store = daemon.side.store
        if run is None or run.errand is not Errand.FLUSH_STATE or not done.ok:
            return
        others = [name for name in self.pool.members if name != daemon.name]
        if not others or store.held is None:
            return
        wanted = [run.new] if run.new in others else others
        content = self.pool.stores[daemon.name].live
        holders = tuple(
            name
            for name in others
            if self.contents.contains(self.pool.stores[name].content, content)
        )
        gone = [
            name for name, (at, held) in self._lost.items() if self._just_had(at, held, content)
        ]
        if not any(name in holders or name in gone for name in wanted):
            who = run.new or "anybody"
            self.broken(f"{daemon.name} says that its last state is at {who}, it is at {holders}")
        self.world.counters["flushes confirmed"] += 1
        self._confirmed = (holders, content)

    def _just_had(self, at: int, held: Content, content: Content) -> bool:
        """Its machine is lost, with its disk, and nobody has noticed yet."""
        return self.world.now - at < SILENT_MS and self.contents.contains(held, content)

    # -- trees -----------------------------------------------------------------------------------

    def tree_started(self, init: "Init", store: "ReplicaStore") -> None:
        name, live = init.name, store.live
        seen = self.seen[name]
        for tree in self._trees:  # One that hangs in the kernel, or beyond a partition.
            self._final = (self.pool.stores[tree.name].live, self.world.now)
        if seen.last[0] == init.term:  # A restart on its own files.
            self._check_own(name, live)
        elif not seen.consent:
            self._check_confirmed(name, live)
            self._check_newest(name, store)
            self._check_lag(name, live)
        elif self.contents.first_missing(live, self._final[0]):
            self.world.counters["starts with a loss that was accepted"] += 1
        self._confirmed = None
        self._trees.append(init)
        seen.consent = seen.told_loss = False

    def tree_gone(self, init: "Init", store: "ReplicaStore") -> None:
        self._trees.remove(init)
        self.seen[init.name].last = (init.term, store.live)
        self._final = (store.live, self.world.now)

    def _check_own(self, name: Name, live: Content) -> None:
        seen = self.seen[name]
        stranger = self.world.now - seen.stranger_at < UNSEEN_MS
        if not self.contents.contains(live, seen.last[1]) and not (seen.consent or stranger):
            self.broken(f"{name} starts again on {live}, it left {seen.last[1]}")

    def _check_confirmed(self, name: Name, live: Content) -> None:
        if self._confirmed is None or name not in self._confirmed[0]:
            return
        asides = self.pool.stores[name].catalog.asides  # Another line has won since.
        kept = any(self.contents.contains(one, self._confirmed[1]) for one in (live, *asides))
        if not kept:
            self.broken(f"{name} starts on {live} without {self._confirmed[1]}, which was flushed")
        self.world.counters["starts on what was flushed"] += 1

    def _check_newest(self, name: Name, store: "ReplicaStore") -> None:
        mine, seen = store.held, self.seen[name]
        stranger = self.world.now - seen.stranger_at < UNSEEN_MS
        if not self.contents.contains(store.live, store.content) and not stranger:
            self.broken(f"{name} starts on {store.live}, it holds {mine} with {store.content}")
        if self.world.now - seen.failed_at < FAILED_MS:
            return  # It tried to have a newer one.
        for other in self.pool.members:
            theirs = self.pool.stores[other].held
            if other == name or theirs is None or not self._within_reach(name, other):
                continue
            if newer(theirs.version, mine.version if mine else None):
                self.broken(f"{name} starts on {mine}, {other} within its reach has {theirs}")
            self.world.counters["starts beside a copy within reach"] += 1

    def _within_reach(self, one: Name, other: Name) -> bool:
        now, grace = self.world.now, self.grace_ms
        since = self.pool.streams.up_since(one, other)
        if since is None or now - max(since, self.seen[other].held_since) < grace:
            return False
        if self.world.network.is_cut(one, other):
            return False
        daemons = [self.pool.daemon_of(name) for name in (one, other)]
        return all(
            daemon is not None and not daemon.stopped and now - daemon.went_on_at > grace
            for daemon in daemons
        )

    def _check_lag(self, name: Name, live: Content) -> None:
        """What the last tree of the pool wrote and this one lacks."""
        daemon, seen = self.pool.daemon_of(name), self.seen[name]
        if daemon is None:
            return  # It said nothing.
        said = daemon.before_start
        if newer(said.known, said.version) and not seen.told_loss:
            seen.owes = f"{name} starts on {said.version}, knows {said.known}, and tells nobody"
            self.world.at(self.world.now + LATE_MS, self._has_told, seen, daemon)
        if self.world.counters["overlaps while parted"] or not self._one_line or not said.known:
            return  # Two lines; or its store was lost, and whoever knows more is out of reach.
        final, ended_at = self._final
        missing = self.contents.first_missing(live, final)
        if missing == NOTHING:
            return
        lost_ms = ended_at - self.contents.written_at(missing)
        self.world.counters["starts with a loss"] += 1
        worst = self.world.counters["loss at a start, worst ms"]
        self.world.counters["loss at a start, worst ms"] = max(worst, lost_ms)
        if lost_ms > said.lag_ms + LAG_SLACK_MS:
            self.broken(f"{name} loses {lost_ms} ms of writes, it said lag {said.lag_ms} ms")
        if lost_ms > self.pool.faults.max_lag_ms + LAG_SLACK_MS:
            self.broken(f"{name} loses {lost_ms} ms of writes without consent")

    def _has_told(self, seen: Seen, daemon: "ReplicationDaemon") -> None:
        if seen.owes and daemon.alive and not daemon.stopped:
            self.broken(seen.owes)

    # -- at the end ------------------------------------------------------------------------------

    def astray(self) -> str:
        """Who has not got what the leader has; empty = nobody."""
        trees = [name for name in self.pool.members if self.world.machines[name].tree is not None]
        if len(trees) != 1:
            return f"controllees run on {trees}"
        leader = self.pool.stores[trees[0]]
        for name, store in self.pool.stores.items():
            if not self.world.machines[name].up:
                continue
            if store.live != leader.live or store.held != leader.held:
                return (
                    f"{name} holds {store.held and store.held.version} with {store.live},"
                    f" {trees[0]} has {leader.held and leader.held.version} with {leader.live}"
                )
        return ""
