"""State replication beside the election: the real policy, in a pretended daemon on every member.

Law 1: the policy sees its machine's clock, its streams and its files, nothing else.
Law 2: the replication daemon lives and dies alone; only its store outlives it.
"""

from typing import TYPE_CHECKING, Any

from hadelect.core.effects import Run
from hadelect.core.replication import effects as do
from hadelect.core.replication.effects import Matter
from hadelect.core.replication.events import Event, Found, HadGone, Tick, Told
from hadelect.core.replication.hands import carry_out
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Millis, Name
from hadelect.sim.beside import Replication
from hadelect.sim.process import Process
from hadelect.sim.replica_client import ReplicaClient
from hadelect.sim.replica_faults import ReplicaFaults, kind
from hadelect.sim.replica_notice import Notice
from hadelect.sim.replica_policy import REAL_POLICY
from hadelect.sim.replica_referees import ReplicaReferees
from hadelect.sim.replica_store import ReplicaStore
from hadelect.sim.replica_streams import ReplicaStreams
from hadelect.sim.replica_work import Files
from hadelect.sim.replica_writer import Writer

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.init import Init
    from hadelect.sim.machine import Machine
    from hadelect.sim.world import World

NEVER = 1 << 62
RESTLESS = 1000  # Ticks in one instant: the policy asks to be woken for ever.
FOR_HAD = (Matter.CONFLICT, Matter.LOSS, Matter.REFUSED, Matter.OPERATOR)


class Pool:
    """All replication of one world."""

    def __init__(self, world: "World", faults: ReplicaFaults) -> None:
        self.world = world
        self.policy = world.core.replication or REAL_POLICY
        self.faults = faults
        self.kind = kind(faults)  # Once all is well.
        self.quiet = False  # No controllee writes.
        self.members = world.machines[world.names[0]].rules.identity.members
        self.referees = ReplicaReferees(self)
        self.streams = ReplicaStreams(world, self.members)
        self.sides = {name: Side(self, world.machines[name]) for name in self.members}
        self.stores = {name: side.store for name, side in self.sides.items()}

    def daemon_of(self, name: Name) -> "ReplicationDaemon | None":
        return self.sides[name].daemon


def replicate(world: "World", faults: ReplicaFaults) -> Pool:
    """From now on every member keeps its state. To be called before the first power_on."""
    world.replicas = pool = Pool(world, faults)
    return pool


class Side(Replication):
    """Of one machine, over all its lives."""

    follows_steps = True

    def __init__(self, pool: Pool, machine: "Machine") -> None:
        self.pool = pool
        self.machine = machine
        self.store = ReplicaStore(machine, pool.referees)
        self.client = ReplicaClient(machine.world, pool.faults.flush_ms)
        self.writer = Writer(self)
        self.daemon: ReplicationDaemon | None = None
        self.lives = 0
        machine.replication = self

    @property
    def faults(self) -> ReplicaFaults:
        return self.pool.faults

    # -- its life --------------------------------------------------------------------------------

    def power_on(self) -> None:
        self._start_in(self.pool.world.dice.randint(*self.faults.start_ms))

    def _start_in(self, length_ms: int) -> None:
        world = self.pool.world
        world.at(world.now + length_ms, self._starts, self.lives)

    def _starts(self, lives: int) -> None:
        if self.machine.up and self.daemon is None and lives == self.lives:
            self.lives += 1
            self.daemon = ReplicationDaemon(self)
            self.daemon.boot()

    def power_off(self) -> None:
        self._end(silently=True)

    def kill(self) -> None:
        """SIGKILL; the service manager starts it again."""
        if self.daemon is not None:
            self.pool.world.say(self.machine.name, "its replication daemon is killed")
            self._end(silently=False)
            dice = self.pool.world.dice
            unit, start = self.pool.world.faults.unit_ms, self.faults.start_ms
            self._start_in(dice.randint(*unit) + dice.randint(*start))

    def _end(self, *, silently: bool) -> None:
        daemon, self.daemon = self.daemon, None
        self.lives += 1
        if daemon is not None:
            daemon.end()
            daemon.files.died()
            self.client.replication_gone(daemon)
            self.pool.streams.ended(daemon, silently=silently)

    def wipe(self) -> None:
        files = self.pool.world.dice.random() < 0.5
        self.store.wipe(files=files)
        self.pool.referees.wiped(self.machine.name)

    # -- the controllee --------------------------------------------------------------------------

    def tree_started(self, init: "Init") -> None:
        self.pool.referees.tree_started(init, self.store)
        self.writer.tree_started(init)

    def tree_gone(self, init: "Init") -> None:
        self.pool.referees.tree_gone(init, self.store)

    # -- HAD -------------------------------------------------------------------------------------

    def connect(self, daemon: "Daemon") -> None:
        self.client.had_begins(daemon)

    def stepped(self, daemon: "Daemon") -> None:
        self.client.stepped(daemon)

    def had_gone(self, daemon: "Daemon") -> None:
        self.client.had_gone(daemon)

    def run(self, daemon: "Daemon", run: Run) -> None:
        self.client.run(daemon, run)

    def cancel(self, number: int) -> None:
        self.client.cancel(number)


class ReplicationDaemon(Process):
    """One life of it. Implements `core.replication.hands.ReplicationHands`."""

    def __init__(self, side: Side) -> None:
        super().__init__(side.pool.world)
        self.side = side
        self.name = side.machine.name
        self.rules = rules_of(side)
        self.notice = Notice(self)
        self.files = Files(self)
        self.replica = Replica()  # As last reported.
        self.before_start = self.replica  # What it reported before its controllee was started.
        self.stops = 0  # How often it was stopped.
        self.state: Any = None
        self._policy = side.pool.policy
        self._serial = 0  # Of the stream to HAD.
        self._started = False  # HAD says that its controllee was started.
        self._due = Millis(0)
        self._rings_at = NEVER
        self._rung = (0, 0)  # True time, number of ticks in that instant.

    # -- events in -------------------------------------------------------------------------------

    def boot(self) -> None:
        store = self.side.store
        note, since = store.catalog.note, self.world.now - store.catalog.noted_at
        found = Found(store.held, note.known, Millis(note.age_ms + since), note.others)
        decided = self._policy.boot(self.rules, found, self._now())
        self.state = decided.state
        carry_out(decided.effects, self)
        self.side.pool.streams.begins(self)
        self.side.client.replication_begins(self)
        self.notice.written()  # Nobody knows what was written before it watched.
        self._arm()

    def feed(self, event: Event) -> None:
        """One step of the policy."""
        decided = self._policy.step(self.rules, self.state, event, self._now())
        self.state = decided.state
        self.world.steps += 1
        if decided.effects:
            carry_out(decided.effects, self)
        self._arm()

    def hear_from_had(self, serial: int, word: Event) -> None:
        if serial != self._serial:
            return
        if isinstance(word, HadGone):
            self._serial = 0
        if isinstance(word, Told):
            if word.started and not self._started:
                self.before_start = self.replica
            self._started = word.started
        self.feed(word)

    def greet(self, serial: int) -> None:
        """A new stream of HAD's: the older one is over."""
        if self._serial:
            self.feed(HadGone())
        self._serial = serial
        self.side.client.report(self.replica)

    def sigstop(self) -> None:
        super().sigstop()
        self.stops += 1
        self.side.client.replication_stopped(self)

    def _now(self) -> Millis:
        return self.side.machine.clock.read(self.world.now)

    def _arm(self) -> None:
        due = self._policy.wake_at(self.rules, self.state)
        if self._rings_at != NEVER and due >= self._due:
            self._due = due  # The ring that is on its way looks again.
            return
        self._due = due
        world = self.world
        low, high = world.faults.tick_late_ms
        late = world.dice.randint(low, high) if high else 0
        self._rings_at = max(self.side.machine.clock.when(due), world.now) + late
        world.at(self._rings_at, self.run, self._ring, self._rings_at)

    def _ring(self, at: int) -> None:
        if at != self._rings_at:
            return
        self._rings_at = NEVER
        if self._now() < self._due:
            self._arm()
            return
        instant, count = self._rung
        self._rung = (self.world.now, count + 1 if instant == self.world.now else 1)
        if count > RESTLESS:
            self.world.referees.broken(f"{self.name}: replication never rests: {self.state}")
        self.feed(Tick())

    # -- effects out -----------------------------------------------------------------------------

    def look(self, effect: do.Look) -> None:
        self.files.begin(effect)

    def mark(self, effect: do.Mark) -> None:
        self.files.begin(effect)

    def snapshot(self, effect: do.Snapshot) -> None:
        self.files.begin(effect)

    def fetch(self, effect: do.Fetch) -> None:
        self.files.begin(effect)

    def install(self, effect: do.Install) -> None:
        self.files.begin(effect)

    def restore(self, effect: do.Restore) -> None:
        self.files.begin(effect)

    def cancel(self, effect: do.Cancel) -> None:
        self.files.cancel(effect)

    def announce(self, effect: do.Announce) -> None:
        self.side.pool.streams.send(self, effect.to, effect.advert)

    def report(self, effect: do.Report) -> None:
        self.replica = effect.replica
        if self._serial:
            self.side.client.report(effect.replica)

    def errand_done(self, effect: do.ErrandDone) -> None:
        self.side.pool.referees.errand_done(self, effect)
        if self._serial:
            self.side.client.errand_done(effect)

    def answer(self, effect: do.Answer) -> None:
        verdict = "yes" if effect.ok else "refused"
        self.world.say(self.name, f"answers about the state: {verdict}: {effect.text}")

    def note(self, effect: do.Note) -> None:
        """It is on the disk a little later, or never."""
        length = self.world.dice.randint(*self.world.faults.disk_ms)
        self.later(length, self._noted, effect, self.world.now)

    def _noted(self, effect: do.Note, noted_at: int) -> None:
        if not self.side.store.full:
            catalog = self.side.store.catalog
            catalog.note, catalog.noted_at = effect, noted_at

    def emit(self, effect: do.Emit) -> None:
        self.world.counters[f"replication: {effect.matter.value}"] += 1
        self.world.say(self.name, f"state: {effect.because}")
        self.side.pool.referees.emitted(self, effect)
        if self._serial and effect.matter in FOR_HAD:
            self.side.client.told_people(effect.because, warning=effect.warning)


def rules_of(side: Side) -> ReplicationRules:
    faults = side.faults
    return ReplicationRules(
        me=side.machine.name,
        members=side.pool.members,
        interval_ms=faults.interval_ms,
        max_lag_ms=faults.max_lag_ms,
        flush_ms=faults.flush_ms,
    )
