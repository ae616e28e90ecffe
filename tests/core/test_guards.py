"""Guards that no story needs until the day on which one is missing: each was found untested by a
mutant that survived (tests/mutations).
"""

from dataclasses import replace

import pytest

from hadelect.core.effects import Extend, Persist, Record
from hadelect.core.election import boot
from hadelect.core.events import Released, Shutdown
from hadelect.core.messages import AliveAck, Proof, Resign
from hadelect.core.state import Promise
from hadelect.core.views import obstacle
from hadelect.core.vocabulary import Millis, Role, Term
from tests.core.member import SECRETS, A, B, C, Member, leader_of, of, proof_of, rules_of, standing

FORGED = "11" * 32


@pytest.mark.parametrize("secret", [FORGED, SECRETS[B], ""], ids=["forged", "of another", "none"])
def test_a_death_notice_without_the_secret_moves_nobody(secret: str) -> None:
    """Whoever sent it: the leader lives, the promise to it holds."""
    voter = Member(rules_of(C))
    voter.follow(A, 64)
    before = voter.state
    voter.feed(Released(Proof(Term(64), A, secret)))
    assert (voter.state.leader, voter.state.promise, voter.state.released) == (
        *(A, before.promise),
        before.released,
    )


def test_a_third_members_resignation_moves_nobody() -> None:
    """B says that A has resigned, and cannot prove it."""
    voter = Member(rules_of(C))
    voter.follow(A, 64)
    before = voter.state
    voter.hear(B, Resign(Proof(Term(64), A, FORGED), None, "so they say"))
    assert (voter.state.promise, voter.state.released) == (before.promise, before.released)
    voter.hear(B, Resign(proof_of(A, 64), None, "and here is the secret"))
    assert voter.state.promise is None


def test_an_instant_of_another_boot_says_nothing() -> None:
    """The clock started anew: a clean record of an earlier boot tells to whom, not until when."""
    record = Record(clean=True, promised_to=A, promised_term=Term(64), promised_until=Millis(1))
    state = boot(rules_of(C), record, same_boot=False, now=Millis(500)).state
    assert state.promise == Promise(Term(64), A, Millis(500 + 3030))


def test_a_mute_member_that_stops_writes_down_until_when() -> None:
    """A restart does not make it speak sooner."""
    member = Member(rules_of(C), found=None)
    until = member.state.mute_until
    (written,) = of(member.feed(Shutdown("SIGTERM")), Persist)
    assert (written.record.clean, written.record.mute_until) == (True, until)
    again = boot(rules_of(C), written.record, same_boot=True, now=Millis(100)).state
    assert again.mute_until == until


def test_an_ack_that_was_under_way_for_long_is_worth_as_much_less() -> None:
    """Authority begins when the Alive was sent, not when its ack came."""
    leader = leader_of(rules_of(), B, C)
    leader.wait(500)
    sent_at = leader.now
    leader.wait(400)
    follows = standing(term=leader.state.term, leader=A)
    (extend,) = of(
        leader.hear(B, AliveAck(leader.state.term, sent_at, Millis(3000), follows)), Extend
    )
    assert extend.deadline == sent_at + 3000 - 500


def test_who_promised_silence_does_not_stand() -> None:
    """Not even where patience is over."""
    member = Member(rules_of(C))
    state = replace(member.state, mute_until=Millis(0), patience_until=Millis(0))
    assert obstacle(member.rules, state, Millis(100)) == ""
    promised = replace(state, promise=Promise(Term(64), A, Millis(101)))
    assert "promised silence to" in obstacle(member.rules, promised, Millis(100))
    assert obstacle(member.rules, promised, Millis(101)) == ""
    assert member.role() is Role.PASSIVE
