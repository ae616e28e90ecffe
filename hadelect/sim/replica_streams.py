"""The streams between replication daemons: one of each pair, over the pool's own links.

Law 1: words arrive in order, or the stream ends: both sides are told (PeerDown), in order, too.
Law 2: a cut holds what it was given (a newer advert replaces an older one) until it heals or the
       keepalive gives the stream up.
Law 3: while both daemons live and can reach each other they dial again and again.
"""

from typing import TYPE_CHECKING

from hadelect.core.replication.events import Event, Heard, PeerDown, PeerUp
from hadelect.core.replication.messages import Advert
from hadelect.core.vocabulary import Name
from hadelect.sim.network import HANDSHAKE

if TYPE_CHECKING:
    from hadelect.sim.replication import ReplicationDaemon
    from hadelect.sim.world import World

REDIAL_MS = (50, 1_000)


class Stream:
    def __init__(self, one: Name, other: Name) -> None:
        self.pair = (one, other)
        self.ends: dict[Name, ReplicationDaemon] = {}  # Empty: not connected.
        self.serial = 0
        self.since = 0
        self.dialling = False
        self.ready: dict[Name, int] = {}  # To whom -> when the last word for it arrives.
        self.held: dict[Name, Advert] = {}  # To whom -> what waits for the cut to heal.


class ReplicaStreams:
    def __init__(self, world: "World", members: tuple[Name, ...]) -> None:
        self._world = world
        self._members = members
        self._daemons: dict[Name, ReplicationDaemon] = {}
        self._streams: dict[tuple[Name, Name], Stream] = {}
        for place, one in enumerate(members):
            for other in members[place + 1 :]:
                stream = Stream(one, other)
                self._streams[one, other] = self._streams[other, one] = stream
        world.network.watchers.append(self._links_changed)

    def up_since(self, one: Name, other: Name) -> int | None:
        """When the stream of that pair was opened; None: it is not open."""
        stream = self._streams[one, other]
        return stream.since if stream.ends else None

    # -- words -----------------------------------------------------------------------------------

    def send(self, source: "ReplicationDaemon", to: Name, advert: Advert) -> None:
        """Lost if there is no stream."""
        stream = self._streams[source.name, to]
        if stream.ends.get(source.name) is not source:
            return
        if self._world.network.is_cut(source.name, to):
            stream.held[to] = advert
        else:
            self._carry(stream, to, Heard(source.name, advert))

    def _carry(self, stream: Stream, to: Name, event: Event) -> None:
        world = self._world
        arrives = max(world.now + world.network.trip(), stream.ready.get(to, 0))
        stream.ready[to] = arrives
        daemon = stream.ends[to]
        world.at(arrives, self._deliver, stream, stream.serial, daemon, event)

    def _deliver(
        self, stream: Stream, serial: int, daemon: "ReplicationDaemon", event: Event
    ) -> None:
        if stream.serial == serial:
            daemon.run(daemon.feed, event)

    # -- connections -----------------------------------------------------------------------------

    def begins(self, daemon: "ReplicationDaemon") -> None:
        self._daemons[daemon.name] = daemon
        for stream in self._of(daemon.name):
            if stream.ends:  # Of an earlier life: nobody has noticed its end yet.
                self._close(stream, "it was started anew")
            self._dial(stream, 1)

    def ended(self, daemon: "ReplicationDaemon", *, silently: bool) -> None:
        """Its process is gone: the kernel says so to its peers, unless its power is lost."""
        if self._daemons.get(daemon.name) is daemon:
            del self._daemons[daemon.name]
        for stream in self._of(daemon.name):
            if stream.ends.get(daemon.name) is daemon:
                late = self._world.faults.keepalive_ms if silently else 0
                self._world.at(self._world.now + late, self._hung_up, stream, stream.serial)

    def _hung_up(self, stream: Stream, serial: int) -> None:
        if stream.serial == serial and stream.ends:
            if self._world.network.is_cut(*stream.pair):
                since = self._world.now + self._world.faults.keepalive_ms
                self._world.at(since, self._give_up, stream, serial)
            else:
                self._close(stream, "its process ended")

    def _give_up(self, stream: Stream, serial: int) -> None:
        if stream.serial == serial and stream.ends:
            self._close(stream, "it does not answer")

    def _close(self, stream: Stream, because: str) -> None:
        """Both sides, if they live, are told; what is under way is lost."""
        world = self._world
        ends, stream.ends, stream.held = stream.ends, {}, {}
        stream.serial += 1
        one, other = stream.pair
        for name, peer in ((one, other), (other, one)):
            ends[name].run(ends[name].feed, PeerDown(peer, because))
        self._dial(stream, world.dice.randint(*REDIAL_MS))

    def _dial(self, stream: Stream, gap_ms: int) -> None:
        if not (stream.ends or stream.dialling):
            stream.dialling = True
            trip = self._world.dice.randint(*self._world.faults.delay_ms)
            self._world.at(self._world.now + gap_ms + HANDSHAKE * trip, self._answered, stream)

    def _answered(self, stream: Stream) -> None:
        stream.dialling = False
        world = self._world
        one, other = stream.pair
        first, second = self._daemons.get(one), self._daemons.get(other)
        if first is None or second is None or world.network.is_cut(one, other):
            return  # A boot, or healing, dials again.
        if first.stopped or second.stopped:
            self._dial(stream, world.dice.randint(*REDIAL_MS))
            return
        stream.ends = {one: first, other: second}
        stream.serial += 1
        stream.since = world.now
        stream.ready = {}
        self._carry(stream, one, PeerUp(other))
        self._carry(stream, other, PeerUp(one))

    # -- cuts ------------------------------------------------------------------------------------

    def _links_changed(self) -> None:
        world = self._world
        for place, one in enumerate(self._members):
            for other in self._members[place + 1 :]:
                stream = self._streams[one, other]
                if world.network.is_cut(one, other):
                    at = world.now + world.faults.keepalive_ms
                    if stream.ends:
                        world.at(at, self._still_cut, stream, stream.serial)
                    continue
                self._dial(stream, world.dice.randint(*REDIAL_MS))
                held, stream.held = stream.held, {}
                for to, advert in held.items():
                    source = other if to == one else one
                    self._carry(stream, to, Heard(source, advert))

    def _still_cut(self, stream: Stream, serial: int) -> None:
        if self._world.network.is_cut(*stream.pair):
            self._give_up(stream, serial)

    def _of(self, name: Name) -> list[Stream]:
        return [self._streams[name, other] for other in self._members if other != name]
