"""Words for what happens. Log, history, traces and status pages all print these, and only these."""

from typing import assert_never

from hadelect.core.effects import (
    Answer,
    Cancel,
    Effect,
    Emit,
    End,
    Extend,
    Persist,
    Quit,
    Retitle,
    Run,
    Send,
    SendDatagram,
    Start,
    Stop,
)
from hadelect.core.events import (
    Command,
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
from hadelect.core.reasons import Reason, Topic
from hadelect.core.vocabulary import Arbitration, Cause, Identity, Refusal, Rules


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


def happening(event: Event) -> str:
    """What a member was told, in words."""
    match event:
        case Tick(due):
            return f"time: its tick of {due} ms"
        case Received(sender, message):
            return f"hears {sender}: {words(message)}"
        case PeerRefused(sender, because):
            return f"refuses {sender}: {because}"
        case Released(proof):
            return f"death notice of {proof.leader}, term {proof.term}"
        case SupervisorReady():
            return "its supervisor is ready"
        case LeftoverStuck(because):
            return f"an earlier life is left: {because}"
        case ControlleeChanged(term, state):
            why = f": {event.because}" if event.because else ""
            return f"its controllee of term {term} is {state.value}{why}"
        case Ran(number, outcome, because):
            return f"errand {number} is {outcome.value}: {because}"
        case ReplicaChanged(replica):
            return f"its copy of the state is {replica.version}: {replica.problem or 'well'}"
        case ReplicationSaid(because):
            return f"its replication daemon says: {because}"
        case Persisted(serial):
            return f"record {serial} is on disk"
        case PersistFailed(serial, because):
            return f"record {serial} was not written: {because}"
        case Handover() | Drain() | Shutdown():
            return f"command: {asked(event)}: {event.because}"
        case Reloaded(_, because):
            return f"its configuration was read again: {because}"
    assert_never(event)


def asked(command: Command) -> str:
    """An operator's command, without its reason."""
    match command:
        case Handover(_, to):
            return f"handover{f' to {to}' if to else ''}"
        case Drain(_, drained):
            return "drain" if drained else "undrain"
        case Shutdown():
            return "shutdown"
    assert_never(command)


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
        case End(term, because):
            return f"ends the controllee, term {term} goes on: {because}"
        case Run(_, errand):
            return f"runs {errand.value}"
        case Cancel(number):
            return f"kills its errand {number}"
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


# --- explanations ---

REASONS: dict[Topic, str] = {
    Topic.LEADS: "{member} leads term {term} since {since_seconds:.0f} s: {cause}",
    Topic.FOLLOWS: "{member} does not lead: {leader} leads term {term}, heard"
    " {silence_seconds:.1f} s ago",
    Topic.FOLLOWS_HEARSAY: "{member} does not lead: others hear {leader} lead term {term}",
    Topic.STANDS: "{member} stands for leader: {because}",
    Topic.NO_LEADER: "{member} does not lead, nor does anybody that it hears",
    Topic.STARTING: "{member} does not lead: it does not take part yet (PRE)",
    Topic.HEARSAY: "{member} did not answer; {told_by} heard it {silence_seconds:.1f} s ago:"
    " {role}, term {term}",
    Topic.NEVER_HEARD: "{member} did not answer, and {told_by} has not heard it since it started",
    Topic.UNFIT: "{because}",
    Topic.DRAINED: "drained by an operator",
    Topic.ENDING: "shutting down",
    Topic.OWN_TREE: "its own controllee is not verified dead yet",
    Topic.MUTE: "mute: it lost its memory and may have promised silence to a leader",
    Topic.DISK_BEHIND: "its disk has not taken its last promise yet",
    Topic.PROMISED: "promised silence to {leader} (term {term})",
    Topic.TERMS_UNKNOWN: "it lost its memory and has not yet learned the others' terms",
    Topic.TERMS_SPENT: "no term above {term} is left; stop all members, remove election.record from"
    " each HAD_STATE_DIR, wait one lease and start them",
    Topic.JUST_STARTED: "it has just started and not heard {unheard} yet",
    Topic.LEADER_LIVES: "{leader} counts as alive; after {lease_seconds:g} s of silence it is"
    " suspected",
    Topic.PATIENCE_EXTENDED: "it was not scheduled for {stall_seconds:.1f} s and waits so much"
    " longer: busy is not dead",
    Topic.TURN: "more senior members that could lead go first: {members}",
    Topic.STANDS_AT: "it stands, or looks again: {because}",
    Topic.PROBES: "asks the silent {leader} once more, question {count} of {of}",
    Topic.FENCES: "waits for HAD_FENCE_COMMAND to fence the silent {leader}",
    Topic.ASKS: "asks all whether they would vote for it",
    Topic.ASKS_FOR_VOTES: "asks for votes in term {term}",
    Topic.OWN_VOTE_UNWRITTEN: "its own vote is not on its disk yet",
    Topic.GRANTS: "has {count} of {needed} grants: {members}",
    Topic.REFUSAL: "{peer} refuses: {refusal}",
    Topic.MAJORITY_MISSING: "hears {count} of {voters} voters, itself included: too few, {needed}"
    " must agree",
    Topic.MAJORITY: "hears {count} of {voters} voters, itself included; {needed} must agree",
    Topic.ALL_REACHED: "arbitration none: all that it hears must agree: {members}",
    Topic.PEER_SILENT: "{peer} is unreachable: no word for {silence_seconds:.1f} s",
    Topic.PEER_NEVER_HEARD: "{peer} is unreachable: not heard since this member started",
    Topic.PEER_GONE: "{peer} is gone: it left on purpose, or its supervisor said that it is dead",
    Topic.PEER_REFUSED: "refuses {peer}: {because}",
    Topic.PEER_HEARS_LEADER: "{peer} follows {leader} (term {term}) and votes for nobody else",
    Topic.PEER_COULD_NOT_LEAD: "{peer} could not lead: {because}",
    Topic.TWO_LEADERS: "{count} members say that they lead: {members}",
    Topic.AUTHORITY: "its right to lead ends unless it is renewed; its controllee gets SIGKILL"
    " {margin_seconds:g} s before",
    Topic.ACKS: "acked within the last lease by {members}: {count} with itself, {needed} needed",
    Topic.CONTROLLEE: "{name} is {state}, {restarts} local restarts",
    Topic.CONTROLLEE_ENDS: "{name} ended {count} times within {window_seconds:g} s; at {limit} this"
    " member is unfit",
    Topic.RESTARTS_AT: "{name} is started again here",
    Topic.STOP_FAILED: "stop_failed: {name} cannot be killed; nobody starts before it is dead",
    Topic.LEAVING: "is leaving in favour of {successor}: {because}",
    Topic.HIGHER_TERM: "takes term {term} once it is on disk; the controllee is not touched",
    Topic.SUCCESSOR: "if it fails, {successor} takes over: the most senior that could",
    Topic.NO_SUCCESSOR: "if it fails, nobody could take over",
    Topic.STATE: "its copy of the state is {version}, {lag_seconds:.1f} s behind",
    Topic.STATE_NONE: "it has no copy of the state yet",
    Topic.STATE_PROBLEM: "its state goes nowhere: {because}",
    Topic.STATE_AWAITED: "{name} does not start yet: {because}",
    Topic.STATE_FLUSHED: "its last state is on its way to {to} before it resigns",
    Topic.PEER_STATE_BEHIND: "{peer}'s copy of the state is {behind}",
    Topic.WITNESS: "a witness votes and never leads",
    Topic.PRIORITY: "priority {priority}: entry {entry} of {entries} in HAD_LIST",
    Topic.PRIMARY_ASKS: "it is the primary: it asks {leader} for its place",
    Topic.PRIMARY_SPARES: "a reload made it the primary while {leader} led, whom it leaves there",
    Topic.PRIMARY_ELSEWHERE: "{primary} is the primary: it leads whenever it is alive and fit",
    Topic.NO_FAILBACK: "more senior than {leader}, but without HAD_USE_PRIMARY nothing moves back",
    Topic.WOULD_LEAD: "it would lead after {leader} fell silent, died or resigned; now:"
    " `hadelect handover --to {member}`",
    Topic.WOULD_LEAD_THEN: "it may lead once this is over: {because}",
}


def because(told: Reason) -> str:
    """A reason in words, without how much longer it holds."""
    return REASONS[told.topic].format(**dict(told.facts))


def explained(told: Reason) -> str:
    """A line of an explanation."""
    left = dict(told.facts).get("left_seconds")
    return because(told) + ("" if left is None else f" ({left:.1f} s left)")


CAUSES: dict[Cause, str] = {
    Cause.BOOT: "it started",
    Cause.COLD_START: "no leader was known",
    Cause.SILENCE: "released by time, the old leader's lease ran out",
    Cause.NOTICE: "released by proof, the old leader's death notice",
    Cause.RESIGN: "released by proof, the old leader resigned",
    Cause.HANDOVER: "planned by an operator",
    Cause.PRIMARY: "the primary took its place",
    Cause.SHUTDOWN: "a clean stop",
    Cause.UNFIT: "the member was unfit",
    Cause.LOST_AUTHORITY: "its authority ran out",
    Cause.SPLIT_BRAIN: "two leaders met",
    Cause.LOST_ELECTION: "it did not win",
    Cause.FOLLOWS: "a leader was heard",
    Cause.WON: "it won",
    Cause.RESTART: "a local restart of the controllee",
}

REFUSALS: dict[Refusal, str] = {
    Refusal.LEADER_ALIVE: "it hears a live leader",
    Refusal.HIGHER_PRIORITY: "it is senior and could lead itself; it objects once",
    Refusal.PROMISED: "it owes silence to another member, or its own controllee is not dead yet",
    Refusal.OLD_TERM: "it knows a higher term",
    Refusal.MUTE: "it is mute: it lost its memory, or is starting",
    Refusal.BLANK: "it lost its memory and has not learned the others' terms",
    Refusal.NO_STORE: "its state directory does not take writes",
    Refusal.NOT_A_MEMBER: "it does not have this member in its HAD_LIST",
    Refusal.INCOMPATIBLE: "it is not compatible",
}
