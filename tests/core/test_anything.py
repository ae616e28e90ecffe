"""Whatever a member is told, in whatever order, it stays a member."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hadelect.core.effects import Record, Start, Stop
from hadelect.core.election import boot, step, wake_at
from hadelect.core.events import (
    ControlleeChanged,
    Drain,
    Event,
    Handover,
    LeftoverStuck,
    PeerRefused,
    Persisted,
    PersistFailed,
    Ran,
    Received,
    Released,
    Reloaded,
    ReplicaChanged,
    ReplicationSaid,
    Shutdown,
    SupervisorReady,
    Tick,
)
from hadelect.core.explain import explain, explain_peer
from hadelect.core.invariants import broken
from hadelect.core.messages import (
    Alive,
    AliveAck,
    AskHandover,
    Goodbye,
    Hello,
    Leader,
    Message,
    PreVote,
    PreVoteReply,
    Probe,
    ProbeReply,
    Proof,
    Refused,
    Report,
    Resign,
    SendId,
    Standing,
    Vote,
    Withdraw,
)
from hadelect.core.render import explained
from hadelect.core.state import State
from hadelect.core.versions import Replica, Version
from hadelect.core.views import active_promise
from hadelect.core.vocabulary import (
    Arbitration,
    Identity,
    Millis,
    Name,
    Outcome,
    Refusal,
    Role,
    Rules,
    Term,
)
from tests.core.member import SECRETS, A, B, C, D, hash_of, standing

NAMES = st.sampled_from([A, B, C, D, Name("stranger:1")])
TERMS = st.sampled_from([0, 1, 2, 64, 65, 66, 128, 129, 130, 640, 2**53]).map(Term)
TIMES = st.one_of(st.integers(0, 9000), st.sampled_from([0, 2**53])).map(Millis)
WORDS = st.sampled_from(["", "why", "x" * 300])
HASHES = st.sampled_from(["", *map(hash_of, SECRETS.values())])
SECRET = st.sampled_from(["", "junk", *SECRETS.values()])
MAYBE_NAME = st.one_of(st.none(), NAMES)
VERSIONS = st.builds(Version, TERMS, st.integers(1, 3), st.sampled_from(["abc", "def"]))
REPLICAS = st.builds(
    Replica,
    st.one_of(st.none(), VERSIONS),
    st.one_of(st.none(), VERSIONS),
    st.booleans(),
    st.sampled_from([0, 400_000]).map(Millis),
    st.sampled_from(["", "", "no room"]),
)
STANDINGS = st.builds(
    Standing,
    role=st.sampled_from(list(Role)),
    term=TERMS,
    leader=MAYBE_NAME,
    leader_heard_ms=TIMES,
    known_term=TERMS,
    blank=st.booleans(),
    mute=st.booleans(),
    fit=st.booleans(),
    unfit_because=WORDS,
    drained=st.booleans(),
    hears=st.just((A, B)),
    controllee=st.just(standing().controllee),
    replica=st.one_of(st.none(), REPLICAS),
)
PROOFS = st.builds(Proof, TERMS, NAMES, SECRET)
REFUSALS = st.one_of(st.none(), st.sampled_from(list(Refusal)))
LEASES = st.sampled_from([0, 500, 3000, 60_000]).map(Millis)
IDENTITY = Identity("pool", (A, B, C), (D,), Arbitration.MAJORITY, "NEGOTIATOR")
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Hello, st.just(IDENTITY), WORDS, WORDS),
    st.builds(Report, STANDINGS),
    st.builds(Alive, TERMS, TIMES, LEASES, HASHES, STANDINGS),
    st.builds(AliveAck, TERMS, TIMES, LEASES, STANDINGS),
    st.builds(Leader, TERMS, LEASES, HASHES),
    st.builds(PreVote, TIMES, st.none(), st.one_of(st.none(), PROOFS), STANDINGS),
    st.builds(PreVoteReply, TIMES, REFUSALS, STANDINGS),
    st.builds(SendId, TERMS, TIMES, LEASES, HASHES, st.one_of(st.none(), PROOFS)),
    st.builds(Vote, TERMS, TIMES, st.one_of(st.none(), REPLICAS)),
    st.builds(Refused, TERMS, st.sampled_from(list(Refusal)), STANDINGS),
    st.builds(Withdraw, TERMS),
    st.builds(Resign, PROOFS, MAYBE_NAME, WORDS),
    st.builds(AskHandover, TERMS, WORDS),
    st.builds(Goodbye, WORDS),
    st.builds(Probe, TERMS, TIMES),
    st.builds(ProbeReply, TIMES, TERMS),
)
CHANGES = st.builds(
    ControlleeChanged,
    TERMS,
    st.sampled_from(["stopped", "running", "stop_failed", "starting"]).map(
        lambda word: next(s for s in type(standing().controllee.state) if s.value == word)
    ),
    asked=st.booleans(),
    exec_failed=st.booleans(),
    secret=SECRET,
    next_secret_hash=HASHES,
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Received, NAMES, MESSAGES),
    st.builds(Received, NAMES, MESSAGES),
    st.builds(PeerRefused, NAMES, WORDS),
    st.builds(Released, PROOFS),
    st.builds(SupervisorReady, HASHES),
    st.builds(LeftoverStuck, WORDS),
    CHANGES,
    st.builds(Persisted, st.integers(0, 40)),
    st.builds(PersistFailed, st.integers(0, 40), WORDS),
    st.builds(Handover, st.just(1), MAYBE_NAME, WORDS, st.booleans(), st.booleans()),
    st.builds(Drain, st.just(1), st.booleans(), WORDS, st.booleans()),
    st.builds(ReplicaChanged, REPLICAS),
    st.builds(ReplicationSaid, WORDS),
    st.builds(Ran, st.integers(1, 9), st.sampled_from(list(Outcome)), WORDS),
)
TIMINGS = st.sampled_from(
    [
        {"heartbeat_ms": Millis(beat), "lease_ms": Millis(lease), "margin_ms": Millis(margin)}
        for beat, lease, margin in ((500, 3000, 500), (20, 100, 30), (2000, 60_000, 20_000))
    ]
)
RELOADS = st.builds(
    lambda timing, primary: {**timing, "use_primary": primary}, TIMINGS, st.booleans()
)
WAITS = st.sampled_from([0, 1, 20, 150, 500, 3000])
STEPS = st.lists(st.tuples(EVENTS, WAITS), max_size=60)
STEPS_AND_RELOADS = st.lists(st.tuples(st.one_of(EVENTS, EVENTS, RELOADS), WAITS), max_size=60)


def run(
    rules: Rules, found: Record | None, steps: list[tuple[Event | dict[str, Any], int]]
) -> None:
    decision = boot(rules, found, same_boot=True, now=Millis(0))
    state, now = decision.state, Millis(0)
    for event, wait in steps:
        until = Millis(now + wait)
        for _ in range(1000):
            due = max(wake_at(rules, state), now + 1)
            if due > until:
                break
            now = Millis(due)
            told: list[Any] = [Tick(now)]
            decision = step(rules, state, told[0], now)
            state = check(rules, state, decision.state, decision.effects)
        else:
            raise AssertionError("woken a thousand times in a second or two")
        now = until
        told = (
            [Reloaded(replace(rules, **event), "")]
            if isinstance(event, dict)
            else [possible(event, state)]
        )
        decision = step(rules, state, told[0], now)
        state = check(rules, state, decision.state, decision.effects)
        rules = told[0].rules if isinstance(event, dict) else rules


def possible(event: Event, state: State) -> Event:
    """The disk never speaks of a record that was not handed to it."""
    if isinstance(event, Persisted | PersistFailed):
        return replace(event, serial=min(event.serial, state.record.serial))
    return event


def check(rules: Rules, old: Any, new: Any, effects: tuple[Any, ...]) -> Any:
    """The invariants, and what no step may do."""
    assert broken(rules, new) == ()
    assert new.record.serial >= old.record.serial
    assert new.record.term >= old.record.term
    for effect in effects:
        if isinstance(effect, Start):
            assert effect.deadline > new.now
            assert new.role is Role.LEADER
            assert new.gate.run is None  # Nothing is started while its state is waited for.
    if old.leading and not new.leading and not old.leading.closed:
        asked = any(isinstance(effect, Stop) for effect in effects)
        assert asked or new.controllee.state.value == "stopped"
    if old.leading and new.leading:
        assert new.leading.authority_until >= old.leading.authority_until
        assert new.leading.deadline >= old.leading.deadline
    held, after = active_promise(old, new.now), active_promise(new, new.now)
    if held and after and after.leader != held.leader:
        assert after.term > held.term or rules.identity.arbitration is Arbitration.NONE
    if held and after and (after.leader, after.term) == (held.leader, held.term):
        assert after.until >= held.until
    hash(new)
    explainable(rules, new)
    return new


def explainable(rules: Rules, state: State) -> None:
    """Whatever became of it, it can say why, of itself and of its peers."""
    told = explain(rules, state, state.now)
    for peer in rules.peers:
        told += explain_peer(rules, state, peer, state.now)
    assert all(explained(line) for line in told)


RULES = st.sampled_from(
    [
        Rules(
            me,
            replace(IDENTITY, arbitration=arbitration),
            use_primary=primary,
            replicates=replicates,
        )
        for me in (A, B, D)
        for arbitration in Arbitration
        for primary in (True, False)
        for replicates in (True, False)
    ]
)
FOUND = st.one_of(st.none(), st.just(Record(clean=True)), st.just(Record(term=Term(64), vote=B)))


@settings(max_examples=300, deadline=None)
@given(rules=RULES, found=FOUND, steps=STEPS_AND_RELOADS)
def test_nothing_that_is_said_breaks_a_member(
    rules: Rules, found: Record | None, steps: list[tuple[Event, int]]
) -> None:
    """No exception, no broken invariant, no busy loop; terms only rise; what it led it stops."""
    ready = (SupervisorReady(hash_of(SECRETS[A])), 0)
    run(rules, found, [ready, *steps])


@settings(max_examples=60, deadline=None)
@given(rules=RULES, steps=STEPS_AND_RELOADS)
def test_a_member_that_was_told_to_end_says_nothing_new(
    rules: Rules, steps: list[tuple[Event, int]]
) -> None:
    """Whatever comes after SIGTERM, too."""
    ready = (SupervisorReady(hash_of(SECRETS[A])), 4000)
    run(rules, Record(clean=True), [ready, (Shutdown("SIGTERM"), 0), *steps])
