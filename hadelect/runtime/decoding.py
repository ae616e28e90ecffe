"""Protobuf as a message of the core, or ProtocolError with what is wrong.

Law: every enum is known, every number within its bounds, every name in the list in force (a Hello
may name others: its identity is compared afterwards), every text within its length.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TypeVar

from hadelect.core import messages as core
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import (
    TERM_STRIDE,
    Arbitration,
    ControlleeState,
    Identity,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Term,
)
from hadelect.pb import election_pb2 as pb
from hadelect.runtime import replica_words
from hadelect.runtime.bounds import (
    MAX_NUMBER,
    MAX_TEXT,
    MAX_WORDS,
    ProtocolError,
    bounded,
    digits,
    text,
    words,
)

__all__ = ["MAX_NUMBER", "MAX_TEXT", "MAX_WORDS", "ProtocolError", "take", "text", "words"]

MAX_LEASE_MS = 24 * 3_600_000

Member = TypeVar("Member", Role, Arbitration, ControlleeState, Refusal)
Names = AbstractSet[Name]


def by_number(
    prefix: str, numbers: Iterable[tuple[str, int]], kind: type[Member]
) -> dict[int, Member]:
    known = {f"{prefix}_{member.name}": member for member in kind}
    return {number: known[name] for name, number in numbers if name in known}


ROLES = by_number("ROLE", pb.Role.items(), Role)
ARBITRATIONS = by_number("ARBITRATION", pb.Arbitration.items(), Arbitration)
STATES = by_number("CONTROLLEE_STATE", pb.ControlleeState.items(), ControlleeState)
REFUSALS = by_number("REFUSAL", pb.Refusal.items(), Refusal)


def take(envelope: pb.Envelope, names: Names) -> core.Message:
    """The one message of an envelope. Raises ProtocolError."""
    match envelope.WhichOneof("message"):
        case "hello":
            return hello(envelope.hello)
        case "report":
            return core.Report(standing(envelope.report, names))
        case "alive":
            return alive(envelope.alive, names)
        case "alive_ack":
            return alive_ack(envelope.alive_ack, names)
        case "leader":
            return leader(envelope.leader)
        case "pre_vote":
            return pre_vote(envelope.pre_vote, names)
        case "pre_vote_reply":
            return pre_vote_reply(envelope.pre_vote_reply, names)
        case "send_id":
            return send_id(envelope.send_id, names)
        case "vote":
            said = envelope.vote
            sent_at = millis(said.sent_at, "sent_at")
            return core.Vote(term(said.term), sent_at, replica(said))
        case "refused":
            return refused(envelope.refused, names)
        case "withdraw":
            return core.Withdraw(term(envelope.withdraw.term))
        case "resign":
            return resign(envelope.resign, names)
        case _:
            return take_short(envelope)


def take_short(envelope: pb.Envelope) -> core.Message:
    match envelope.WhichOneof("message"):
        case "ask_handover":
            asked = envelope.ask_handover
            return core.AskHandover(term(asked.term), words(asked.because, "because"))
        case "goodbye":
            return core.Goodbye(words(envelope.goodbye.because, "because"))
        case "probe":
            probe = envelope.probe
            return core.Probe(term(probe.term), millis(probe.sent_at, "sent_at"))
        case "probe_reply":
            reply = envelope.probe_reply
            return core.ProbeReply(millis(reply.sent_at, "sent_at"), term(reply.leads, "leads"))
        case _:
            raise ProtocolError("no message that this version knows")


# --- messages ---


def hello(said: pb.Hello) -> core.Hello:
    count = len(said.identity.members) + len(said.identity.witnesses)
    if count > TERM_STRIDE:
        raise ProtocolError(f"identity: {count} voters, at most {TERM_STRIDE} are allowed")
    identity = Identity(
        pool=text(said.identity.pool, "pool"),
        members=tuple(Name(text(name, "members")) for name in said.identity.members),
        witnesses=tuple(Name(text(name, "witnesses")) for name in said.identity.witnesses),
        arbitration=choice(ARBITRATIONS, said.identity.arbitration, "arbitration"),
        controllee=text(said.identity.controllee, "controllee", least=0),
    )
    return core.Hello(identity, text(said.version, "version"), text(said.life, "life"))


def alive(said: pb.Alive, names: Names) -> core.Alive:
    return core.Alive(
        term(said.term),
        millis(said.sent_at, "sent_at"),
        lease(said.lease_ms),
        digits(said.secret_hash, "secret_hash"),
        standing(said, names),
    )


def alive_ack(said: pb.AliveAck, names: Names) -> core.AliveAck:
    return core.AliveAck(
        term(said.term),
        millis(said.sent_at, "sent_at"),
        millis(said.lease_ms, "lease_ms"),
        standing(said, names),
    )


def leader(said: pb.Leader) -> core.Leader:
    return core.Leader(
        term(said.term), lease(said.lease_ms), digits(said.secret_hash, "secret_hash")
    )


def pre_vote(said: pb.PreVote, names: Names) -> core.PreVote:
    return core.PreVote(
        millis(said.round, "round"),
        leadership(said.silent, names) if said.HasField("silent") else None,
        proof(said.proof, names) if said.HasField("proof") else None,
        standing(said, names),
    )


def pre_vote_reply(said: pb.PreVoteReply, names: Names) -> core.PreVoteReply:
    refusal = choice(REFUSALS, said.refusal, "refusal") if said.refusal else None
    return core.PreVoteReply(millis(said.round, "round"), refusal, standing(said, names))


def send_id(said: pb.SendId, names: Names) -> core.SendId:
    return core.SendId(
        term(said.term),
        millis(said.sent_at, "sent_at"),
        lease(said.lease_ms),
        digits(said.secret_hash, "secret_hash"),
        proof(said.proof, names) if said.HasField("proof") else None,
    )


def refused(said: pb.Refused, names: Names) -> core.Refused:
    refusal = choice(REFUSALS, said.refusal, "refusal")
    return core.Refused(term(said.term), refusal, standing(said, names))


def resign(said: pb.Resign, names: Names) -> core.Resign:
    if not said.HasField("proof"):
        raise ProtocolError("proof: missing")
    successor = listed(said.successor, names, "successor") if said.successor else None
    return core.Resign(proof(said.proof, names), successor, words(said.because, "because"))


# --- their parts ---

Standing = pb.Report | pb.Alive | pb.AliveAck | pb.PreVote | pb.PreVoteReply | pb.Refused


def standing(within: Standing, names: Names) -> core.Standing:
    if not within.HasField("standing"):
        raise ProtocolError("standing: missing")
    said = within.standing
    if len(said.hears) > len(names):
        raise ProtocolError(f"hears: {len(said.hears)} names, there are {len(names)} voters")
    return core.Standing(
        role=choice(ROLES, said.role, "role"),
        term=term(said.term),
        leader=listed(said.leader, names, "leader") if said.leader else None,
        leader_heard_ms=millis(said.leader_heard_ms, "leader_heard_ms"),
        known_term=term(said.known_term, "known_term"),
        blank=said.blank,
        mute=said.mute,
        fit=said.fit,
        unfit_because=words(said.unfit_because, "unfit_because"),
        drained=said.drained,
        hears=tuple(listed(name, names, "hears") for name in said.hears),
        controllee=controllee(said.controllee),
        replica=replica(said),
    )


def replica(within: pb.Standing | pb.Vote) -> Replica | None:
    """Absent on members that replicate nothing, and on those of an older version."""
    return replica_words.take(within.replica) if within.HasField("replica") else None


def controllee(said: pb.Controllee) -> core.Controllee:
    return core.Controllee(
        name=text(said.name, "controllee", least=0),
        state=choice(STATES, said.state, "controllee's state"),
        pid=said.pid,
        since=text(said.since, "since", least=0),
        restarts=said.restarts,
    )


def leadership(said: pb.Leadership, names: Names) -> Leadership:
    return Leadership(term(said.term), listed(said.leader, names, "leader"))


def proof(said: pb.Proof, names: Names) -> core.Proof:
    secret = digits(said.secret, "secret")
    return core.Proof(term(said.term), listed(said.leader, names, "leader"), secret)


def term(number: int, what: str = "term") -> Term:
    return Term(bounded(number, what, MAX_NUMBER))


def millis(number: int, what: str) -> Millis:
    return Millis(bounded(number, what, MAX_NUMBER))


def lease(number: int) -> Millis:
    if number == 0:
        raise ProtocolError("lease_ms: missing")
    return Millis(bounded(number, "lease_ms", MAX_LEASE_MS))


def choice(known: dict[int, Member], number: int, what: str) -> Member:
    member = known.get(number)
    if member is None:
        raise ProtocolError(f"{what}: {number} is none that this version knows")
    return member


def listed(name: str, names: Names, what: str) -> Name:
    if Name(name) not in names:
        raise ProtocolError(f"{what}: {name[:MAX_TEXT]!r} is not in the voters' list")
    return Name(name)
