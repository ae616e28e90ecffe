"""What carries messages: streams between pairs of daemons, datagrams between machines.

Law 1: a stream is ordered in each direction (unless the faults say `reorder`) and dies with either
       process: what was sent to a life of a daemon is never delivered to another life.
Law 2: a lost packet delays a stream (TCP sends it again); it loses a datagram.
Law 3: a cut stream holds what it was given until the cut heals, or is given up after the keepalive;
       then all of it is lost and the pair dials again once it can.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hadelect.core.events import Received, Released
from hadelect.core.messages import Alive, Message, Probe, ProbeReply, Proof
from hadelect.core.vocabulary import Name

if TYPE_CHECKING:
    from hadelect.sim.daemon import Daemon
    from hadelect.sim.world import World

RETRANSMIT_MS = 200  # TCP's smallest; doubles.
STALL_MS = 1500  # A stream delayed longer than this by losses has stalled.
FRESH_MS = 500  # A stream younger than this is not opened afresh once more by a probe.
HANDSHAKE = 3  # One-way trips before a stream carries messages.
REFUSED_MS = 5000  # Until two of different identities try each other anew.
REDIAL_MS = 50  # The smallest backoff; a heartbeat is the largest.

Link = tuple[Name, Name]  # From, to.
CanTalk = Callable[[Name, Name], bool]


class Stream:
    """The stream of one pair; `serial` counts its connections."""

    def __init__(self, one: Name, other: Name) -> None:
        self.pair = (one, other)
        self.ends: dict[Name, Daemon] = {}  # Empty: not connected.
        self.serial = 0
        self.opened_at = 0
        self.lives: tuple[Daemon, Daemon] | None = None  # Whom it joined last …
        self.missed: tuple[Daemon, Daemon] | None = None  # … and would have, but one was stopped.
        self.dialling = False
        self.ready: dict[Name, int] = {}  # To whom -> when the last message for it arrives.
        self.held: list[tuple[Name, Name, Message]] = []  # From, to: waits for the cut to heal.

    def give_up(self) -> None:
        """Close the connection; what is under way is lost."""
        self.serial += 1
        self.ends = {}
        self.held = []


class Network:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.cuts: dict[Link, int] = {}  # Cut since when.
        self.deaf: dict[Name, bool] = {}  # Members that death notices do not reach.
        self.watchers: list[Callable[[], None]] = []  # Called when links were cut or have healed.
        self._streams: dict[Link, Stream] = {}
        for place, one in enumerate(world.names):
            for other in world.names[place + 1 :]:
                stream = Stream(one, other)
                self._streams[one, other] = self._streams[other, one] = stream

    # -- streams ---------------------------------------------------------------------------------

    def send(self, source: Name, to: Name, message: Message) -> None:
        """On the stream; lost if there is none."""
        stream = self._streams.get((source, to))
        if stream is None or not stream.ends:
            return
        if self.cuts and (source, to) in self.cuts:
            if not (self.world.faults.one_way_streams and (to, source) not in self.cuts):
                _hold(stream, source, to, message)
            return
        self._carry(stream, source, to, message)

    def _carry(self, stream: Stream, source: Name, to: Name, message: Message) -> None:
        world = self.world
        faults, dice = world.faults, world.dice
        low, high = faults.delay_ms
        arrives = world.now + self.trip()
        if not faults.reorder:
            arrives = max(arrives, stream.ready.get(to, 0))
            stream.ready[to] = arrives
        elif dice.random() < faults.duplication:
            again = arrives + dice.randint(low, 3 * high)
            world.at(again, self._deliver, stream, stream.serial, stream.ends[to], source, message)
        world.at(arrives, self._deliver, stream, stream.serial, stream.ends[to], source, message)

    def trip(self) -> int:
        """How long a stream carries what is sent now, if nothing sent before is in its way."""
        faults = self.world.faults
        low, high = faults.delay_ms
        length = low + int(self.world.dice.random() * (high - low + 1))
        return length + self._retransmissions() if faults.loss else length

    def _retransmissions(self) -> int:
        world = self.world
        lost, wait = 0, RETRANSMIT_MS
        while world.dice.random() < world.faults.loss:
            lost += wait
            wait *= 2
        if lost > STALL_MS:
            world.counters["streams stalled by losses"] += 1
            world.referees.causes.note("stream stalled", lasts_ms=lost)
        return lost

    def _deliver(
        self, stream: Stream, serial: int, target: "Daemon", source: Name, message: Message
    ) -> None:
        if stream.serial == serial:
            target.run(target.feed, Received(source, message))

    # -- connections -----------------------------------------------------------------------------

    def dial(self, one: Name, other: Name) -> None:
        """The pair tries to connect until it has, or one of them is gone (its boot dials again)."""
        stream = self._streams[one, other]
        if not (stream.ends or stream.dialling):
            trip = self.world.dice.randint(*self.world.faults.delay_ms)
            self._dial_later(stream, HANDSHAKE * trip)

    def _answered(self, stream: Stream) -> None:
        world = self.world
        one, other = stream.pair
        first, second = world.machines[one].daemon, world.machines[other].daemon
        stream.dialling = False
        if first is None or second is None or self.is_cut(one, other):
            return  # Its boot, or healing, dials again.
        if first.stopped or second.stopped:
            if (first, second) not in (stream.lives, stream.missed):
                stream.missed = (first, second)
                self.world.referees.partings.note()
            longest = max(REDIAL_MS, first.rules.heartbeat_ms)
            self._dial_later(stream, world.dice.randint(REDIAL_MS, longest))
            return
        if first.rules.identity != second.rules.identity:
            first.refuse(second)
            second.refuse(first)
            self._dial_later(stream, REFUSED_MS)
            return
        stream.ends = {one: first, other: second}
        stream.serial += 1
        stream.opened_at = world.now
        stream.lives, missed, stream.missed = (first, second), stream.missed, None
        if missed is not None:
            world.referees.partings.note()
        stream.ready = {}
        self._carry(stream, one, other, first.hello())
        self._carry(stream, other, one, second.hello())

    def _dial_later(self, stream: Stream, gap_ms: int) -> None:
        stream.dialling = True
        self.world.at(self.world.now + gap_ms, self._answered, stream)

    def hang_up(self, daemon: "Daemon") -> None:
        """A process ended: what it had sent still arrives, what was sent to it is lost."""
        for stream in self._streams_of(daemon.name):
            if stream.ends.get(daemon.name) is daemon:
                stream.ends = {}
                stream.held = []

    def dial_all(self, name: Name) -> None:
        for stream in self._streams_of(name):
            self.dial(*stream.pair)

    def _streams_of(self, name: Name) -> Iterable[Stream]:
        return [self._streams[name, other] for other in self.world.names if other != name]

    # -- datagrams -------------------------------------------------------------------------------

    def send_datagram(self, source: Name, to: Name, message: Probe | ProbeReply) -> None:
        stream = self._streams.get((source, to))
        if stream is None:
            return  # A list of another pool names it.
        if isinstance(message, Probe) and self.world.now - stream.opened_at > FRESH_MS:
            stream.give_up()  # Asked by a fresh connection too.
            self.dial(source, to)
        self._throw(source, to, lambda daemon: daemon.feed(Received(source, message)))

    def notify(self, source: Name, to: Name, proof: Proof) -> None:
        """A death notice."""
        if (source, to) not in self._streams:
            return
        if self.deaf.get(to, False):
            self.world.counters["notices lost"] += 1
            return
        self._throw(source, to, lambda daemon: daemon.feed(Released(proof)))

    def _throw(self, source: Name, to: Name, work: "Callable[[Daemon], None]") -> None:
        """A datagram reaches the process that owns the port when it arrives, if any."""
        world = self.world
        faults, dice = world.faults, world.dice
        copies = 2 if faults.duplication and dice.random() < faults.duplication else 1
        for _ in range(copies):
            if (source, to) in self.cuts or dice.random() < faults.datagram_loss:
                world.counters["datagrams lost"] += 1
                continue
            world.at(world.now + dice.randint(*faults.delay_ms), self._land, to, work)

    def _land(self, to: Name, work: Callable[..., Any]) -> None:
        daemon = self.world.machines[to].daemon
        if daemon is not None:
            daemon.run(work, daemon)

    # -- cuts ------------------------------------------------------------------------------------

    def cut(self, links: Iterable[Link]) -> None:
        """These directions carry nothing until they heal."""
        now = self.world.now
        for source, to in links:
            if (source, to) not in self.cuts:
                self.cuts[source, to] = now
                given_up = now + self.world.faults.keepalive_ms
                self.world.at(given_up, self._keepalive, source, to, now)
        self._tell_watchers()
        self.world.referees.topology_changed()

    def _keepalive(self, source: Name, to: Name, since: int) -> None:
        if self.cuts.get((source, to)) != since:
            return
        if (to, source) not in self.cuts and self.world.faults.one_way_streams:
            return
        self._streams[source, to].give_up()

    def heal(self) -> None:
        """All cuts are over; what the streams held arrives after a retransmission."""
        world = self.world
        healed = list(self.cuts)
        self.cuts.clear()
        for source, to in healed:
            stream = self._streams[source, to]
            held, stream.held = stream.held, []
            late = world.now + world.dice.randint(0, 2 * RETRANSMIT_MS)
            for sender, receiver, message in held:
                stream.ready[receiver] = max(late, stream.ready.get(receiver, 0))
                self._carry(stream, sender, receiver, message)
            self.dial(source, to)
        self._tell_watchers()
        world.referees.topology_changed()

    def _tell_watchers(self) -> None:
        for told in self.watchers:
            told()

    def is_cut(self, one: Name, other: Name) -> bool:
        return (one, other) in self.cuts or (other, one) in self.cuts

    def is_whole(self, one: Name, other: Name) -> bool:
        return not self.is_cut(one, other)

    def has_joined(self, one: Name, other: Name) -> bool:
        """The link is whole, and not every dial of their lives has met one that was stopped."""
        stream = self._streams[one, other]
        first, second = (self.world.machines[name].daemon for name in stream.pair)
        unmet = stream.missed is not None and stream.missed == (first, second)
        return not unmet and not self.is_cut(one, other)

    def reach(self, first: Name, relays: list[Name], can_talk: CanTalk) -> list[Name]:
        """Who can talk with `first`, by way of relays too; itself among them."""
        reached = [first]
        for one in reached:
            if one == first or one in relays:
                others = (name for name in self.world.names if name not in reached)
                reached += [name for name in others if can_talk(one, name)]
        return reached


def _hold(stream: Stream, source: Name, to: Name, message: Message) -> None:
    """A newer Alive replaces an older one that still waits; nothing else is replaced."""
    if isinstance(message, Alive):
        stream.held = [
            each
            for each in stream.held
            if each[:2] != (source, to) or not isinstance(each[2], Alive)
        ]
    stream.held.append((source, to, message))
