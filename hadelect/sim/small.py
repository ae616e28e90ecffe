"""A pool small enough to try everything with: whole pool = one hashable value, one event at a time.

Law: an answer of disk or supervisor comes within the step that asked for it; messages wait in
     `flying` until somebody delivers them.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

from hadelect.core import render
from hadelect.core.effects import (
    Answer,
    Cancel,
    Emit,
    End,
    Extend,
    Persist,
    Quit,
    Record,
    Retitle,
    Run,
    Send,
    SendDatagram,
    Start,
    Stop,
)
from hadelect.core.events import (
    ControlleeChanged,
    Event,
    Persisted,
    Received,
    SupervisorReady,
    Tick,
)
from hadelect.core.hands import carry_out
from hadelect.core.messages import (
    Alive,
    Goodbye,
    Hello,
    Leader,
    Message,
    PreVote,
    Probe,
    ProbeReply,
    Report,
    SendId,
)
from hadelect.core.state import State
from hadelect.core.vocabulary import NO_TERM, ControlleeState, Millis, Name, Rules, Term
from hadelect.sim.world import Core

LOST = (Report, Hello, Goodbye, Leader)  # Nothing of them is waited for.
NEWEST = (Alive, PreVote, SendId, Probe, ProbeReply)  # A newer one replaces an older one.
BLANK = Record(clean=True)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message under way."""

    source: Name
    to: Name
    message: Message

    def __str__(self) -> str:
        return f"{self.source} to {self.to}: {render.words(self.message)}"


@dataclass(frozen=True, slots=True)
class Machine:
    """One member: its daemon (None: none runs), its disk, its tree (NO_TERM: none)."""

    state: State | None = None
    record: Record = BLANK
    tree: Term = NO_TERM
    deadline: Millis = Millis(0)
    secret: int = 0  # Serial of the next leadership's.


@dataclass(frozen=True, slots=True)
class Node:
    now: Millis
    members: tuple[Machine, ...]
    flying: tuple[Parcel, ...] = ()
    crashes: int = 0


class Small:
    def __init__(self, rules: tuple[Rules, ...], core: Core) -> None:
        self.rules = rules
        self.core = core
        self._places = {each.me: place for place, each in enumerate(rules)}

    def place(self, name: Name) -> int:
        return self._places[name]

    def wakes(self, place: int, state: State) -> Millis:
        return self.core.wake_at(self.rules[place], state)

    # -- one event -------------------------------------------------------------------------------

    def deliver(self, node: Node, parcel: Parcel) -> Node:
        left = self.lose(node, parcel)
        place = self.place(parcel.to)
        if node.members[place].state is None:
            return left
        return self._feed(left, place, Received(parcel.source, parcel.message))

    def lose(self, node: Node, parcel: Parcel) -> Node:
        flying = list(node.flying)
        flying.remove(parcel)
        return Node(node.now, node.members, tuple(flying), node.crashes)

    def tick(self, node: Node, place: int) -> Node:
        state = node.members[place].state
        assert state is not None
        due = self.wakes(place, state)
        return self._feed(node, place, Tick(max(due, state.now)))

    def boot(self, node: Node, place: int) -> Node:
        """A daemon starts: its supervisor has verified that nothing of an earlier life runs."""
        life = _Life(self, node, place)
        life.boots()
        return life.node(node)

    def crash(self, node: Node, place: int) -> Node:
        """The daemon is killed; its tree dies; nobody hears a notice. What it had sent arrives."""
        was = node.members[place]
        dead = Machine(None, was.record, secret=was.secret + 1)
        name = self.rules[place].me
        flying = tuple(parcel for parcel in node.flying if parcel.to != name)
        return Node(node.now, _put(node.members, place, dead), flying, node.crashes + 1)

    def next_instant(self, node: Node) -> Millis | None:
        """When anybody wants anything next; None: never."""
        wishes = [self.wakes(p, m.state) for p, m in enumerate(node.members) if m.state]
        wishes += [member.deadline for member in node.members if member.tree]
        later = [wish for wish in wishes if wish > node.now]
        return min(later, default=None)

    def pass_until(self, node: Node, later: Millis) -> Node:
        """The inits keep their deadlines, whoever sleeps."""
        node = Node(later, node.members, node.flying, node.crashes)
        for place, member in enumerate(node.members):
            if member.tree and member.deadline <= later:
                ended = ControlleeChanged(
                    member.tree, ControlleeState.STOPPED, because="its deadline passed"
                )
                over = Machine(member.state, member.record, secret=member.secret)
                node = Node(later, _put(node.members, place, over), node.flying, node.crashes)
                node = self._feed(node, place, ended)
        return node

    def _feed(self, node: Node, place: int, event: Event) -> Node:
        life = _Life(self, node, place)
        life.feed(event)
        return life.node(node)


def start(small: Small) -> Node:
    return Node(Millis(0), tuple(Machine() for _ in small.rules))


def _put(members: tuple[Machine, ...], place: int, one: Machine) -> tuple[Machine, ...]:
    return (*members[:place], one, *members[place + 1 :])


@cache
def _secret(name: Name, serial: int) -> tuple[str, str]:
    """A secret and its hash."""
    secret = hashlib.sha256(f"{name} {serial}".encode()).hexdigest()
    return secret, hashlib.sha256(secret.encode()).hexdigest()


class _Life:
    """Implements `core.hands.Hands` for one step of one member, with all that answers within it."""

    def __init__(self, small: Small, node: Node, place: int) -> None:
        was = node.members[place]
        self._small = small
        self._rules = small.rules[place]
        self._place = place
        self._now = node.now
        self._state = was.state
        self._record = was.record
        self._tree, self._deadline, self._secret = was.tree, was.deadline, was.secret
        self._flying = list(node.flying)
        self._waiting: list[Event] = []

    def node(self, before: Node) -> Node:
        machine = Machine(self._state, self._record, self._tree, self._deadline, self._secret)
        members = _put(before.members, self._place, machine)
        # In whatever order they were sent: one state. A hash serves, as nobody sees this order.
        flying = tuple(sorted(self._flying, key=hash))
        return Node(before.now, members, flying, before.crashes)

    def boots(self) -> None:
        decision = self._small.core.boot(self._rules, self._record, True, self._now)
        self._state = decision.state
        carry_out(decision.effects, self)
        self._waiting.append(SupervisorReady(_secret(self._rules.me, self._secret)[1]))
        self._go_on()

    def feed(self, event: Event) -> None:
        self._waiting.append(event)
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting:
            event = self._waiting.pop(0)
            assert self._state is not None
            decision = self._small.core.step(self._rules, self._state, event, self._now)
            self._state = decision.state
            carry_out(decision.effects, self)

    # -- effects ---------------------------------------------------------------------------------

    def send(self, effect: Send) -> None:
        self._throw(effect.to, effect.message)

    def send_datagram(self, effect: SendDatagram) -> None:
        self._throw(effect.to, effect.message)

    def _throw(self, to: Name, message: Message) -> None:
        if isinstance(message, LOST):
            return
        me = self._rules.me
        if isinstance(message, NEWEST):
            kind = type(message)
            self._flying = [
                parcel
                for parcel in self._flying
                if (parcel.source, parcel.to, type(parcel.message)) != (me, to, kind)
            ]
        self._flying.append(Parcel(me, to, message))

    def persist(self, effect: Persist) -> None:
        self._record = effect.record
        carry_out(effect.then, self)
        self._waiting.append(Persisted(effect.record.serial))

    def start(self, effect: Start) -> None:
        if effect.deadline > self._now:
            self._tree, self._deadline = effect.term, effect.deadline
            self._waiting.append(ControlleeChanged(effect.term, ControlleeState.RUNNING, pid=1))

    def extend(self, effect: Extend) -> None:
        self._deadline = effect.deadline

    def stop(self, effect: Stop) -> None:
        """Verified dead: the secret is revealed, and there is one for the next leadership."""
        self._tree = NO_TERM
        secret = _secret(self._rules.me, self._secret)[0]
        self._secret += 1
        over = ControlleeChanged(
            effect.term,
            ControlleeState.STOPPED,
            asked=True,
            secret=secret,
            next_secret_hash=_secret(self._rules.me, self._secret)[1],
        )
        self._waiting.append(over)

    def retitle(self, effect: Retitle) -> None:
        if self._tree == effect.term:
            self._tree = effect.to

    def emit(self, effect: Emit) -> None:
        """Nobody listens."""

    def end_tree(self, effect: End) -> None:
        """Nothing hangs here."""

    def run_errand(self, effect: Run) -> None:
        """No command is configured here."""

    def cancel(self, effect: Cancel) -> None:
        """The same."""

    def answer(self, effect: Answer) -> None:
        """Nobody asked."""

    def quit(self, effect: Quit) -> None:
        self._state = None
