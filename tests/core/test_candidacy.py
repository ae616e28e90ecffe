"""Silence, turn, probe, pre-vote, vote: how a member comes to lead, and what holds it back."""

import pytest

from hadelect.core.effects import Persist, Record, SendDatagram, Start
from hadelect.core.events import (
    ControlleeChanged,
    Persisted,
    PersistFailed,
    Released,
    SupervisorReady,
    Tick,
)
from hadelect.core.frozen import replace
from hadelect.core.messages import (
    AliveAck,
    Goodbye,
    Leader,
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
from hadelect.core.state import Phase
from hadelect.core.views import active_promise, obstacle, reached, unfit_because
from hadelect.core.vocabulary import (
    Arbitration,
    ControlleeState,
    Leadership,
    Millis,
    Name,
    Refusal,
    Role,
    Term,
)
from tests.core.member import (
    LISTEN,
    SECRETS,
    A,
    B,
    C,
    Member,
    hash_of,
    leader_of,
    of,
    proof_of,
    reasons,
    rules_of,
    sent,
    standing,
)

NONE = Arbitration.NONE


def follower(arbitration: Arbitration = Arbitration.MAJORITY, me: Name = B) -> Member:
    """Follows A, hears the others; its record is durable."""
    member = Member(rules_of(me, arbitration))
    for peer in (B, C):
        if peer != me:
            member.hear(peer, Report(standing()))
    member.follow(A, 64)
    member.feed(Persisted(member.state.record.serial))
    return member


def survivor(arbitration: Arbitration = Arbitration.MAJORITY) -> Member:
    """B has stopped hearing A, C is still there, and B asks for pre-votes."""
    member = follower(arbitration)
    member.wait(2900)
    member.hear(C, Report(standing()))
    member.wait(300)
    assert member.state.candidacy is not None
    return member


def reply(member: Member, sender: Name, refusal: Refusal | None = None) -> tuple[object, ...]:
    candidacy = member.state.candidacy
    assert candidacy is not None
    return member.hear(sender, PreVoteReply(candidacy.since, refusal, standing()))


def stand(member: Member) -> SendId:
    return sent(reply(member, C), SendId)[0]  # type: ignore[arg-type]


def test_a_member_listens_for_a_lease_before_it_stands() -> None:
    """Somebody may lead already."""
    member = Member(rules_of(A))
    assert member.wait(LISTEN - 1) is not None
    assert member.role() is Role.PASSIVE
    member.wait(1)
    assert member.role() is Role.ELECTION


def test_a_pool_of_one_leads_at_once() -> None:
    """Nobody to wait for."""
    member = Member(rules_of(members=(A,)), found=None)
    member.wait(1)
    assert member.role() is Role.ELECTION
    assert of(member.feed(Persisted(member.state.record.serial)), Start)
    member.wait(60_000)
    assert member.role() is Role.LEADER


def test_a_silent_leader_is_asked_three_times_then_all_are() -> None:
    """50 ms apart, by datagram; only then the others, binding nobody."""
    member = follower()
    member.wait(2999)
    member.hear(C, Report(standing()))
    told = member.wait(181)
    probes = [datagram.message for datagram in of(told, SendDatagram) if datagram.to == A]
    assert [type(probe) for probe in probes] == [Probe] * 3
    assert sent(told, PreVote)[0].silent is not None
    assert "no Alive from cm1:51450 for 3.0 s" in reasons(told)


def test_a_leader_that_answers_a_probe_is_left_alone() -> None:
    """One stream stalls; that is not death."""
    member = follower()
    member.wait(3050)
    member.hear(C, ProbeReply(Millis(3000), Term(64)))
    assert member.role() is Role.ELECTION
    member.hear(A, ProbeReply(Millis(3000), Term(64)))
    assert member.role() is Role.PASSIVE
    assert member.state.patience_until == 3050 + 3000
    assert member.hear(A, ProbeReply(Millis(3000), Term(64))) == ()


def test_a_leader_that_says_it_leads_no_more_is_not_asked_again() -> None:
    """All are asked at once."""
    member = follower()
    member.wait(3050)
    assert sent(member.hear(A, ProbeReply(Millis(3000), Term(0))), PreVote)


def test_a_peer_that_hears_the_leader_ends_the_candidacy() -> None:
    """Silence seen by one member is not death; it waits as long as the peer would."""
    member = survivor()
    said = standing(term=Term(64), leader=A, leader_heard_ms=Millis(100))
    assert member.state.candidacy is not None
    member.hear(C, PreVoteReply(member.state.candidacy.since, Refusal.LEADER_ALIVE, said))
    assert member.role() is Role.PASSIVE
    assert member.state.patience_until == member.now + 2900


def test_a_question_that_overtook_the_resignation_is_asked_again() -> None:
    """The leader told us itself, without the secret, that it is over; a peer that has not heard it
    yet is not believed, but asked again 20 ms later.
    """
    member = follower()
    member.hear(A, Resign(replace(proof_of(A, 64), secret=""), B, "the supervisor died"))
    assert member.state.candidacy is not None
    said = standing(term=Term(64), leader=A, leader_heard_ms=Millis(100))
    member.hear(C, PreVoteReply(member.state.candidacy.since, Refusal.LEADER_ALIVE, said))
    assert member.role() is Role.ELECTION
    assert not sent(member.wait(19), PreVote)
    assert sent(member.wait(1), PreVote, C)
    member.hear(C, PreVoteReply(member.state.candidacy.since, None, standing()))
    assert member.state.candidacy.phase is Phase.VOTE


def test_a_rumour_keeps_a_chain_quiet() -> None:
    """The ends of a chain are cut: C hears from B that B hears A, and never stands."""
    member = follower(me=C)
    for _ in range(20):
        member.wait(900)
        said = standing(term=Term(64), leader=A, leader_heard_ms=Millis(200))
        member.hear(B, Report(said))
        assert member.role() is Role.PASSIVE
    member.wait(3300)
    assert member.role() is Role.ELECTION


def test_a_rumour_of_a_rumour_is_worth_nothing() -> None:
    """Two members cannot keep a dead leader alive by telling each other of it."""
    member = follower(me=C)
    for _ in range(5):
        member.wait(900)
        heard = member.now - member.state.heard_at
        member.hear(B, Report(standing(term=Term(64), leader=A, leader_heard_ms=Millis(heard))))
    assert member.role() is Role.ELECTION


def test_a_majority_of_pre_votes_then_of_votes() -> None:
    """Its own vote is written while the claim travels; it counts only once it is durable."""
    member = survivor()
    claim = stand(member)
    assert claim.term == 65
    assert not of(member.hear(C, Vote(claim.term, claim.sent_at)), Start)
    (start,) = of(member.feed(Persisted(member.state.record.serial)), Start)
    assert start.deadline == claim.sent_at + 3000 - 500
    assert member.role() is Role.LEADER
    assert member.feed(Persisted(member.state.record.serial)) == ()


def test_a_vote_for_another_round_does_not_count() -> None:
    """Neither an old send time nor another term."""
    member = survivor()
    claim = stand(member)
    member.feed(Persisted(member.state.record.serial))
    member.hear(C, Vote(claim.term, Millis(claim.sent_at - 1)))
    member.hear(C, Vote(Term(1), claim.sent_at))
    assert member.role() is Role.ELECTION
    member.hear(C, Vote(claim.term, claim.sent_at))
    assert member.role() is Role.LEADER
    assert member.hear(C, Vote(claim.term, claim.sent_at)) == ()
    assert member.hear(C, Refused(claim.term, Refusal.MUTE, standing())) == ()


def test_votes_that_come_too_late_are_of_no_use() -> None:
    """Authority counts from the claim's send time: a paused candidate starts nothing."""
    member = survivor()
    claim = stand(member)
    member.feed(Persisted(member.state.record.serial))
    member.now = Millis(claim.sent_at + 2500)
    told = member.hear(C, Vote(claim.term, claim.sent_at))
    assert not of(told, Start)
    assert sent(told, Withdraw, A)
    assert member.role() is Role.PASSIVE


def test_an_old_term_is_followed_by_a_higher_claim_at_once() -> None:
    """The refusal tells the highest term known."""
    member = survivor()
    claim = stand(member)
    said = standing(known_term=Term(700))
    (again,) = sent(member.hear(C, Refused(claim.term, Refusal.OLD_TERM, said)), SendId, C)
    assert again.term == 705


def test_a_hopeless_candidate_withdraws() -> None:
    """Two refusals of three voters: its voters are free at once, and it asks again later."""
    member = survivor()
    claim = stand(member)
    member.hear(C, Refused(claim.term, Refusal.PROMISED, standing()))
    assert member.role() is Role.ELECTION
    told = member.hear(A, Refused(claim.term, Refusal.PROMISED, standing()))
    assert sent(told, Withdraw, C)
    assert member.role() is Role.PASSIVE
    member.feed(Persisted(member.state.record.serial))
    member.hear(C, Report(standing()))
    member.wait(500)
    assert member.role() is Role.ELECTION


def test_an_unanswered_claim_is_repeated_for_a_lease_then_withdrawn() -> None:
    """The same term with a new send time: a slow disk keeps a vote back, it does not bar it."""
    member = survivor()
    claim = stand(member)
    told = member.wait(2999)
    claims = sent(told, SendId, C)
    assert {again.term for again in claims} == {claim.term}
    assert len({again.sent_at for again in claims}) == len(claims) == 5
    assert len(of(told, Persist)) == 0
    assert sent(member.wait(600), Withdraw, C)


def test_a_candidate_with_a_working_disk_waits_longer_for_the_others() -> None:
    """Three leases, unless somebody refuses."""
    member = survivor()
    stand(member)
    member.feed(Persisted(member.state.record.serial))
    assert not sent(member.wait(8900), Withdraw)
    assert sent(member.wait(600), Withdraw, C)


def test_a_vote_that_a_slow_disk_kept_back_counts_for_the_repeated_claim() -> None:
    """From that claim's send time; the candidate's own as well."""
    member = survivor()
    claim = stand(member)
    member.wait(700)
    member.feed(Persisted(member.state.record.serial))
    member.hear(C, Vote(claim.term, claim.sent_at))
    assert member.role() is Role.ELECTION
    assert member.state.candidacy is not None
    told = member.hear(C, Vote(claim.term, member.state.candidacy.since))
    assert of(told, Start)[0].deadline == claim.sent_at + 500 + 2500


def test_an_isolated_member_goes_on_asking_without_a_word() -> None:
    """No log line per round: nothing changes."""
    member = follower()
    member.wait(4000)
    assert member.role() is Role.ELECTION
    told = member.wait(60_000)
    assert sent(told, PreVote)
    assert reasons(told) == ""


def test_a_candidate_that_becomes_unfit_gives_up() -> None:
    """Its disk fails while it stands; or it is drained while it asks."""
    member = survivor()
    stand(member)
    told = member.feed(PersistFailed(member.state.record.serial, "Read-only file system"))
    assert sent(told, Withdraw)
    assert member.role() is Role.PASSIVE
    told = member.wait(4000)
    assert not sent(told, PreVote)
    assert member.feed(PersistFailed(member.state.record.serial, "again")) == ()


def test_the_bully_objects_once_and_stands_itself() -> None:
    """A senior answers a junior's question by standing; the objection lapses with the round."""
    member = Member(rules_of(A))
    for peer in (B, C):
        member.hear(peer, Report(standing()))
    member.wait(LISTEN - 1)
    question = PreVote(Millis(1), None, None, standing())
    told = member.hear(B, question)
    assert sent(told, PreVoteReply)[0].refusal is Refusal.HIGHER_PRIORITY
    assert sent(told, PreVote, C)
    assert member.role() is Role.ELECTION
    assert sent(member.hear(B, question), PreVoteReply)[0].refusal is None


def test_a_senior_that_stands_already_objects_too() -> None:
    """Once; it does not start a second candidacy."""
    member = Member(rules_of(A))
    member.wait(LISTEN)
    assert member.role() is Role.ELECTION
    told = member.hear(B, PreVote(Millis(1), None, None, standing()))
    assert sent(told, PreVoteReply)[0].refusal is Refusal.HIGHER_PRIORITY
    assert not sent(told, PreVote)


def test_an_objection_of_the_bully_makes_the_junior_ask_again() -> None:
    """It waits a round; then asks anew."""
    member = survivor(NONE)
    reply(member, C, Refusal.HIGHER_PRIORITY)
    assert member.role() is Role.ELECTION
    told = member.wait(500)
    assert sent(told, PreVote)
    assert sent(reply(member, C), SendId)  # type: ignore[arg-type]


def test_two_candidates_the_senior_wins() -> None:
    """The junior gives way and votes; the senior refuses the junior."""
    member = survivor()
    mine = stand(member)
    junior = SendId(Term(66), Millis(1), Millis(3000), hash_of(SECRETS[C]), None)
    assert sent(member.hear(C, junior), Refused)[0].refusal is Refusal.PROMISED
    senior = SendId(Term(128), Millis(1), Millis(3000), hash_of(SECRETS[A]), None)
    told = member.hear(A, senior)
    assert sent(told, Withdraw, C)[0].term == mine.term
    assert sent(told, Vote, A)


def test_the_second_survivor_waits_its_turn() -> None:
    """C, behind B, stands 150 ms after B would have."""
    member = follower(me=C)
    member.wait(2900)
    member.hear(B, Report(standing()))
    member.wait(249)
    assert member.role() is Role.PASSIVE
    member.wait(1)
    assert member.role() is Role.ELECTION


@pytest.mark.parametrize(
    "said", [standing(fit=False), standing(drained=True), standing(Role.PRE), None]
)
def test_who_could_not_lead_is_not_waited_for(said: object) -> None:
    """An unfit, drained, starting or unreachable senior has no turn."""
    member = follower(me=C)
    if said is None:
        member.state = member.state.with_peer(type(member.state.peers[0])(B))
        member.wait(2900)
    else:
        member.wait(2900)
        member.hear(B, Report(said))  # type: ignore[arg-type]
    member.wait(130)
    assert member.role() is Role.ELECTION


def test_a_death_notice_skips_the_questions() -> None:
    """The most senior fit survivor stands at once, with the proof; the next waits its turn."""
    member = follower()
    told = member.feed(Released(proof_of(A, 64)))
    (claim,) = sent(told, SendId, C)
    assert claim.proof == proof_of(A, 64)
    assert of(told, Persist)[0].record.vote == B
    assert member.feed(Released(proof_of(A, 64))) == ()
    second = follower(me=C)
    second.feed(Released(proof_of(A, 64)))
    assert second.role() is Role.PASSIVE
    second.wait(150)
    assert second.role() is Role.ELECTION


def test_a_notice_with_the_wrong_secret_is_nothing() -> None:
    """Nor is one of a leadership nobody follows."""
    member = follower()
    assert member.feed(Released(proof_of(B, 64))) == ()
    member.hear(C, Leader(Term(2), Millis(3000), hash_of(SECRETS[C])))
    member.feed(Released(proof_of(C, 2)))
    assert member.state.leader == A


def test_mode_none_needs_every_reached_member() -> None:
    """No refusal, no silence of a reached one within the round; who does not vote is not needed."""
    member = survivor(NONE)
    assert sent(reply(member, C, Refusal.MUTE), SendId)  # type: ignore[arg-type]
    assert member.state.candidacy is not None
    member.feed(Persisted(member.state.record.serial))
    assert member.role() is Role.ELECTION
    candidacy = member.state.candidacy
    member.hear(C, Refused(candidacy.term, Refusal.NO_STORE, standing()))
    assert member.role() is Role.LEADER


def test_mode_none_a_refusal_of_one_is_enough() -> None:
    """It is one partition."""
    member = survivor(NONE)
    claim = stand(member)
    member.feed(Persisted(member.state.record.serial))
    member.hear(C, Refused(claim.term, Refusal.PROMISED, standing()))
    assert member.role() is Role.PASSIVE


def test_mode_none_who_was_heard_within_a_lease_is_asked_again() -> None:
    """A round without an answer is not absence; a lease without a word is. C was heard at 2.9 s."""
    member = survivor(NONE)
    asked = member.wait(5890 - member.now)
    assert len(sent(asked, PreVote, C)) == 5
    assert not sent(asked, SendId)
    assert sent(member.wait(500), SendId, C)
    member.feed(Persisted(member.state.record.serial))
    assert member.role() is Role.LEADER


def test_mode_none_a_claim_is_repeated_for_who_was_heard_within_a_lease() -> None:
    """In the same term; then its silence is absence."""
    member = survivor(NONE)
    first = stand(member)
    member.feed(Persisted(member.state.record.serial))
    member.hear(C, Report(standing()))
    again = sent(member.wait(2900), SendId, C)
    assert len(again) == 5
    assert {claim.term for claim in again} == {first.term}
    assert member.role() is Role.ELECTION
    member.wait(500)
    assert member.role() is Role.LEADER


def test_mode_none_who_speaks_and_never_answers_holds_nobody_up_for_ever() -> None:
    """It is asked again for at most a lease."""
    member = survivor(NONE)
    told = ()
    for _ in range(16):
        member.hear(C, Report(standing()))
        told += member.wait(250)  # type: ignore[assignment]
        member.feed(Persisted(member.state.record.serial))
    assert member.role() is Role.LEADER
    assert len(sent(told, PreVote, C)) == 5


def test_mode_none_the_silent_leader_has_one_round() -> None:
    """It is back, in a new life, and does not answer."""
    member = survivor(NONE)
    member.hear(A, Report(standing()))
    assert not sent(reply(member, C), SendId)  # type: ignore[arg-type]
    assert sent(member.wait(500), SendId, C)


def test_a_stalled_member_extends_its_patience_by_its_own_stall() -> None:
    """At most one lease per silence."""
    member = follower()
    member.wait(400)
    member.late(2000)
    assert member.state.patience_until == 3000 + member.state.stalled_ms
    assert 1000 < member.state.stalled_ms < 2000
    member.late(9000)
    assert member.state.stalled_ms == 3000
    member.late(9000)
    assert member.state.stalled_ms == 3000


def test_after_a_stall_of_a_lease_mode_none_listens_for_a_lease() -> None:
    """Whatever it knew, and whatever it was about to do: others may have elected meanwhile."""
    member = follower(NONE)
    told = member.late(9000)
    assert member.state.patience_until == member.now + 3000
    assert not of(told, SendDatagram)
    assert not sent(told, PreVote)


def test_a_candidate_of_mode_none_that_slept_for_a_lease_stands_no_more() -> None:
    """Its round is over and nobody answered: it was not there to hear them."""
    member = survivor(NONE)
    told = member.late(9000)
    assert member.state.role is Role.PASSIVE
    assert "it was not scheduled for" in reasons(told)
    assert not sent(told, SendId)


def test_a_mute_member_looks_again_when_it_may_speak() -> None:
    """A fresh pool elects as soon as the silence of those without memory is over."""
    member = Member(rules_of(A), found=None)
    for peer in (B, C):
        member.hear(peer, Report(standing()))
    told = member.wait(LISTEN)
    assert sent(told, PreVote)


def test_a_promise_is_sat_out_before_standing() -> None:
    """It looks again at the instant when its promise ends."""
    member = Member(rules_of(B))
    member.hear(C, Report(standing()))
    member.wait(2900)
    member.follow(A, 64)
    member.hear(A, ProbeReply(Millis(1), Term(0)))
    member.hear(C, Report(standing()))
    member.feed(Released(proof_of(C, 2)))
    member.wait(2999)
    assert member.role() is Role.PASSIVE
    member.wait(31)
    assert member.role() is Role.ELECTION


def test_cold_start_elects_by_priority() -> None:
    """The first entry leads."""
    member = leader_of(rules_of(A), B, C)
    assert member.state.term == 64


def test_its_own_vote_counts_once() -> None:
    """A second write of the same record is no second vote."""
    member = survivor()
    stand(member)
    member.feed(Persisted(member.state.record.serial))
    member.feed(Persisted(member.state.record.serial))
    assert member.state.candidacy is not None
    assert member.state.candidacy.grants == (B,)


def test_a_member_whose_disk_fails_while_it_asks_claims_no_term() -> None:
    """It notices before the claim."""
    member = survivor()
    member.feed(PersistFailed(member.state.record.serial, "Read-only file system"))
    assert member.role() is Role.ELECTION
    told = reply(member, C)
    assert not sent(told, SendId)  # type: ignore[arg-type]
    assert member.role() is Role.PASSIVE


def test_a_rumour_of_another_leader_is_not_believed_beside_ones_own() -> None:
    """Its own Alive will tell."""
    member = follower(me=C)
    member.wait(1000)
    member.hear(B, Report(standing(term=Term(65), leader=B, leader_heard_ms=Millis(0))))
    assert (member.state.leader, member.state.term) == (A, 64)


def test_a_controllee_that_turns_out_undead_ends_a_candidacy() -> None:
    """Nobody stands beside a tree of its own."""
    member = survivor()
    member.feed(ControlleeChanged(Term(2), ControlleeState.STOP_FAILED, because="state D"))
    assert member.role() is Role.PASSIVE
    member.wait(4000)
    assert member.role() is Role.PASSIVE
    assert "stop_failed" in unfit_because(member.rules, member.state)


def test_a_released_leader_needs_no_more_patience() -> None:
    """A member that could not stand at once stands as soon as it can."""
    member = Member(rules_of(B), ready=False)
    member.follow(A, 64)
    member.feed(Released(proof_of(A, 64)))
    assert member.role() is Role.PRE
    member.feed(SupervisorReady(hash_of(SECRETS[B])))
    member.wait(200)
    assert member.role() is Role.ELECTION


def test_mode_none_a_member_that_was_away_still_asks_its_peers() -> None:
    """All guests of a host are frozen together: who thaws first must not win alone."""
    member = follower(NONE)
    member.wait(2900)
    member.hear(C, Report(standing()))
    before = member.now
    member.late(6000)
    assert reached(member.rules, member.state, member.now) == (C,)
    assert member.now - before == 6000


def test_mode_none_nobody_waits_for_a_member_that_said_goodbye() -> None:
    """A leader that stops resigns, says goodbye and is gone: its answer is not waited for."""
    member = follower(NONE)
    member.hear(C, Report(standing()))
    member.hear(A, Goodbye("early"))
    member.follow(A, 64)
    told = member.hear(A, Resign(proof_of(A, 64), B, "clean stop"))
    claim = sent(told, SendId, C)[0]
    member.feed(Persisted(member.state.record.serial))
    member.hear(C, Vote(claim.term, claim.sent_at))
    assert member.role() is Role.ELECTION
    member.hear(A, Goodbye("clean stop"))
    assert member.role() is Role.LEADER


def test_a_leader_known_by_rumour_only_falls_silent() -> None:
    """The reason says so: it was never heard here."""
    member = Member(rules_of(C))
    member.wait(400)
    member.hear(B, Report(standing(term=Term(64), leader=A, leader_heard_ms=Millis(0))))
    assert member.state.leader == A
    told = member.wait(4000)
    assert "which only others heard" in reasons(told)


def test_a_member_that_waits_for_its_own_tree_does_not_stand() -> None:
    """Nor one that is ending: each is its own obstacle, in words."""
    member = leader_of(rules_of(), B, C)
    member.wait(3000)
    assert "supervisor" in obstacle(member.rules, member.state, member.now)
    member.feed(SupervisorReady(hash_of("thawed")))
    assert "not verified dead" in obstacle(member.rules, member.state, member.now)
    ending = Member(rules_of(B))
    ending.state = replace(ending.state, ending=True)
    assert obstacle(ending.rules, ending.state, ending.now) == "shutting down"


def test_patience_with_a_leader_that_is_proven_over_is_over() -> None:
    """Whatever was to be waited for."""
    member = follower()
    member.state = replace(member.state, released=(Leadership(Term(64), A),))
    assert active_promise(member.state, member.now) is None
    member.wait(1)
    assert member.role() is Role.ELECTION


def test_a_member_without_memory_that_hears_nobody_does_not_stand() -> None:
    """After its silence it still does not know the terms of the others."""
    member = Member(rules_of(A), found=None)
    member.wait(9000)
    assert member.role() is Role.PASSIVE
    assert "learned" in obstacle(member.rules, member.state, member.now)
    assert member.hear(B, AliveAck(Term(64), Millis(1), Millis(3000), standing())) == ()


def test_an_objection_holds_a_majority_back_for_a_round() -> None:
    """Then it has lapsed: an objecting senior that does not win blocks nobody."""
    member = survivor()
    candidacy = member.state.candidacy
    assert candidacy is not None
    told = member.hear(A, PreVoteReply(candidacy.since, Refusal.HIGHER_PRIORITY, standing()))
    told += reply(member, C)  # type: ignore[operator]
    assert not sent(told, SendId)
    assert sent(member.wait(500), SendId)


def test_members_that_are_only_mute_are_asked_again_soon() -> None:
    """At a cold start the first entry leads, although it woke before the others might speak."""
    member = survivor()
    reply(member, C, Refusal.MUTE)
    assert len(sent(member.wait(150), PreVote, C)) == 1


def test_a_member_that_is_mute_for_longer_looks_again_at_that_instant() -> None:
    """An earlier life promised silence to it knows not whom, for a lease longer than ours."""
    member = Member(rules_of(A), found=Record(clean=True, mute_until=Millis(9111)))
    member.wait(9110)
    assert "mute" in obstacle(member.rules, member.state, member.now)
    assert member.role() is Role.PASSIVE
    member.wait(1)
    assert member.role() is Role.ELECTION


def test_mode_none_the_end_of_a_leadership_is_no_reason_to_stand_for_who_was_frozen() -> None:
    """What waited in its inbox is old: others may have elected since (seed 544210). It hears them
    all, or listens for the longest lease that it ever promised.
    """
    for inbox_first in (True, False):
        member = Member(rules_of(B, NONE))
        member.follow(A, 64)
        member.hear(C, Report(standing()))
        assert member.state.record.longest_lease_ms == 3000
        member.rules = replace(member.rules, lease_ms=Millis(1000))
        resigned = Resign(proof_of(A, 64), None, "an upgrade")
        if inbox_first:
            member.now = Millis(8000)
            member.hear(A, resigned)
            assert member.role() is Role.PASSIVE
            member.feed(Tick(Millis(333)))
        else:
            member.late(8000 - member.now)
            member.hear(A, resigned)
        assert C in obstacle(member.rules, member.state, member.now)
        member.wait(2900)
        assert member.role() is Role.PASSIVE
        member.wait(700)
        assert member.role() is Role.ELECTION


def test_mode_none_a_member_stopped_right_after_its_start_has_heard_nobody() -> None:
    """Its first lease is one in which it ran: who thaws must not win alone."""
    member = Member(rules_of(B, NONE))
    member.wait(1000)
    member.late(15_000)
    member.wait(1900)
    assert member.role() is Role.PASSIVE
    assert "just started" in obstacle(member.rules, member.state, member.now)
    member.wait(3000)
    assert member.role() is Role.ELECTION
