"""What is explained of replicated state: one's own copy, what a start waits for, who is behind."""

from hadelect.core.events import ControlleeChanged, Handover, Ran, ReplicaChanged
from hadelect.core.explain import explain
from hadelect.core.messages import Report
from hadelect.core.render import explained
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import ControlleeState, Millis, Outcome
from tests.core.member import B, D, Member, leader_of, rules_of, standing
from tests.core.test_state_gate import RULES, copy_of, elected, running, standby


def lines(member: Member) -> list[str]:
    told = explain(member.rules, member.state, member.now)
    return [f"{'! ' if line.holds_back else ''}{explained(line)}" for line in told]


def test_a_standby_says_how_old_its_copy_is() -> None:
    """Its version and its lag; or that it has none."""
    member = standby(copy_of(5, lag_ms=Millis(2500)))
    assert "its copy of the state is 64.5, 2.5 s behind" in lines(member)
    member.feed(ReplicaChanged(Replica()))
    assert "it has no copy of the state yet" in lines(member)


def test_where_nothing_is_replicated_nothing_is_said() -> None:
    """One's own copy is no subject."""
    assert not any("state is" in line for line in lines(leader_of(rules_of(), B)))


def test_a_leader_says_what_its_start_waits_for() -> None:
    """Whose version; after a failure, why it failed."""
    member, _ = elected(copy_of(5), copy_of(6, ready=False))
    waits = "! NEGOTIATOR does not start yet: waits for state 64.6 from cm2:51450, here is 64.5"
    assert waits in lines(member)
    assert member.state.gate.run is not None
    member.feed(Ran(member.state.gate.run.id, Outcome.FAILED, "64.6 is out of reach"))
    assert "! NEGOTIATOR does not start yet: 64.6 is out of reach" in lines(member)


def test_a_leader_says_that_its_state_goes_nowhere() -> None:
    """It goes on; its controllee runs."""
    member = running(copy_of(5))
    member.feed(ReplicaChanged(copy_of(5, problem="no answer")))
    assert "! its state goes nowhere: no answer" in lines(member)


def test_a_peer_that_is_behind_holds_a_planned_move_back() -> None:
    """By more than REPLICATION_MAX_LAG, or without any copy; a fresh one is not named."""
    late = copy_of(4, lag_ms=Millis(RULES.max_lag_ms + 1000))
    member = running(copy_of(5), said=copy_of(5))
    assert not any(line.startswith(f"! {B}'s copy") for line in lines(member))
    member.hear(B, Report(standing(replica=late)))
    behind = (RULES.max_lag_ms + 1000) / 1000
    assert f"! {B}'s copy of the state is 64.4, {behind:.1f} s behind" in lines(member)


def test_the_last_copy_of_a_leader_that_leaves() -> None:
    """Where it goes."""
    member = running(copy_of(5), said=copy_of(5))
    member.feed(Handover(1, B, "an upgrade"))
    member.feed(ControlleeChanged(member.state.term, ControlleeState.STOPPED, asked=True))
    assert f"! its last state is on its way to {B} before it resigns" in lines(member)


def test_a_witness_says_nothing_of_it() -> None:
    """It has none."""
    assert not any("state" in line for line in lines(Member(rules_of(D, witnesses=(D,)))))
