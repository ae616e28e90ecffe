"""Which terms a member believes, takes and passes on. A pool with a liar: tests/sim/liars.py."""

import pytest

from hadelect.core.effects import Emit, Persist, Record
from hadelect.core.events import Persisted, ReplicaChanged
from hadelect.core.frozen import replace
from hadelect.core.messages import (
    Leader,
    PreVoteReply,
    Refused,
    Report,
    SendId,
    Standing,
    Vote,
)
from hadelect.core.terms import known_term
from hadelect.core.versions import Replica, Version
from hadelect.core.views import has_learned, next_own_term, obstacle, standing_of
from hadelect.core.vocabulary import (
    MAX_TERM,
    TERM_LEAP,
    Arbitration,
    Millis,
    Refusal,
    Role,
    Term,
)
from tests.core.member import (
    LISTEN,
    A,
    B,
    C,
    D,
    Member,
    ack,
    hash_of,
    leader_of,
    of,
    reasons,
    rules_of,
    say_alive,
    sent,
    standing,
)

NONE = Arbitration.NONE
OWN = Term(640)  # What our record proves.
MOST = Term(OWN + TERM_LEAP)
BEYOND = Term(MOST + 1)
REMEMBERS = Record(term=OWN, vote=B, clean=True)


def member_of(arbitration: Arbitration = Arbitration.MAJORITY) -> Member:
    return Member(rules_of(A, arbitration), found=REMEMBERS)


def next_of(member: Member) -> int:
    return next_own_term(member.rules, member.state, member.now)


def said_of(member: Member) -> Standing:
    return standing_of(member.rules, member.state, member.now)


@pytest.mark.parametrize("nonsense", [BEYOND, 2**52, MAX_TERM])
def test_what_cannot_be_is_not_counted(nonsense: int) -> None:
    """However often it is said; what another says beside it counts."""
    member = member_of()
    for _ in range(3):
        member.hear(B, Report(standing(known_term=Term(nonsense))))
        assert next_of(member) == 704
    member.hear(C, Report(standing(known_term=Term(1280))))
    assert next_of(member) == 1344


def test_what_can_be_counts_whole() -> None:
    """Up to a leap above what is proven."""
    member = member_of()
    member.hear(B, Report(standing(known_term=MOST)))
    assert next_of(member) == MOST + 64


def test_what_others_know_is_not_passed_on() -> None:
    """Nobody's nonsense comes back to us by way of a third member."""
    member = member_of()
    member.hear(B, Report(standing(known_term=Term(1280))))
    assert said_of(member).known_term == OWN


def test_what_a_leader_says_of_itself_is_passed_on() -> None:
    """It may be followed or not."""
    member = member_of(NONE)
    member.hear(B, Leader(Term(705), Millis(3000), hash_of("b")))
    assert said_of(member).known_term == 705
    member.hear(C, Leader(Term(2**50 + 2), Millis(3000), hash_of("c")))
    assert said_of(member).known_term == 705


def test_who_was_not_heard_for_a_lease_is_not_counted() -> None:
    """But who has lost its record counts whomever it learned from."""
    for found, term in ((REMEMBERS, 704), (None, 1344)):
        member = Member(rules_of(A), found=found)
        member.hear(B, Report(standing(known_term=Term(1280))))
        member.now = Millis(3000)
        assert next_of(member) == term


def test_a_record_is_believed_whatever_it_says() -> None:
    """A term that was promised is never used again, however high it is."""
    member = Member(rules_of(A), found=Record(term=Term(2**52 + 1), vote=B, clean=True))
    assert next_of(member) == 2**52 + 64


@pytest.mark.parametrize(("known", "term"), [(900, 960), (BEYOND, 896)])
def test_the_own_state_is_believed_and_what_others_should_have_can_be_too_much(
    known: int, term: int
) -> None:
    """What lies here was written under its term; a newer version is only said to be."""
    member = Member(replace(rules_of(A), replicates=True), found=REMEMBERS)
    copy = Replica(Version(Term(833), 1, "abc"), Version(Term(known + TERM_LEAP), 1, "def"))
    if known < BEYOND:
        copy = replace(copy, known=Version(Term(known), 1, "def"))
    member.feed(ReplicaChanged(copy))
    assert next_of(member) == term
    member.feed(ReplicaChanged(replace(copy, known=None)))
    assert known_term(member.state) == 833


def test_who_lost_its_record_learns_nothing_from_nonsense() -> None:
    """Its own last term may be hidden by it."""
    member = Member(rules_of(A), found=None)
    learned = [Report(standing(blank=False, known_term=Term(known))) for known in (128, 2**52)]
    member.hear(B, learned[0])
    member.hear(C, learned[1])
    assert not has_learned(member.rules, member.state, member.now)
    assert "not yet learned" in obstacle(member.rules, member.state, Millis(LISTEN))
    member.hear(C, learned[0])
    assert has_learned(member.rules, member.state, member.now)


def test_people_hear_of_nonsense_once() -> None:
    """And of another one no more often than every ten seconds."""
    member = member_of()
    word = Report(standing(known_term=BEYOND))
    assert f"knows term {BEYOND}, which cannot be" in reasons(member.hear(B, word))
    assert not of(member.hear(B, word), Emit)
    other = Report(standing(known_term=MAX_TERM))
    assert not of(member.hear(B, other), Emit)
    member.now = Millis(10_000)
    assert not of(member.hear(B, word), Emit)
    assert of(member.hear(B, other), Emit)


# --- what nonsense does not move ---


def test_a_refusal_with_nonsense_is_a_refusal() -> None:
    """The candidate does not run after it: the others' votes are enough."""
    member = Member(rules_of(A, members=(A, B, C, D)), found=REMEMBERS)
    member.hear(B, Report(standing()))
    member.wait(LISTEN + 500)
    assert member.state.candidacy is not None
    asked = PreVoteReply(member.state.candidacy.since, None, standing())
    member.hear(B, asked)
    (claim,) = sent(member.hear(C, asked), SendId, B)
    nonsense = Refused(claim.term, Refusal.OLD_TERM, standing(known_term=MAX_TERM))
    assert member.hear(D, nonsense)[1:] == ()  # The first: people are told.
    for peer in (B, C):
        member.hear(peer, Vote(claim.term, claim.sent_at))
    member.feed(Persisted(member.state.record.serial))
    assert (member.role(), member.state.term) == (Role.LEADER, claim.term)


@pytest.mark.parametrize("arbitration", Arbitration)
def test_a_rumour_with_nonsense_is_none(arbitration: Arbitration) -> None:
    """Else the real leader's Alives would be older than it, for ever."""
    member = member_of(arbitration)
    member.hear(B, Report(standing(term=Term(2**50), leader=C)))
    assert (member.state.leader, member.state.term) == (None, 0)
    member.hear(C, say_alive(C, 706))
    assert (member.state.leader, member.state.term) == (C, 706)


def test_a_leader_that_cannot_be_is_not_followed_from_hearsay() -> None:
    """A pre-vote's refusal names it: the member waits, and follows nobody."""
    member = member_of()
    member.hear(B, Report(standing()))
    member.wait(LISTEN)
    assert member.state.candidacy is not None
    said = standing(term=Term(2**50), leader=C)
    member.hear(B, PreVoteReply(member.state.candidacy.since, Refusal.LEADER_ALIVE, said))
    assert member.role() is Role.PASSIVE
    assert (member.state.leader, member.state.term) == (None, 0)


@pytest.mark.parametrize("arbitration", Arbitration)
def test_a_rival_that_cannot_be_ends_no_leadership(arbitration: Arbitration) -> None:
    """Unless it says so itself."""
    member = leader_of(rules_of(B, arbitration), A, C)
    nonsense = standing(term=Term(2**50), leader=A)
    member.hear(C, Report(nonsense))
    assert member.role() is Role.LEADER
    member.hear(A, Report(replace(nonsense, role=Role.LEADER)))
    assert member.role() is Role.PASSIVE


def test_mode_none_nonsense_makes_no_leader_take_a_higher_term() -> None:
    """Neither of those who follow it, nor of those who follow nobody."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    assert not of(ack(member, B, known_term=BEYOND), Persist)
    assert not of(member.hear(C, Report(standing(known_term=BEYOND))), Persist)


def test_mode_none_nonsense_is_not_passed_on_to_the_leader() -> None:
    """A follower tells it only of a rival that can be."""
    member = Member(rules_of(C, NONE))
    member.follow(B, 65)
    for term, told in ((2**50, 0), (128, 1)):
        word = Report(standing(term=Term(term), leader=A))
        assert len(sent(member.hear(A, word), Report, B)) == told


# --- the last of all terms ---


def test_where_no_term_is_left_a_member_says_so_and_does_not_stand() -> None:
    """No decoder takes a higher one: it names the way out."""
    member = Member(rules_of(A), found=Record(term=MAX_TERM, vote=A, clean=True))
    member.wait(2 * LISTEN)
    assert member.role() is Role.PASSIVE
    words = obstacle(member.rules, member.state, member.now)
    assert words.startswith(f"no term above {MAX_TERM} is left; stop all members, remove")


def test_where_no_term_is_left_a_leader_goes_on_in_its_own() -> None:
    """Mode none: it does not need a higher one to lead."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    own = Record(serial=9, term=Term(MAX_TERM - 64), vote=A)
    state = replace(member.state, record=own, term=own.term, durable=9)
    member.state = state
    assert not of(ack(member, B, known_term=MAX_TERM), Persist)
    member.feed(Persisted(9))
    assert member.state.term == own.term
