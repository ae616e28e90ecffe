"""A message of the core as protobuf. Free text is cut to what the other side allows."""

from typing import assert_never

from hadelect.core import messages as core
from hadelect.core.vocabulary import Arbitration, ControlleeState, Leadership, Refusal, Role
from hadelect.pb import election_pb2 as pb
from hadelect.runtime import replica_words
from hadelect.runtime.bounds import MAX_WORDS

ROLES = {role: f"ROLE_{role.name}" for role in Role}
ARBITRATIONS = {mode: f"ARBITRATION_{mode.name}" for mode in Arbitration}
CONTROLLEE_STATES = {state: f"CONTROLLEE_STATE_{state.name}" for state in ControlleeState}
REFUSALS = {refusal: f"REFUSAL_{refusal.name}" for refusal in Refusal}


def put(envelope: pb.Envelope, message: core.Message) -> None:
    """Fill the envelope's one message."""
    match message:
        case core.Hello():
            envelope.hello.CopyFrom(hello(message))
        case core.Report(said):
            envelope.report.CopyFrom(pb.Report(standing=standing(said)))
        case core.Alive():
            envelope.alive.CopyFrom(alive(message))
        case core.AliveAck(term, sent_at, lease, said):
            ack = pb.AliveAck(term=term, sent_at=sent_at, lease_ms=lease, standing=standing(said))
            envelope.alive_ack.CopyFrom(ack)
        case core.Leader(term, lease, secret_hash):
            said_leader = pb.Leader(term=term, lease_ms=lease, secret_hash=secret_hash)
            envelope.leader.CopyFrom(said_leader)
        case core.PreVote():
            envelope.pre_vote.CopyFrom(pre_vote(message))
        case core.PreVoteReply():
            envelope.pre_vote_reply.CopyFrom(pre_vote_reply(message))
        case core.SendId():
            envelope.send_id.CopyFrom(send_id(message))
        case core.Vote(term, sent_at, replica):
            held = replica_words.put(replica) if replica else None
            envelope.vote.CopyFrom(pb.Vote(term=term, sent_at=sent_at, replica=held))
        case core.Refused(term, refusal, said):
            refused = pb.Refused(term=term, refusal=REFUSALS[refusal], standing=standing(said))
            envelope.refused.CopyFrom(refused)
        case core.Withdraw(term):
            envelope.withdraw.CopyFrom(pb.Withdraw(term=term))
        case core.Resign():
            envelope.resign.CopyFrom(resign(message))
        case core.AskHandover() | core.Goodbye() | core.Probe() | core.ProbeReply():
            put_short(envelope, message)
        case _:
            assert_never(message)


def put_short(
    envelope: pb.Envelope, message: core.AskHandover | core.Goodbye | core.Probe | core.ProbeReply
) -> None:
    match message:
        case core.AskHandover(term, because):
            envelope.ask_handover.CopyFrom(pb.AskHandover(term=term, because=words(because)))
        case core.Goodbye(because):
            envelope.goodbye.CopyFrom(pb.Goodbye(because=words(because)))
        case core.Probe(term, sent_at):
            envelope.probe.CopyFrom(pb.Probe(term=term, sent_at=sent_at))
        case core.ProbeReply(sent_at, leads):
            envelope.probe_reply.CopyFrom(pb.ProbeReply(sent_at=sent_at, leads=leads))
        case _:
            assert_never(message)


def hello(message: core.Hello) -> pb.Hello:
    identity = message.identity
    return pb.Hello(
        identity=pb.Identity(
            pool=identity.pool,
            members=identity.members,
            witnesses=identity.witnesses,
            arbitration=ARBITRATIONS[identity.arbitration],
            controllee=identity.controllee,
        ),
        version=message.version,
        life=message.life,
    )


def alive(message: core.Alive) -> pb.Alive:
    return pb.Alive(
        term=message.term,
        sent_at=message.sent_at,
        lease_ms=message.lease_ms,
        secret_hash=message.secret_hash,
        standing=standing(message.standing),
    )


def pre_vote(message: core.PreVote) -> pb.PreVote:
    return pb.PreVote(
        round=message.round,
        silent=leadership(message.silent) if message.silent else None,
        proof=proof(message.proof) if message.proof else None,
        standing=standing(message.standing),
    )


def pre_vote_reply(message: core.PreVoteReply) -> pb.PreVoteReply:
    refusal = REFUSALS[message.refusal] if message.refusal else None
    said = standing(message.standing)
    return pb.PreVoteReply(round=message.round, refusal=refusal, standing=said)


def send_id(message: core.SendId) -> pb.SendId:
    return pb.SendId(
        term=message.term,
        sent_at=message.sent_at,
        lease_ms=message.lease_ms,
        secret_hash=message.secret_hash,
        proof=proof(message.proof) if message.proof else None,
    )


def resign(message: core.Resign) -> pb.Resign:
    return pb.Resign(
        proof=proof(message.proof),
        successor=message.successor or "",
        because=words(message.because),
    )


def leadership(pair: Leadership) -> pb.Leadership:
    return pb.Leadership(term=pair.term, leader=pair.leader)


def proof(shown: core.Proof) -> pb.Proof:
    return pb.Proof(term=shown.term, leader=shown.leader, secret=shown.secret)


def standing(said: core.Standing) -> pb.Standing:
    return pb.Standing(
        role=ROLES[said.role],
        term=said.term,
        leader=said.leader or "",
        leader_heard_ms=said.leader_heard_ms,
        known_term=said.known_term,
        blank=said.blank,
        mute=said.mute,
        fit=said.fit,
        unfit_because=words(said.unfit_because),
        drained=said.drained,
        hears=said.hears,
        controllee=pb.Controllee(
            name=said.controllee.name,
            state=CONTROLLEE_STATES[said.controllee.state],
            pid=said.controllee.pid,
            since=said.controllee.since,
            restarts=said.controllee.restarts,
        ),
        replica=replica_words.put(said.replica) if said.replica else None,
    )


def words(text: str) -> str:
    return text[:MAX_WORDS]
