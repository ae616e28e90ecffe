"""Who is granted what: every refusal and what voids a promise."""

from dataclasses import replace

import pytest

from hadelect.core.effects import Persist, Record, Send
from hadelect.core.events import ControlleeChanged, Persisted, PersistFailed, Released
from hadelect.core.messages import (
    Goodbye,
    Leader,
    PreVote,
    PreVoteReply,
    Proof,
    Refused,
    Report,
    Resign,
    SendId,
    Vote,
    Withdraw,
)
from hadelect.core.views import obstacle
from hadelect.core.vocabulary import (
    Arbitration,
    ControlleeState,
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
    rules_of,
    say_alive,
    sent,
    standing,
)

LEASE = Millis(3000)


def claim(name: Name, term: int, sent_at: int = 7, proof: Proof | None = None) -> SendId:
    return SendId(Term(term), Millis(sent_at), LEASE, hash_of(SECRETS[name]), proof)


def refusals(effects: tuple[object, ...]) -> list[Refusal]:
    return [refused.refusal for refused in sent(effects, Refused)]  # type: ignore[arg-type]


def test_a_vote_leaves_only_after_it_is_on_disk() -> None:
    """The vote waits in the Persist that makes it durable, and echoes the claim's send time."""
    told = Member(rules_of(C)).hear(A, claim(A, 64))
    (persist,) = of(told, Persist)
    assert persist.record.vote == A
    assert persist.record.promised_to == A
    assert persist.then == (Send(A, Vote(Term(64), Millis(7))),)


def test_a_voter_grants_nobody_else_before_its_promise_ends() -> None:
    """Until lease + 1 % after receipt it refuses; then it grants a higher term."""
    voter = Member(rules_of(C))
    voter.hear(A, claim(A, 64))
    voter.now = Millis(3029)
    assert refusals(voter.hear(B, claim(B, 65))) == [Refusal.PROMISED]
    voter.now = Millis(3030)
    assert sent(voter.hear(B, claim(B, 65)), Vote)


def test_the_same_claim_is_granted_again() -> None:
    """A claim heard twice is one vote, written once."""
    voter = Member(rules_of(C))
    voter.hear(A, claim(A, 64))
    voter.feed(Persisted(voter.state.record.serial))
    assert of(voter.hear(A, claim(A, 64)), Send) == [Send(A, Vote(Term(64), Millis(7)))]


def test_a_claim_of_an_old_term_is_refused() -> None:
    """Also when nothing is promised any more; the refusal tells the highest term known."""
    voter = Member(rules_of(C), found=Record(term=Term(640), vote=B, clean=True))
    told = voter.hear(A, claim(A, 64))
    assert refusals(told) == [Refusal.OLD_TERM]
    assert sent(told, Refused)[0].standing.known_term == 640


def test_withdraw_frees_the_voter() -> None:
    """But only the withdrawal of that very candidacy."""
    voter = Member(rules_of(C))
    voter.hear(A, claim(A, 64))
    voter.hear(A, Withdraw(Term(128)))
    voter.hear(B, Withdraw(Term(64)))
    assert refusals(voter.hear(B, claim(B, 65))) == [Refusal.PROMISED]
    voter.hear(A, Withdraw(Term(64)))
    assert sent(voter.hear(B, claim(B, 65)), Vote)


@pytest.mark.parametrize("arbitration", list(Arbitration))
def test_a_live_leader_is_protected(arbitration: Arbitration) -> None:
    """A voter that hears a leader refuses pre-votes and votes, and names it."""
    voter = Member(rules_of(C, arbitration))
    voter.hear(A, say_alive(A, 64))
    question = PreVote(Millis(1), None, None, standing())
    reply = sent(voter.hear(B, question), PreVoteReply)[0]
    assert (reply.refusal, reply.standing.leader) == (Refusal.LEADER_ALIVE, A)
    assert refusals(voter.hear(B, claim(B, 65))) == [Refusal.LEADER_ALIVE]


def test_a_secret_voids_the_promise_whoever_shows_it() -> None:
    """A candidate brings the proof along: one hearer of a death notice convinces all."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 64))
    forged = Proof(Term(64), A, "00" * 32)
    assert refusals(voter.hear(B, claim(B, 65, proof=forged))) == [Refusal.LEADER_ALIVE]
    assert sent(voter.hear(B, claim(B, 65, proof=proof_of(A, 64))), Vote)


def test_a_leader_known_from_others_only_is_not_protected_against_the_proof_of_its_end() -> None:
    """The hash that would check it was told to those who hear the leader; nothing is owed to a
    leader that never spoke to us. Of a leadership before that one the proof says nothing.
    """
    voter = Member(rules_of(C, Arbitration.NONE))
    voter.wait(1000)
    voter.hear(B, Report(standing(term=Term(64), leader=A)))
    assert voter.state.leader == A
    for proof in (None, proof_of(A, 0), proof_of(B, 65)):
        assert refusals(voter.hear(B, claim(B, 65, proof=proof))) == [Refusal.LEADER_ALIVE]
    assert sent(voter.hear(B, claim(B, 65, proof=proof_of(A, 64))), Vote)


def test_a_released_leadership_is_over_for_good() -> None:
    """Later Alives and claims of it are echoes."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 64))
    voter.feed(Released(proof_of(A, 64)))
    assert voter.hear(A, say_alive(A, 64)) == ()
    assert refusals(voter.hear(A, claim(A, 64))) == [Refusal.OLD_TERM]


def test_a_resignation_counts_from_the_leader_itself_or_with_the_secret() -> None:
    """A third member's word without the secret is nothing."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 64))
    forged = Resign(Proof(Term(64), A, "11" * 32), None, "so they say")
    assert voter.hear(B, forged) == ()
    voter.hear(A, Resign(Proof(Term(64), A, ""), B, "supervisor frozen"))
    assert sent(voter.hear(B, claim(B, 65)), Vote)


def test_a_mute_members_ack_does_not_count() -> None:
    """It may have voted for a later candidate that still counts on it; it is patient, no more."""
    voter = Member(rules_of(C), found=None)
    (answer,) = of(voter.hear(A, say_alive(A, 64)), Send)
    assert answer.message.standing.leader is None  # type: ignore[union-attr]
    assert voter.state.leader == A
    voter.now = Millis(3030)
    assert of(voter.hear(A, say_alive(A, 64)), Persist)


def test_a_mute_member_grants_nothing() -> None:
    """Without a record it owes silence to somebody it has forgotten, for a lease."""
    voter = Member(rules_of(C), found=None)
    for peer in (A, B):
        voter.hear(peer, Report(standing()))
    assert refusals(voter.hear(A, claim(A, 64))) == [Refusal.MUTE]
    voter.now = Millis(3030)
    assert sent(voter.hear(A, claim(A, 64)), Vote)


def test_a_forgetful_member_votes_after_it_has_learned_the_terms() -> None:
    """Of a majority of the others; fewer do if none of them ever knew a leadership."""
    voter = Member(rules_of(C), found=None, now=Millis(0))
    voter.now = Millis(4000)
    assert refusals(voter.hear(A, claim(A, 64))) == [Refusal.BLANK]
    voter.hear(A, Report(standing(blank=False)))
    assert refusals(voter.hear(A, claim(A, 64))) == [Refusal.BLANK]
    voter.hear(A, Report(standing(blank=True)))
    assert sent(voter.hear(A, claim(A, 64)), Vote)


def test_a_forgetful_member_in_mode_none_learns_from_those_it_reaches() -> None:
    """It cannot wait for members that are down."""
    voter = Member(rules_of(C, Arbitration.NONE), found=None)
    voter.now = Millis(4000)
    assert refusals(voter.hear(A, claim(A, 64))) == [Refusal.BLANK]
    voter.hear(A, Report(standing(blank=False)))
    assert sent(voter.hear(A, claim(A, 64)), Vote)


@pytest.mark.parametrize(
    "found, until",
    [
        (
            Record(promised_term=Term(64), promised_to=A, promised_until=Millis(900), clean=True),
            900,
        ),
        (Record(promised_term=Term(64), promised_to=A, longest_lease_ms=Millis(9000)), 9090),
        (Record(promised_term=Term(64), promised_to=A), 3030),
        (Record(promised_term=Term(65), promised_to=C), 0),
        (Record(), 0),
        (Record(clean=True, mute_until=Millis(700)), 700),
    ],
)
def test_a_restart_honours_what_the_earlier_life_promised(found: Record, until: int) -> None:
    """A clean record tells until when; else silence is owed for the longest lease ever promised."""
    voter = Member(rules_of(C), found=found)
    if until:
        voter.now = Millis(until - 1)
        assert refusals(voter.hear(B, claim(B, 65))) in ([Refusal.PROMISED], [Refusal.MUTE])
    voter.now = Millis(until)
    assert sent(voter.hear(B, claim(B, 129)), Vote)


def test_a_restarted_voter_is_freed_by_the_secret_it_remembers() -> None:
    """The hash is in the record, too."""
    found = Record(promised_term=Term(64), promised_to=A, promised_hash=hash_of(SECRETS[A]))
    voter = Member(rules_of(C), found=found)
    assert sent(voter.hear(B, claim(B, 65, proof=proof_of(A, 64))), Vote)


def test_a_member_in_pre_grants_nothing() -> None:
    """Nobody knows yet what still runs there."""
    voter = Member(rules_of(C), ready=False)
    assert refusals(voter.hear(A, claim(A, 64))) == [Refusal.MUTE]


def test_a_full_disk_is_no_vote() -> None:
    """The vote never leaves, and the next claim is refused at once."""
    voter = Member(rules_of(C))
    voter.hear(A, claim(A, 64))
    voter.feed(PersistFailed(voter.state.record.serial, "No space left on device"))
    voter.hear(A, Withdraw(Term(64)))
    assert refusals(voter.hear(B, claim(B, 65))) == [Refusal.NO_STORE]
    assert not voter.state.fitness.controllee
    told = voter.wait(6000)
    voter.feed(Persisted(of(told, Persist)[-1].record.serial))
    assert voter.state.fitness.store == ""


def test_a_witness_is_granted_nothing() -> None:
    """A witness votes, and never leads."""
    voter = Member(rules_of(B, members=(A, B), witnesses=(C,)))
    assert refusals(voter.hear(C, claim(C, 66))) == [Refusal.NOT_A_MEMBER]


def test_nothing_is_granted_beside_an_own_dying_tree() -> None:
    """An ex-leader votes only after its supervisor has verified the end of its tree."""
    member = Member(rules_of(A))
    member.wait(LISTEN)
    member.feed(Persisted(member.state.record.serial))
    member.hear(B, PreVoteReply(member.now, None, standing()))
    member.feed(Persisted(member.state.record.serial))
    assert member.state.candidacy is not None
    since = member.state.candidacy.since
    member.hear(B, Vote(Term(64), since))
    assert member.role() is Role.LEADER
    member.now = Millis(member.now + 3000)
    assert refusals(member.hear(B, claim(B, 65))) == [Refusal.PROMISED]
    assert member.state.controllee.state is ControlleeState.STOPPING
    dead = ControlleeChanged(
        Term(64),
        ControlleeState.STOPPED,
        asked=True,
        secret=SECRETS[A],
        next_secret_hash=hash_of("next"),
    )
    assert sent(member.feed(dead), Resign)
    assert sent(member.hear(B, claim(B, 65)), Vote)


def test_a_higher_unled_term_strands_nobody() -> None:
    """A member that voted for a candidacy that failed follows the old leader again."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 64))
    voter.feed(Persisted(voter.state.record.serial))
    voter.now = Millis(4000)
    voter.hear(B, claim(B, 65))
    voter.feed(Persisted(voter.state.record.serial))
    (answer,) = of(voter.hear(A, say_alive(A, 64)), Send)
    assert answer.message.standing.leader is None  # type: ignore[union-attr]
    voter.hear(B, Withdraw(Term(65)))
    (persist,) = of(voter.hear(A, say_alive(A, 64)), Persist)
    assert persist.then[0].message.standing.leader == A  # type: ignore[union-attr]


def test_no_ack_before_the_promise_is_durable() -> None:
    """The first ack of a leadership waits for the disk; so do those that follow meanwhile."""
    voter = Member(rules_of(C))
    (persist,) = of(voter.hear(A, say_alive(A, 64, 1)), Persist)
    assert len(persist.then) == 1
    (answer,) = of(voter.hear(A, say_alive(A, 64, 2)), Send)
    assert answer.message.standing.leader is None  # type: ignore[union-attr]
    voter.feed(Persisted(persist.record.serial))
    assert of(voter.hear(A, say_alive(A, 64, 3)), Send)


def test_a_longer_lease_is_written_before_it_is_promised() -> None:
    """The longest lease ever promised is what a restart must sit out."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 64, 1))
    voter.feed(Persisted(voter.state.record.serial))
    longer = replace(say_alive(A, 64, 2), lease_ms=Millis(9000))
    (persist,) = of(voter.hear(A, longer), Persist)
    assert persist.record.longest_lease_ms == 9000


def test_goodbye_and_leader_are_heard() -> None:
    """A member that said goodbye is not reached any more; a leader's hash is remembered."""
    voter = Member(rules_of(C))
    voter.hear(A, Report(standing()))
    voter.hear(A, Goodbye("clean stop"))
    assert voter.state.peer(A).gone
    voter.hear(A, Report(standing()))
    assert not voter.state.peer(A).gone
    voter.hear(B, Leader(Term(65), LEASE, hash_of(SECRETS[B])))
    assert voter.state.known[-1].leadership.leader == B


@pytest.mark.parametrize("clean", [False, True])
def test_a_forgetful_member_that_restarts_is_still_forgetful(clean: bool) -> None:
    """A crash loop on an empty disk is not a memory: the record says that nothing is known."""
    (persist,) = of(Member(rules_of(C), found=None).boot_effects, Persist)
    again = Member(rules_of(C), found=replace(persist.record, clean=clean, mute_until=Millis(900)))
    for peer in (A, B):
        again.hear(peer, Report(standing(blank=False)))
    again.now = Millis(899)
    assert refusals(again.hear(A, claim(A, 64))) == [Refusal.MUTE]
    again.now = Millis(900 if clean else 3030)
    (vote,) = of(again.hear(A, claim(A, 64)), Persist)
    assert not vote.record.forgetful


def test_a_leader_votes_for_nobody() -> None:
    """It is the leader that is alive."""
    member = leader_of(rules_of(), B, C)
    assert refusals(member.hear(B, claim(B, 65))) == [Refusal.LEADER_ALIVE]


def test_a_claim_of_a_released_leadership_is_an_echo() -> None:
    """Although its term is the highest ever heard of."""
    voter = Member(rules_of(B))
    voter.hear(C, Leader(Term(66), LEASE, hash_of(SECRETS[C])))
    voter.feed(Released(proof_of(C, 66)))
    assert refusals(voter.hear(C, claim(C, 66))) == [Refusal.OLD_TERM]


def test_no_term_below_one_that_was_led() -> None:
    """A candidate that never heard of it is told, so that the token never goes back."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 128))
    told = voter.hear(B, claim(B, 65, proof=proof_of(A, 128)))
    assert refusals(told) == [Refusal.OLD_TERM]
    assert sent(told, Refused)[0].standing.known_term == 128


def test_a_withdrawal_of_the_leader_that_is_followed_changes_no_patience() -> None:
    """Only a voter that follows nobody looks for another at once."""
    voter = Member(rules_of(C))
    voter.hear(A, say_alive(A, 64))
    voter.hear(A, Withdraw(Term(64)))
    assert voter.state.patience_until == 3000


def test_mode_none_a_voter_follows_nobody_beside_its_candidate() -> None:
    """The candidate may count on the vote."""
    voter = Member(rules_of(C, Arbitration.NONE))
    voter.hear(A, claim(A, 64))
    (answer,) = of(voter.hear(B, say_alive(B, 65)), Send)
    assert answer.message.standing.leader is None  # type: ignore[union-attr]


def test_a_slow_disk_answers_the_repeated_claim() -> None:
    """One write per vote; silence is promised anew each time it is asked for."""
    voter = Member(rules_of(C))
    voter.feed(Persisted(1))
    (persist,) = of(voter.hear(A, claim(A, 64, 7)), Persist)
    voter.now = Millis(500)
    assert voter.hear(A, claim(A, 64, 507)) == ()
    voter.feed(Persisted(persist.record.serial))
    voter.now = Millis(1000)
    assert sent(voter.hear(A, claim(A, 64, 1007)), Vote) == [Vote(Term(64), Millis(1007))]
    voter.now = Millis(4029)
    assert refusals(voter.hear(B, claim(B, 65))) == [Refusal.PROMISED]


def test_a_leader_that_asks_for_votes_leads_no_more() -> None:
    """Nobody protects it against others any longer than the promise lasts."""
    voter = Member(rules_of(B))
    voter.hear(A, say_alive(A, 64))
    voter.hear(A, PreVote(Millis(1), None, None, standing()))
    assert voter.state.leader is None
    assert refusals(voter.hear(C, claim(C, 66))) == [Refusal.PROMISED]


def test_a_standby_that_restarts_acks_the_leader_its_record_names() -> None:
    """Whatever its disk does now: the promise is on it already."""
    found = Record(promised_term=Term(64), promised_to=A, longest_lease_ms=LEASE)
    voter = Member(rules_of(C), found=found)
    voter.feed(PersistFailed(1, "No space left on device"))
    (ack,) = of(voter.hear(A, say_alive(A, 64)), Send)
    assert ack.message.standing.leader == A  # type: ignore[union-attr]


def test_mode_none_nobody_stands_before_it_has_heard_the_others() -> None:
    """In the first lease of a life: else a member that has just started reaches nobody and wins."""
    found = Record(promised_term=Term(64), promised_to=A, promised_hash=hash_of(SECRETS[A]))
    voter = Member(rules_of(C, Arbitration.NONE), found=found)
    voter.feed(Released(proof_of(A, 64)))
    assert voter.role() is Role.PASSIVE
    assert B in obstacle(voter.rules, voter.state, voter.now)
    for peer in (A, B):
        voter.hear(peer, Report(standing(fit=False)))
    voter.wait(600)
    assert voter.role() is Role.ELECTION


def test_a_term_of_somebody_else_is_nonsense() -> None:
    """Terms are unique by position; a faulty peer's claim to another's is dropped."""
    voter = Member(rules_of(C))
    assert voter.hear(A, claim(A, 65)) == ()
    assert voter.hear(A, say_alive(A, 0)) == ()
    assert voter.state.leader is None
