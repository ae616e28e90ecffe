"""One member's core on a table: feed it events by hand and look at what it wants done."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hadelect.core.effects import Effect, Emit, Persist, Record, Send
from hadelect.core.election import boot, step, wake_at
from hadelect.core.events import Event, Persisted, Received, SupervisorReady, Tick
from hadelect.core.invariants import broken
from hadelect.core.messages import (
    Alive,
    AliveAck,
    Message,
    PreVoteReply,
    Proof,
    Report,
    Standing,
    Vote,
)
from hadelect.core.state import State
from hadelect.core.vocabulary import (
    Arbitration,
    Identity,
    Millis,
    Name,
    Role,
    Rules,
    Term,
)

A, B, C, D = (Name(f"cm{i}:51450") for i in (1, 2, 3, 4))
SECRETS = {name: hashlib.sha256(name.encode()).hexdigest() for name in (A, B, C, D)}
CLEAN = Record(clean=True)
LISTEN = 3180  # How long a member that starts listens: a promise and a stagger.


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def rules_of(
    me: Name = A,
    arbitration: Arbitration = Arbitration.MAJORITY,
    members: tuple[Name, ...] = (A, B, C),
    witnesses: tuple[Name, ...] = (),
) -> Rules:
    return Rules(me, Identity("pool", members, witnesses, arbitration, "NEGOTIATOR"))


def proof_of(name: Name, term: int) -> Proof:
    return Proof(Term(term), name, SECRETS[name])


def standing(role: Role = Role.PASSIVE, **changes: object) -> Standing:
    plain = Standing(
        role=role,
        term=Term(0),
        leader=None,
        leader_heard_ms=Millis(0),
        known_term=Term(0),
        blank=True,
        mute=False,
        fit=True,
        unfit_because="",
        drained=False,
        hears=(A, B, C),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@dataclass
class Member:
    """Feeds the real core; every step's state is checked against the invariants."""

    rules: Rules
    found: Record | None = field(default_factory=lambda: CLEAN)
    now: Millis = Millis(0)
    ready: bool = True
    state: State = field(init=False)
    boot_effects: tuple[Effect, ...] = field(init=False)

    def __post_init__(self) -> None:
        decision = boot(self.rules, self.found, same_boot=True, now=self.now)
        self.state, self.boot_effects = decision.state, decision.effects
        self.feed(Persisted(1))
        if self.ready:
            self.feed(SupervisorReady(hash_of(SECRETS[self.rules.me])))

    def role(self) -> Role:
        return self.state.role

    def feed(self, event: Event) -> tuple[Effect, ...]:
        decision = step(self.rules, self.state, event, self.now)
        self.state = decision.state
        assert broken(self.rules, self.state) == ()
        return decision.effects

    def hear(self, sender: Name, message: Message) -> tuple[Effect, ...]:
        return self.feed(Received(sender, message))

    def follow(self, leader: Name, term: int) -> tuple[Effect, ...]:
        """Hear an Alive, and the disk takes what is promised for it."""
        told = self.hear(leader, say_alive(leader, term))
        return told + self.feed(Persisted(self.state.record.serial))

    def wait(self, length_ms: int) -> tuple[Effect, ...]:
        """Let time go by, waking the member whenever it asks for it."""
        until, told = self.now + length_ms, ()
        while (due := max(wake_at(self.rules, self.state), self.now + 1)) <= until:
            self.now = Millis(due)
            told += self.feed(Tick(self.now))  # type: ignore[assignment]
        self.now = Millis(until)
        return told

    def late(self, length_ms: int) -> tuple[Effect, ...]:
        """The member was not scheduled for so long; then its overdue tick comes."""
        due = max(wake_at(self.rules, self.state), self.now + 1)
        self.now = Millis(self.now + length_ms)
        return self.feed(Tick(Millis(due)))


T = TypeVar("T")


def of(effects: tuple[Effect, ...], kind: type[T]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]


def sent(effects: tuple[Effect, ...], kind: type[T], to: Name | None = None) -> list[T]:
    """The messages of one kind that were sent (to one peer), also those that wait for the disk."""
    sends = of(effects, Send)
    for persist in of(effects, Persist):
        sends += persist.then
    return [
        send.message
        for send in sends
        if isinstance(send.message, kind) and (to is None or send.to == to)
    ]


def reasons(effects: tuple[Effect, ...]) -> str:
    """Everything it told the humans."""
    return "; ".join(told.because for told in of(effects, Emit))


def say_alive(name: Name, term: int, sent_at: int = 7, **changes: object) -> Alive:
    """A leader's heartbeat."""
    own = Term(term)
    leads: dict[str, Any] = {"term": own, "leader": name, "known_term": own, **changes}
    return Alive(
        Term(term),
        Millis(sent_at),
        Millis(3000),
        hash_of(SECRETS[name]),
        standing(Role.LEADER, **leads),
    )


def leader_of(rules: Rules, *voters: Name) -> Member:
    """A member that has been elected by these peers at a cold start; its record is durable."""
    member = Member(rules)
    for peer in voters:
        member.hear(peer, Report(standing()))
    member.wait(LISTEN - 1 if voters else 1)
    for peer in voters:
        member.hear(peer, Report(standing()))
    member.wait(500 if voters else 0)
    for peer in voters:
        round_ = member.state.candidacy.since if member.state.candidacy else Millis(0)
        member.hear(peer, PreVoteReply(round_, None, standing()))
    candidacy = member.state.candidacy
    assert candidacy is not None
    for peer in voters:
        member.hear(peer, Vote(candidacy.term, candidacy.since))
    member.feed(Persisted(member.state.record.serial))
    assert member.state.role is Role.LEADER
    return member


def ack(member: Member, peer: Name, **changes: object) -> tuple[Effect, ...]:
    """A follower acks the newest Alive."""
    state = member.state
    follows: dict[str, Any] = {"term": state.term, "leader": member.rules.me, **changes}
    said = standing(follows.pop("role", Role.PASSIVE), **follows)
    return member.hear(peer, AliveAck(state.term, member.now, member.rules.lease_ms, said))
