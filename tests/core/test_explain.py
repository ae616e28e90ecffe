"""Why a member is or is not leader: every line is a fact of its state at that moment."""

from dataclasses import replace

import pytest

from hadelect.core.events import (
    ControlleeChanged,
    Drain,
    Handover,
    LeftoverStuck,
    PeerRefused,
    Persisted,
    Received,
    Released,
    Shutdown,
    Tick,
)
from hadelect.core.explain import explain, explain_peer
from hadelect.core.messages import (
    Goodbye,
    PreVoteReply,
    Refused,
    Report,
    SendId,
)
from hadelect.core.reasons import Reason, Topic
from hadelect.core.render import CAUSES, REASONS, REFUSALS, explained
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    ControlleeState,
    Millis,
    Name,
    Refusal,
    Role,
    Term,
)
from tests.core.member import (
    A,
    B,
    C,
    D,
    Member,
    ack,
    hash_of,
    leader_of,
    proof_of,
    rules_of,
    say_alive,
    standing,
)

MOVE = "`hadelect handover --to cm2:51450`"


def reasons(member: Member) -> tuple[Reason, ...]:
    return explain(member.rules, member.state, member.now)


def lines(member: Member) -> list[str]:
    """As they are read: `!` holds back."""
    return [f"{'! ' if told.holds_back else ''}{explained(told)}" for told in reasons(member)]


def topics(member: Member) -> set[Topic]:
    return {told.topic for told in reasons(member)}


def of_peer(member: Member, name: Name) -> list[str]:
    told = explain_peer(member.rules, member.state, name, member.now)
    return [f"{'! ' if line.holds_back else ''}{explained(line)}" for line in told]


def runs(member: Member) -> None:
    running = ControlleeState.RUNNING
    member.feed(ControlleeChanged(member.state.term, running, pid=4711))


def follower(me: Name = B, **options: object) -> Member:
    """Follows cm1, which it heard 400 ms ago."""
    member = Member(rules_of(me, **options))  # type: ignore[arg-type]
    member.hear(C, Report(standing()))
    member.follow(A, 64)
    member.wait(400)
    return member


def test_every_topic_cause_and_refusal_has_words() -> None:
    """No key without words: the maps are whole."""
    assert set(REASONS) == set(Topic)
    assert set(CAUSES) == set(Cause)
    assert set(REFUSALS) == set(Refusal)


def test_a_healthy_follower() -> None:
    """Who leads, what would have to happen, and when silence would count."""
    assert lines(follower()) == [
        "cm2:51450 does not lead: cm1:51450 leads term 64, heard 0.4 s ago",
        "! cm1:51450 counts as alive; after 3 s of silence it is suspected (2.6 s left)",
        "! promised silence to cm1:51450 (term 64) (2.6 s left)",
        "hears 3 of 3 voters, itself included; 2 must agree",
        "it would lead after cm1:51450 fell silent, died or resigned; now: " + MOVE,
        "priority 1: entry 2 of 3 in HAD_LIST",
    ]


def test_a_healthy_leader() -> None:
    """Since when and why, by whose acks, for how long, what runs, and who comes next."""
    member = leader_of(rules_of(), B, C)
    runs(member)
    member.wait(1000)
    ack(member, B)
    ack(member, C)
    said = lines(member)
    assert said[0] == "cm1:51450 leads term 64 since 1 s: no leader was known"
    assert "NEGOTIATOR is running, 0 local restarts" in said
    assert "acked within the last lease by cm2:51450, cm3:51450: 3 with itself, 2 needed" in said
    assert "if it fails, cm2:51450 takes over: the most senior that could" in said
    assert any("SIGKILL 0.5 s before (3.0 s left)" in line for line in said)
    assert not any(line.startswith("!") for line in said)


def test_a_leader_whose_failover_is_held_back() -> None:
    """Nobody fit, too few voters: each is said, first."""
    member = leader_of(rules_of(), B, C)
    unfit = standing(fit=False, unfit_because="the state directory does not take writes")
    member.wait(2000)
    ack(member, B)
    member.hear(B, Report(unfit))
    member.wait(1500)
    said = lines(member)
    assert said[1:3] == [
        "! if it fails, nobody could take over",
        "! hears 2 of 3 voters, itself included: too few, 2 must agree",
    ]
    assert "NEGOTIATOR is starting, 0 local restarts" in said
    assert "cm2:51450 could not lead: the state directory does not take writes" in said
    assert "cm3:51450 is unreachable: no word for 3.5 s" in said


def test_a_leader_with_trouble_of_its_own() -> None:
    """Local restarts, stop_failed, leaving, a higher term: none of it is hidden."""
    member = leader_of(rules_of(A, Arbitration.NONE), B, C)
    runs(member)
    stopped = ControlleeChanged(member.state.term, ControlleeState.STOPPED, because="exit code 1")
    member.feed(stopped)
    member.wait(1)
    member.feed(stopped)
    said = lines(member)
    assert "NEGOTIATOR is started again here (0.2 s left)" in said
    assert any(line.startswith("NEGOTIATOR ended 2 times within 300 s; at 3") for line in said)
    assert Topic.ACKS not in topics(member)  # Arbitration none counts none.
    higher = standing(leader=A, term=member.state.term, known_term=Term(640))
    ack(member, B, known_term=higher.known_term)
    assert Topic.HIGHER_TERM in topics(member)
    runs(member)
    member.feed(Handover(1, B, "kernel"))
    assert "! is leaving in favour of cm2:51450: kernel" in lines(member)
    member.state = replace(member.state, leaving=replace(member.state.leaving, successor=None))  # type: ignore[type-var]
    assert "! is leaving in favour of whoever is fit: kernel" in lines(member)
    stuck = ControlleeChanged(member.state.term, ControlleeState.STOP_FAILED, because="state D")
    member.feed(stuck)
    assert "stop_failed: NEGOTIATOR cannot be killed" in lines(member)[1]


def test_two_leaders_are_the_first_thing_that_is_said() -> None:
    """By a leader, by a follower, by a witness."""
    member = leader_of(rules_of(A, Arbitration.NONE), B, C)
    member.hear(B, Report(standing(Role.LEADER, leader=B, term=Term(65), hears=(A,))))
    assert lines(member)[1] == "! 2 members say that they lead: cm1:51450, cm2:51450"
    other = follower(C)
    other.hear(B, Report(standing(Role.LEADER, leader=B, term=Term(65))))
    assert Topic.TWO_LEADERS in topics(other)


def test_a_member_that_starts() -> None:
    """PRE: not ready, or something of an earlier life is left."""
    member = Member(rules_of(B), ready=False)
    assert lines(member)[:2] == [
        "cm2:51450 does not lead: it does not take part yet (PRE)",
        "! not ready yet",
    ]
    member.feed(LeftoverStuck("pid 99 does not die"))
    assert "! stop_failed: pid 99 does not die" in lines(member)
    assert "it may lead once this is over: stop_failed: pid 99 does not die" in lines(member)


def test_a_member_without_memory_in_mode_none() -> None:
    """Mute and until when, whose terms it misses, whom it has not heard since it started."""
    member = Member(rules_of(B, Arbitration.NONE), found=None)
    said = lines(member)
    assert said[0] == "cm2:51450 does not lead, nor does anybody that it hears"
    assert (
        "! mute: it lost its memory and may have promised silence to a leader (3.0 s left)" in said
    )
    assert "! it has just started and not heard cm1:51450, cm3:51450 yet (3.0 s left)" in said
    assert "arbitration none: all that it hears must agree: nobody" in said
    assert "cm1:51450 is unreachable: not heard since this member started" in said
    blank = Member(rules_of(B), found=None)
    assert "! it lost its memory and has not yet learned the others' terms" in lines(blank)


def test_a_drained_member_that_ends() -> None:
    """What an operator did is named; so is the end."""
    member = follower()
    member.feed(Drain(1, drained=True, because="disk swap"))
    assert "! drained by an operator" in lines(member)
    assert "it may lead once this is over: drained by an operator" in lines(member)
    member.feed(Shutdown("clean stop"))
    assert "! shutting down" in lines(member)


def test_an_unfit_member_says_how_much_longer() -> None:
    """The cooldown that is left; a tree that is not verified dead; a disk that is behind."""
    member = leader_of(rules_of(), B, C)
    exec_failed = ControlleeChanged(
        member.state.term,
        ControlleeState.STOPPED,
        because="no such file",
        exec_failed=True,
    )
    member.feed(exec_failed)
    term = member.state.term
    member.feed(ControlleeChanged(term, ControlleeState.STOPPED, asked=True, next_secret_hash="x"))
    assert member.state.role is Role.PASSIVE
    assert "! no such file (360.0 s left)" in lines(member)
    member.state = replace(
        member.state,
        controllee=replace(member.state.controllee, state=ControlleeState.STOPPING),
        promise_serial=99,
    )
    assert "! its own controllee is not verified dead yet" in lines(member)
    assert "! its disk has not taken its last promise yet" in lines(member)


def test_silence_the_turn_and_the_questions() -> None:
    """Seniors first, then probes, pre-vote, votes: grants, refusals and their reasons."""
    member = follower(C)
    member.hear(B, Report(standing()))
    assert "more senior members that could lead go first: cm2:51450" in lines(member)
    member.wait(2600)
    member.hear(B, Report(standing(leader=A, term=Term(64), leader_heard_ms=Millis(5000))))
    while member.state.role is Role.PASSIVE:
        assert member.state.stand_at is None or Topic.STANDS_AT in topics(member)
        member.wait(10)
    assert lines(member)[0].startswith("cm3:51450 stands for leader: no Alive from cm1:51450")
    assert "asks the silent cm1:51450 once more, question 1 of 3" in lines(member)
    member.wait(150)
    assert "asks all whether they would vote for it" in lines(member)
    assert "! has 1 of 2 grants: cm3:51450" in lines(member)
    assert "! cm2:51450 follows cm1:51450 (term 64) and votes for nobody else" in lines(member)
    candidacy = member.state.candidacy
    assert candidacy is not None
    member.hear(B, PreVoteReply(candidacy.since, None, standing()))
    said = lines(member)
    assert f"asks for votes in term {member.state.candidacy.term}" in said  # type: ignore[union-attr]
    assert "! its own vote is not on its disk yet" in said
    assert "! has 0 of 2 grants: nobody" in said
    member.feed(Persisted(member.state.record.serial))
    term = member.state.candidacy.term  # type: ignore[union-attr]
    member.hear(B, Refused(term, Refusal.MUTE, standing(mute=True)))
    assert "! cm2:51450 refuses: it is mute: it lost its memory, or is starting" in lines(member)
    assert any("cm2:51450 could not lead: mute" in line for line in lines(member))
    assert Topic.OWN_VOTE_UNWRITTEN not in topics(member)


def test_a_candidate_in_mode_none_needs_all_it_hears() -> None:
    """The number needed is that of those it reaches, and it."""
    member = Member(rules_of(A, Arbitration.NONE))
    member.hear(B, Report(standing()))
    member.wait(3100)
    member.hear(B, Report(standing()))
    while member.state.role is not Role.ELECTION:
        member.wait(10)
    assert "! has 1 of 2 grants: cm1:51450" in lines(member)
    member.state = replace(member.state, candidacy=None)  # Between two phases.
    assert lines(member)[0] == "cm1:51450 stands for leader: "


def test_enough_grants_hold_nothing_back() -> None:
    """Only an objection keeps the round open: the grants are no hindrance."""
    member = Member(rules_of(B))
    member.hear(A, Report(standing()))
    member.hear(C, Report(standing()))
    member.wait(3400)
    while member.state.role is not Role.ELECTION:
        member.wait(10)
    candidacy = member.state.candidacy
    assert candidacy is not None
    member.hear(A, PreVoteReply(candidacy.since, Refusal.HIGHER_PRIORITY, standing()))
    member.hear(C, PreVoteReply(candidacy.since, None, standing()))
    assert "has 2 of 2 grants: cm2:51450, cm3:51450" in lines(member)
    assert any("objects once" in line for line in lines(member))


def test_no_majority() -> None:
    """A minority says that it is one, how many it hears and how many must agree."""
    member = Member(rules_of(B))
    member.wait(5000)
    assert "! hears 1 of 3 voters, itself included: too few, 2 must agree" in lines(member)


def test_a_leader_that_only_others_hear() -> None:
    """A chain: the leader is known by hearsay."""
    member = Member(rules_of(C))
    heard = standing(leader=A, term=Term(64), leader_heard_ms=Millis(100))
    member.wait(1000)
    member.hear(B, Report(heard))
    assert lines(member)[0] == "cm3:51450 does not lead: others hear cm1:51450 lead term 64"


def test_a_busy_member_says_that_it_waits_longer() -> None:
    """Busy is not dead, and visible."""
    member = follower()
    member.wait(2000)
    member.feed(Tick(Millis(member.now - 300)))
    assert any(line.startswith("it was not scheduled for") for line in lines(member))


def test_a_vote_holds_back_until_its_time() -> None:
    """Who voted for a candidate that never won says to whom it owes silence, and how long."""
    member = follower(C)
    member.hear(B, Report(standing()))
    member.feed(Released(proof_of(A, 64)))
    ask = SendId(Term(65), Millis(5), Millis(3000), hash_of("x"), None)
    member.hear(B, ask)
    member.feed(Persisted(member.state.record.serial))
    assert any(
        line.startswith("! promised silence to cm2:51450 (term 65)") for line in lines(member)
    )
    assert any("it may lead once this is over: promised" in line for line in lines(member))


def test_the_peers() -> None:
    """Gone, refused, never heard, silent: each with its own words."""
    member = follower(C, members=(A, B, C, D))
    member.hear(B, Goodbye("clean stop"))
    member.feed(PeerRefused(D, "HAD_POOL is 'x' here and 'y' there"))
    said = lines(member)
    assert any(line.startswith("cm2:51450 is gone") for line in said)
    assert "refuses cm4:51450: HAD_POOL is 'x' here and 'y' there" in said
    quiet = standing(drained=True)
    member.feed(Received(B, Report(quiet)))
    assert "cm2:51450 could not lead: drained by an operator" in lines(member)
    member.feed(Received(B, Report(standing(fit=False))))
    assert "cm2:51450 could not lead: it is not fit" in lines(member)
    nothing = replace(member.state.peer(B), standing=None)
    member.state = member.state.with_peer(nothing)
    assert not any("cm2" in line for line in lines(member))  # Reached; nothing known of it.


def test_the_primary() -> None:
    """When it asks for its place; the others name it; without one nothing moves back."""
    rules = replace(rules_of(A), use_primary=True, preempt_delay_ms=Millis(5000))
    primary = Member(rules)
    primary.follow(B, 65)
    primary.wait(500)
    asks = "it is the primary: it asks cm2:51450 for its place"
    assert any(line.startswith(asks) for line in lines(primary))
    other = Member(replace(rules_of(C), use_primary=True))
    other.follow(B, 65)
    words = "cm1:51450 is the primary: it leads whenever it is alive and fit"
    assert words in lines(other)
    waits = Member(rules)
    waits.follow(B, 65)
    waits.state = replace(waits.state, ask_at=None)
    assert Topic.PRIMARY_ASKS not in topics(waits)
    senior = Member(rules_of(A))
    senior.follow(B, 65)
    words = "more senior than cm2:51450, but without HAD_USE_PRIMARY nothing moves back"
    assert words in lines(senior)


def test_a_witness() -> None:
    """It votes and never leads; it knows the pool all the same."""
    member = Member(rules_of(D, witnesses=(D,)))
    member.follow(A, 64)
    assert lines(member)[1] == "! a witness votes and never leads"
    assert Topic.PRIORITY not in topics(member)
    knows = follower(B, witnesses=(D,))
    knows.hear(D, Report(standing(fit=False, unfit_because="a witness never leads")))
    assert Topic.PEER_COULD_NOT_LEAD not in topics(knows)
    assert of_peer(follower(B, witnesses=(D,)), D)[:3] == [
        "cm4:51450 did not answer, and cm2:51450 has not heard it since it started",
        "! cm4:51450 is unreachable: not heard since this member started",
        "! a witness votes and never leads",
    ]


@pytest.mark.parametrize("leads", [True, False])
def test_a_peer_that_does_not_answer(leads: bool) -> None:
    """What is known of it, by whom, how old that is, and who leads instead."""
    member = leader_of(rules_of(), B, C) if leads else follower()
    member.hear(C, Report(standing(fit=False, unfit_because="disk full")))
    member.wait(200)
    said = of_peer(member, C)
    me = member.rules.me
    assert said[0] == f"cm3:51450 did not answer; {me} heard it 0.2 s ago: PASSIVE, term 0"
    assert said[1] == "! cm3:51450 could not lead: disk full"
    assert said[2].startswith("cm3:51450 does not lead: cm1:51450 leads term 64")


def test_a_silent_leader_as_its_follower_knows_it() -> None:
    """Unreachable holds back; it is not said to follow itself."""
    member = follower()
    member.wait(9000)
    said = of_peer(member, A)
    assert said[0].startswith("cm1:51450 did not answer; cm2:51450 heard it 9.4 s ago: LEADER")
    assert said[1:] == ["! cm1:51450 is unreachable: no word for 9.4 s"]


def test_a_leader_seen_by_hearsay_peers() -> None:
    """A peer that says it leads is no peer that follows another."""
    member = follower(C)
    member.hear(B, say_alive(B, 1))
    assert Topic.PEER_HEARS_LEADER not in topics(member)
