"""Words for what happens. Log, history, traces and status pages all print these, and only these."""

from typing import assert_never

from hadelect.core.effects import (
    Answer,
    Effect,
    Emit,
    Extend,
    Persist,
    Quit,
    Retitle,
    Send,
    SendDatagram,
    Start,
    Stop,
)
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
    Refused,
    Report,
    Resign,
    SendId,
    Vote,
    Withdraw,
)
from hadelect.core.vocabulary import Arbitration, Identity, Rules


def words(message: Message) -> str:
    """A message in words, without who says it to whom."""
    match message:
        case Hello(_, version, _):
            return f"hello from version {version}"
        case Report(standing):
            return f"report: {standing.role.value} term {standing.term}"
        case Alive(term):
            return f"alive, term {term}"
        case AliveAck(term):
            follows = message.standing.leader or "nobody"
            return f"heard alive of term {term}, follows {follows}"
        case Leader(term):
            return f"I am leader of term {term}"
        case PreVote():
            return "would you vote for me?"
        case PreVoteReply(_, refusal, _):
            return f"would not: {refusal.value}" if refusal else "would"
        case SendId(term):
            return f"vote for me in term {term}"
        case Vote(term):
            return f"votes in term {term}"
        case Refused(term, refusal, _):
            return f"no vote in term {term}: {refusal.value}"
        case Withdraw(term):
            return f"withdraws from term {term}"
        case Resign(proof, successor, because):
            to = f" in favour of {successor}" if successor else ""
            return f"resigns from term {proof.term}{to}: {because}"
        case AskHandover(term, because):
            return f"asks for a handover of term {term}: {because}"
        case Goodbye(because):
            return f"goodbye: {because}"
        case Probe():
            return "are you there?"
        case ProbeReply(_, leads):
            return f"here, leads term {leads}" if leads else "here, does not lead"
    assert_never(message)


def line(effect: Effect) -> str:
    """An effect in words; what people read in logs is Emit's."""
    match effect:
        case Emit():
            return change(effect)
        case Send(to, message):
            return f"tells {to}: {words(message)}"
        case SendDatagram(to, message):
            return f"asks {to} by datagram: {words(message)}"
        case Persist(record, _):
            return f"writes term {record.term}, promise to {record.promised_to or 'nobody'}"
        case Start(term, _):
            return f"starts the controllee, term {term}"
        case Extend(term, deadline):
            return f"extends term {term} to {deadline}"
        case Stop(term, kill, because):
            return f"{'kills' if kill else 'stops'} the controllee, term {term}: {because}"
        case Retitle(term, to):
            return f"its controllee of term {term} goes on as term {to}"
        case Answer(_, ok, text):
            return f"answers {'yes' if ok else 'no'}: {text}"
        case Quit(code):
            return f"ends with {code}"
    assert_never(effect)


def change(told: Emit) -> str:
    """One line for people: `LEADER (was ELECTION), term 64: why`."""
    was = f" (was {told.was.value})" if told.was and told.was is not told.role else ""
    return f"{told.role.value}{was}, term {told.term}: {told.because}"


def promise_in_words(rules: Rules) -> str:
    """Which promise holds in this pool; status, check config and the start line say it."""
    voters = len(rules.voters)
    if rules.identity.arbitration is Arbitration.NONE:
        return (
            "never two within one partition; each side of a partition leads"
            f" (arbitration none, {voters} members)"
        )
    survives = voters - rules.majority
    return (
        f"never two; a majority of {rules.majority} of {voters} must be up: survives"
        f" {survives or 'no'} failure{'' if survives == 1 else 's'} (arbitration majority)"
    )


def difference(ours: Identity, theirs: Identity) -> str:
    """What makes two members incompatible, with both values; empty = nothing."""
    pairs = (
        ("HAD_POOL", ours.pool, theirs.pool),
        ("HAD_LIST", " ".join(ours.members), " ".join(theirs.members)),
        ("HAD_WITNESS_LIST", " ".join(ours.witnesses), " ".join(theirs.witnesses)),
        ("HAD_ARBITRATION", ours.arbitration.value, theirs.arbitration.value),
        ("HAD_CONTROLLEE", ours.controllee, theirs.controllee),
    )
    return "; ".join(
        f"{name} is '{own}' here and '{other}' there" for name, own, other in pairs if own != other
    )
