"""A few replication daemons on a table: real policies; files, streams and HADs by hand.

Content is the set of writes that are in it. Referees watch every step: nothing is replaced that is
not contained in what comes or kept aside, nothing is installed while a controllee runs, and one
place has one content.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hadelect.core.replication import effects as do
from hadelect.core.replication import events as ev
from hadelect.core.replication.hands import carry_out
from hadelect.core.replication.messages import UNKNOWN_MS, Advert
from hadelect.core.replication.policy import boot, step, wake_at
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.replication.state import State
from hadelect.core.versions import Line, Replica, Version, continued, newest
from hadelect.core.vocabulary import NO_TERM, Millis, Name, Term

Content = frozenset[int]
A, B, C = (Name(f"cm{number}") for number in (1, 2, 3))
EMPTY: Content = frozenset()


def digest_of(content: Content) -> str:
    return ",".join(map(str, sorted(content))) or "-"


def said(daemon: "Daemon", matter: do.Matter) -> list[str]:
    return [emit.because for emit in daemon.told if emit.matter is matter]


def warned(daemon: "Daemon") -> list[str]:
    return [emit.because for emit in daemon.told if emit.warning]


def term(number: int, name: Name = A) -> Term:
    """The number-th term that this member may lead."""
    return Term(number * 64 + (A, B, C).index(name))


@dataclass
class Disk:
    """What outlives the daemon."""

    live: Content | None = EMPTY  # None: missing.
    held: Line | None = None
    kept: dict[Version, Content] = field(default_factory=dict)
    received: Line | None = None
    asides: list[Content] = field(default_factory=list)
    note: do.Note = field(default_factory=lambda: do.Note(None, UNKNOWN_MS))
    noted_at: Millis = Millis(0)


class Daemon:
    """Implements hands.ReplicationHands: work waits until the pool lets it be done."""

    def __init__(self, pool: "Pool", name: Name, disk: Disk) -> None:
        self.pool, self.name, self.disk = pool, name, disk
        self.rules = ReplicationRules(name, pool.names, interval_ms=Millis(20_000))
        self.work: list[do.Work] = []
        self.cancelled: set[int] = set()
        self.fails: dict[type[do.Work], ev.Failure] = {}
        self.done: list[do.ErrandDone] = []
        self.answers: list[do.Answer] = []
        self.told: list[do.Emit] = []
        self.announced: list[do.Announce] = []
        self.replica = Replica()
        self.unsettled = False
        self.after_switch: Callable[[], None] = lambda: None
        note = disk.note
        age = Millis(note.age_ms + pool.now - disk.noted_at)
        decided = boot(self.rules, ev.Found(disk.held, note.known, age, note.others), pool.now)
        self.state: State = decided.state
        carry_out(decided.effects, self)

    def feed(self, event: ev.Event) -> None:
        decided = step(self.rules, self.state, event, self.pool.now)
        self.state = decided.state
        hash(self.state)
        carry_out(decided.effects, self)

    # --- hands ---------------------------------------------------------------------------------

    def begin(self, effect: do.Work) -> None:
        assert not self.work, "one piece at a time"
        self.pool.begun.append((self.name, effect))
        self.work.append(effect)

    look = mark = snapshot = fetch = install = restore = begin

    def cancel(self, effect: do.Cancel) -> None:
        self.cancelled.add(effect.id)

    def announce(self, effect: do.Announce) -> None:
        self.announced.append(effect)
        pool = self.pool
        if frozenset({self.name, effect.to}) in pool.streams and self.name not in pool.mute:
            self.pool.words.append((self.name, effect.to, effect.advert))

    def report(self, effect: do.Report) -> None:
        self.replica = effect.replica

    def errand_done(self, effect: do.ErrandDone) -> None:
        self.done.append(effect)

    def answer(self, effect: do.Answer) -> None:
        self.answers.append(effect)

    def note(self, effect: do.Note) -> None:
        self.disk.note, self.disk.noted_at = effect, self.pool.now

    def emit(self, effect: do.Emit) -> None:
        self.told.append(effect)

    # --- the files -----------------------------------------------------------------------------

    @property
    def writing(self) -> bool:
        return self.name in self.pool.running

    def write(self, number: int, *, seen: bool = True, settled: bool = True) -> None:
        """Somebody writes to the live files."""
        self.disk.live = (self.disk.live or EMPTY) | {number}
        if seen:
            self.feed(ev.Changed(settled=False))
            self.unsettled = True
        if seen and settled:
            self.settle()

    def lose_live(self) -> None:
        """Somebody removes the live files."""
        self.disk.live = None
        self.feed(ev.Changed(settled=True))

    def settle(self) -> None:
        """It has been quiet for a while."""
        if self.unsettled:
            self.unsettled = False
            self.feed(ev.Changed(settled=True))

    def do_work(self) -> None:
        """The piece that waits is done, or fails as `fails` says."""
        effect = self.work.pop(0)
        failure = self.fails.get(type(effect))
        if effect.id in self.cancelled:
            failure = ev.Failure.CANCELLED
        if failure is not None:
            self.feed(ev.Failed(effect.id, failure, f"it is {failure.value}"))
            return
        self.feed(self.outcome(effect))

    def outcome(self, effect: do.Work) -> ev.Event:
        disk = self.disk
        held = disk.kept[disk.held.version] if disk.held else EMPTY
        match effect:
            case do.Look():
                missing = "gone" if not disk.live and held else ""
                return ev.Looked(effect.id, (disk.live or EMPTY) != held, missing)
            case do.Mark():
                return ev.Marked(effect.id, self.hold(effect.line, held))
            case do.Snapshot():
                return self.snapped(effect, held)
            case do.Fetch():
                return self.fetched(effect)
            case do.Install():
                return self.installed(effect)
            case do.Restore():
                return self.restored(effect)

    def hold(self, line: Line, content: Content) -> Line:
        assert line.version.digest == digest_of(content)
        self.pool.taken(line.version)
        self.disk.held, self.disk.kept[line.version] = line, content
        return line

    def snapped(self, effect: do.Snapshot, held: Content) -> ev.Event:
        live = self.disk.live or EMPTY
        if not live and held and not effect.empty:
            return ev.Failed(effect.id, ev.Failure.EMPTY, "gone")
        if self.disk.held and live == held:
            return ev.Snapped(effect.id, None)
        line = continued(effect.onto, effect.term, digest_of(live))
        return ev.Snapped(effect.id, self.hold(line, live))

    def fetched(self, effect: do.Fetch) -> ev.Event:
        up = frozenset({self.name, effect.source}) in self.pool.streams
        source = self.pool.daemons.get(effect.source)
        if not up or source is None:
            return ev.Failed(effect.id, ev.Failure.PEER, "no answer")
        content = source.disk.kept.get(effect.line.version)
        if content is None:
            return ev.Failed(effect.id, ev.Failure.GONE, "not kept any more")
        self.disk.received = effect.line
        self.disk.kept[effect.line.version] = content
        return ev.Fetched(effect.id)

    def installed(self, effect: do.Install) -> ev.Event:
        disk = self.disk
        assert effect.line in {disk.received, disk.held}
        if self.writing:
            return ev.Failed(effect.id, ev.Failure.LOCKED, "a controllee runs")
        aside = ""
        if effect.aside:
            disk.asides.append(disk.live or EMPTY)
            aside = f"aside/{len(disk.asides)}"
        new = disk.kept[effect.line.version]
        self.pool.replaced(disk, new)
        disk.live, disk.held = new, effect.line
        self.after_switch()  # Before it is answered.
        self.after_switch = lambda: None
        return ev.Installed(effect.id, aside)

    def restored(self, effect: do.Restore) -> ev.Event:
        if self.writing:
            return ev.Failed(effect.id, ev.Failure.LOCKED, "a controllee runs")
        new = self.disk.kept[effect.version]
        self.pool.given_up |= (self.disk.live or EMPTY) - new
        self.disk.live = new
        line = continued(effect.onto, effect.term, digest_of(new))
        return ev.Restored(effect.id, self.hold(line, new))


class Pool:
    def __init__(self, *names: Name) -> None:
        self.names = names or (A, B, C)
        self.now = Millis(1_000_000)
        self.streams: set[frozenset[Name]] = set()
        self.words: list[tuple[Name, Name, Advert]] = []
        self.running: set[Name] = set()
        self.mute: set[Name] = set()  # Their words are lost, though their streams are up.
        self.places: dict[tuple[int, int], str] = {}
        self.disks = {name: Disk() for name in self.names}
        self.daemons: dict[Name, Daemon] = {}
        self.given_up: set[int] = set()  # By operators.
        self.serial = 0
        self.begun: list[tuple[Name, do.Work]] = []

    # --- referees ------------------------------------------------------------------------------

    def taken(self, version: Version) -> None:
        assert self.places.setdefault(version.place, version.digest) == version.digest

    def replaced(self, disk: Disk, new: Content) -> None:
        lost = (disk.live or EMPTY) - new - self.given_up
        assert not lost or any(lost <= aside for aside in disk.asides), f"{lost} lost"

    # --- what happens --------------------------------------------------------------------------

    def start(self, *names: Name, connect: bool = True) -> None:
        for name in names or self.names:
            self.daemons[name] = Daemon(self, name, self.disks[name])
        for name in names or self.names:
            for other in self.daemons:
                if connect and other != name:
                    self.connect(name, other)
        self.run()

    def stop(self, name: Name) -> None:
        for other in [other for other in self.daemons if other != name]:
            self.cut(name, other)
        self.daemons.pop(name, None)

    def connect(self, one: Name, other: Name) -> None:
        both = frozenset({one, other})
        if both in self.streams:
            return
        self.streams.add(both)
        self.daemons[one].feed(ev.PeerUp(other))
        self.daemons[other].feed(ev.PeerUp(one))

    def cut(self, one: Name, other: Name) -> None:
        both = frozenset({one, other})
        if both not in self.streams:
            return
        self.streams.discard(both)
        self.words = [word for word in self.words if frozenset(word[:2]) != both]
        self.daemons[one].feed(ev.PeerDown(other))
        self.daemons[other].feed(ev.PeerDown(one))

    def deliver(self) -> bool:
        if not self.words:
            return False
        sender, to, advert = self.words.pop(0)
        if to in self.daemons and sender in self.daemons:
            self.daemons[to].feed(ev.Heard(sender, advert))
        return True

    def run(self, *, work: bool = True, most: int = 2_000) -> None:
        """Until nobody has anything to do at this instant."""
        for _ in range(most):
            busy = self.deliver()
            for daemon in list(self.daemons.values()):
                if work and daemon.work:
                    daemon.do_work()
                    busy = True
            if not busy:
                return
        raise AssertionError("it never rests")

    def wait(self, milliseconds: int, *, settled: bool = True, work: bool = True) -> None:
        """Time goes by, everybody is woken when it wants to be."""
        end = self.now + milliseconds
        for one in self.daemons.values() if settled else ():
            one.settle()
        self.run(work=work)
        while True:
            daemons = self.daemons.values()
            due = min((wake_at(one.rules, one.state) for one in daemons), default=end + 1)
            if due > end:
                break
            self.now = Millis(max(due, self.now))
            for one in list(self.daemons.values()):
                if wake_at(one.rules, one.state) <= self.now:
                    one.feed(ev.Tick())
            self.run(work=work)
        self.now = Millis(end)

    # --- HAD -----------------------------------------------------------------------------------

    def tell(self, leader: Name | None, number: Term = NO_TERM, *, started: bool = True) -> None:
        """All HADs know the leader."""
        for name, one in self.daemons.items():
            leads = name == leader
            one.feed(ev.Told(leader, number, leads=leads, started=leads and started))

    def prepare(
        self, name: Name, number: Term, known: Version | None = None
    ) -> do.ErrandDone | None:
        """A winner asks for its state; None: no answer yet."""
        self.tell(name, number, started=False)
        self.serial += 1
        self.daemons[name].feed(ev.Prepare(self.serial, number, known))
        self.run()
        return self.answer(name, self.serial)

    def current(self, name: Name) -> bool:
        """HAD would start here without asking: ready, and it heard of nothing newer."""
        mine = self.daemons[name].replica
        heard = [self.daemons[one].replica for one in self.reached(name)]
        versions = [said for one in (mine, *heard) for said in (one.version, one.known)]
        return mine.ready and newest(versions) == mine.version

    def reached(self, name: Name) -> list[Name]:
        return [one for one in self.daemons if frozenset({one, name}) in self.streams]

    def answer(self, name: Name, serial: int = 0) -> do.ErrandDone | None:
        done = [one for one in self.daemons[name].done if one.id == (serial or self.serial)]
        return done[-1] if done else None

    def lead(self, name: Name, number: Term) -> None:
        """It wins, prepares and starts."""
        if not self.prepare(name, number):
            self.wait(6_000)
        answer = self.answer(name)
        assert answer
        assert answer.ok, answer.because
        self.run_controllee(name, number)

    def run_controllee(self, name: Name, number: Term) -> None:
        self.running.add(name)
        self.tell(name, number)
        self.run()

    def flush(self, name: Name, number: Term, successor: Name | None) -> do.ErrandDone | None:
        """The controllee is dead."""
        self.running.discard(name)
        self.serial += 1
        self.daemons[name].feed(ev.Flush(self.serial, number, successor))
        self.run()
        return self.answer(name, self.serial)

    def write(self, name: Name, number: int) -> None:
        self.daemons[name].write(number)
        self.run()

    def live(self, name: Name) -> list[int]:
        return sorted(self.disks[name].live or EMPTY)

    def version(self, name: Name) -> str:
        held = self.disks[name].held
        return str(held.version) if held else ""
