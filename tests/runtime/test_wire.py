"""The wire: every message survives the journey, nothing else gets through."""

import dataclasses
import typing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadelect.core import messages as core
from hadelect.core.versions import Replica, Version
from hadelect.core.vocabulary import Arbitration, Identity, Leadership, Millis, Name, Term
from hadelect.pb import election_pb2 as pb
from hadelect.pb import replication_pb2
from hadelect.runtime.wire import ProtocolError, Wire

NAMES = tuple(Name(f"cm{number}:51450") for number in (1, 2, 3))
IDENTITY = Identity("pool", NAMES[:2], NAMES[2:], Arbitration.MAJORITY, "NEGOTIATOR")
OURS = Wire(NAMES[0], IDENTITY, "c0ffee")
THEIRS = Wire(NAMES[1], IDENTITY, "c0ffee")

printable = st.text(st.characters(exclude_categories=("C", "Z")), max_size=40)
named = st.sampled_from(NAMES)
secret = st.one_of(st.just(""), st.text("0123456789abcdef", min_size=64, max_size=64))
number = st.integers(0, 2**53)
controllees = st.builds(
    core.Controllee,
    name=printable,
    pid=st.integers(0, 2**31),
    since=printable,
    restarts=st.integers(0, 2**31),
)
versions = st.builds(
    Version,
    term=number,
    sequence=st.integers(1, 2**53),
    digest=st.text("0123456789abcdef", min_size=64, max_size=64),
)
replicas = st.none() | st.builds(
    Replica,
    version=st.none() | versions,
    known=st.none() | versions,
    ready=st.booleans(),
    lag_ms=number,
    problem=printable,
)
standings = st.builds(
    core.Standing,
    term=number,
    leader=st.none() | named,
    leader_heard_ms=number,
    known_term=number,
    unfit_because=printable,
    hears=st.lists(named, unique=True).map(tuple),
    controllee=controllees,
    replica=replicas,
)
proofs = st.builds(core.Proof, term=number, leader=named, secret=secret)
FIELDS: dict[str, st.SearchStrategy[typing.Any]] = {
    "standing": standings,
    "replica": replicas,
    "term": number,
    "sent_at": number,
    "round": number,
    "leads": number,
    "lease_ms": st.integers(1, 86_400_000),
    "secret_hash": secret,
    "because": printable,
    "proof": proofs,
    "silent": st.none() | st.builds(Leadership, term=number, leader=named),
    "successor": st.none() | named,
    "version": st.just("0.1.0"),
    "life": st.just("5e1f"),
    "identity": st.builds(
        Identity,
        pool=st.just("pool"),
        members=st.lists(st.sampled_from(["a:1", "b:2"]), unique=True).map(tuple),
        witnesses=st.just(()),
        controllee=printable,
    ),
}


def any_of(kind: type[core.Message]) -> st.SearchStrategy[core.Message]:
    """Messages of one kind; `proof` may be missing where the type says so."""
    fields = dataclasses.fields(kind)
    chosen = {field.name: FIELDS[field.name] for field in fields if field.name in FIELDS}
    if kind in (core.PreVote, core.SendId):
        chosen["proof"] = st.none() | proofs
    return st.builds(kind, **chosen)


KINDS = typing.get_args(core.Message)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_message_survives_the_journey(kind: type[core.Message], data: st.DataObject) -> None:
    """What one member says is what the other hears, and who said it."""
    message = data.draw(any_of(kind))
    opened = THEIRS.decode(OURS.encode(message))
    assert opened.message == message
    assert (opened.sender, opened.pool, opened.config_digest) == (NAMES[0], "pool", "c0ffee")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_refused_with_a_reason(noise: bytes) -> None:
    """Random bytes are a ProtocolError, never another exception."""
    with pytest.raises(ProtocolError, match=r"\w"):
        OURS.decode(noise)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_message_is_refused_or_still_a_message(data: st.DataObject) -> None:
    """One flipped byte gives a ProtocolError or a well-formed message, nothing in between."""
    kind = data.draw(st.sampled_from(KINDS))
    encoded = bytearray(OURS.encode(data.draw(any_of(kind))))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        opened = THEIRS.decode(bytes(encoded))
    except ProtocolError:
        return
    assert isinstance(opened.message, KINDS)


def envelope(**message: typing.Any) -> bytes:
    """An envelope of a member of the pool around any message."""
    return pb.Envelope(
        pool="pool", sender=NAMES[1], protocol=1, identity_digest=OURS.digest, **message
    ).SerializeToString()


STANDING = pb.Standing(
    role=pb.ROLE_PASSIVE, controllee=pb.Controllee(state=pb.CONTROLLEE_STATE_STOPPED)
)


def claim(**fields: typing.Any) -> replication_pb2.Replica:
    """Of a version that is right but for these fields."""
    right = {"term": 1, "sequence": 1, "digest": "0" * 64}
    return replication_pb2.Replica(version=replication_pb2.Version(**{**right, **fields}))


late = replication_pb2.Replica(lag_ms=2**60)
wordy = replication_pb2.Replica(problem="x" * 3000)


def changed(**fields: typing.Any) -> pb.Standing:
    copy = pb.Standing(hears=fields.pop("hears", ()), replica=fields.pop("replica", None))
    copy.MergeFrom(STANDING)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy


@pytest.mark.parametrize(
    "message, reason",
    [
        ({}, "no message"),
        ({"report": pb.Report()}, "standing: missing"),
        ({"report": pb.Report(standing=changed(role=99))}, "role: 99"),
        ({"report": pb.Report(standing=changed(role=0))}, "role: 0"),
        ({"report": pb.Report(standing=changed(leader="stranger:1"))}, "leader: 'stranger:1'"),
        ({"report": pb.Report(standing=changed(hears=["x"]))}, "hears: 'x'"),
        ({"report": pb.Report(standing=changed(hears=[NAMES[0]] * 9))}, "hears: 9 names"),
        ({"report": pb.Report(standing=changed(unfit_because="x" * 3000))}, "unfit_because: 3000"),
        ({"vote": pb.Vote(term=2**64 - 1)}, "term: "),
        ({"vote": pb.Vote(term=1, replica=claim(term=2**60))}, "term of a version: "),
        ({"vote": pb.Vote(term=1, replica=claim(sequence=2**60))}, "sequence of a version: "),
        ({"vote": pb.Vote(term=1, replica=claim(sequence=0))}, "sequence and digest are needed"),
        ({"vote": pb.Vote(term=1, replica=claim(digest=""))}, "sequence and digest are needed"),
        ({"vote": pb.Vote(term=1, replica=claim(digest="x" * 64))}, "digest of a version: 64"),
        ({"report": pb.Report(standing=changed(replica=late))}, "lag_ms: "),
        ({"report": pb.Report(standing=changed(replica=wordy))}, "problem: 3000"),
        ({"leader": pb.Leader(term=1)}, "lease_ms: missing"),
        ({"leader": pb.Leader(term=1, lease_ms=2**40)}, "lease_ms: "),
        ({"leader": pb.Leader(term=1, lease_ms=1, secret_hash="xyz")}, "secret_hash: 64"),
        ({"resign": pb.Resign()}, "proof: missing"),
        ({"refused": pb.Refused(term=1, standing=STANDING)}, "refusal: 0"),
        ({"hello": pb.Hello()}, "pool: 0 characters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(message: dict[str, typing.Any], reason: str) -> None:
    """Enums, numbers, names, lengths and missing parts are refused by name."""
    with pytest.raises(ProtocolError, match=reason):
        OURS.decode(envelope(**message))


def test_a_stranger_is_refused() -> None:
    """A message of somebody who is not in the voters' list does not reach the core."""
    stranger = Wire(Name("cm9:1"), IDENTITY, "")
    with pytest.raises(ProtocolError, match="not in HAD_LIST"):
        OURS.decode(stranger.encode(core.Withdraw(Term(1))))


def test_another_identity_is_heard_through_hello_only() -> None:
    """A member with another list may introduce itself, and nothing else."""
    other = dataclasses.replace(IDENTITY, controllee="SCHEDD")
    theirs = Wire(NAMES[1], other, "")
    hello = core.Hello(other, "1", "2")
    assert OURS.decode(theirs.encode(hello)).message == hello
    with pytest.raises(ProtocolError, match="another identity"):
        OURS.decode(theirs.encode(core.Vote(Term(1), Millis(1))))


def test_an_oversized_message_is_refused() -> None:
    """What is longer than any message of ours is not even parsed."""
    with pytest.raises(ProtocolError, match="at most"):
        OURS.decode(b"\0" * 70_000)


def test_words_cannot_forge_a_log_line() -> None:
    """Line breaks in a peer's reason arrive as escapes."""
    opened = OURS.decode(THEIRS.encode(core.Goodbye("bye\nLEADER term 9")))
    assert opened.message == core.Goodbye("bye\\nLEADER term 9")
