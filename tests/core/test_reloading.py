"""Rules that change while a member runs: nothing moves, and no promise changes its meaning."""

from dataclasses import replace
from typing import Any

import pytest

from hadelect.core.effects import (
    Cancel,
    Effect,
    Emit,
    End,
    Extend,
    Persist,
    Run,
    Send,
    Start,
    Stop,
)
from hadelect.core.events import ControlleeChanged, Drain, Handover, Persisted, Ran, Reloaded
from hadelect.core.explain import standing_rules
from hadelect.core.messages import Alive, AliveAck, AskHandover, PreVoteReply, Report, SendId, Vote
from hadelect.core.reasons import Topic
from hadelect.core.state import Phase
from hadelect.core.vocabulary import (
    Arbitration,
    ControlleeState,
    Errand,
    Millis,
    Outcome,
    Role,
    Rules,
    Term,
)
from tests.core.member import (
    CLEAN,
    LISTEN,
    SECRETS,
    A,
    B,
    C,
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
MODES = list(Arbitration)
LONG: dict[str, Any] = {"heartbeat_ms": 2000, "lease_ms": 12_000, "margin_ms": 2000}
SHORT: dict[str, Any] = {"heartbeat_ms": 200, "lease_ms": 1000, "margin_ms": 250}


def reload(member: Member, **changes: Any) -> tuple[Effect, ...]:
    rules = replace(member.rules, **changes)
    told = member.feed(Reloaded(rules, "reload: other timings"))
    member.rules = rules
    return told


def long_leader() -> Member:
    """With the long lease, and acked just now."""
    member = leader_of(rules_of(), B, C)
    reload(member, **LONG)
    member.wait(2000)
    ack(member, B)
    return member


def ack_of(member: Member, sent_at: int, lease_ms: int) -> AliveAck:
    state = member.state
    said = standing(term=state.term, leader=member.rules.me)
    return AliveAck(state.term, Millis(sent_at), Millis(lease_ms), said)


def authority(member: Member) -> int:
    assert member.state.leading is not None
    return member.state.leading.authority_until


def deadline(member: Member) -> int:
    assert member.state.leading is not None
    return member.state.leading.deadline


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("changes", [LONG, SHORT, {"margin_ms": 1400}, {"restart_limit": 1}])
def test_a_reload_moves_nothing(mode: Arbitration, changes: dict[str, Any]) -> None:
    """The leader leads on in its term, its controllee is not touched, all hear of it at once."""
    member = leader_of(rules_of(arbitration=mode), B, C)
    term = member.state.term
    told = reload(member, **changes)
    assert (member.role(), member.state.term) == (Role.LEADER, term)
    assert not of(told, Stop)
    assert not of(told, Start)
    assert [word.lease_ms for word in sent(told, Alive)] == [member.rules.lease_ms] * 2
    assert reasons(told) == "reload: other timings"


def test_the_same_file_once_more_says_so_and_nothing_else() -> None:
    """A reload without a change sends nothing, whatever the number of reloads."""
    member = leader_of(rules_of(), B, C)
    (told,) = reload(member)
    assert isinstance(told, Emit)


def test_a_refused_reload_is_a_warning() -> None:
    """History and log show it as one."""
    member = Member(rules_of())
    (told,) = member.feed(Reloaded(member.rules, "reload refused: line 7", warning=True))
    assert isinstance(told, Emit)
    assert told.warning


def test_an_ack_of_an_old_alive_counts_for_the_old_lease() -> None:
    """The voter promised 3 s: an ack that comes after the reload gives 3 s, not 12."""
    member = leader_of(rules_of(), B, C)
    member.wait(500)
    before = member.now
    member.now = Millis(before + 40)
    reload(member, **LONG)
    member.hear(B, ack_of(member, before, 3000))
    assert authority(member) == before + 3000
    member.wait(2000)
    ack(member, B)
    assert authority(member) == member.now + 12_000


def test_no_ack_counts_for_more_than_was_ever_said() -> None:
    """Whatever a faulty peer says that it promised."""
    member = leader_of(rules_of(), B, C)
    member.wait(500)
    member.hear(B, ack_of(member, member.now, 3_600_000))
    assert authority(member) == member.now + 3000


def test_a_longer_heartbeat_begins_once_authority_has_room_for_it() -> None:
    """While the followers' disks are slow to take the longer lease, it goes on at the old pace."""
    member = leader_of(rules_of(), B, C)
    reload(member, **LONG)
    for _ in range(8):
        told = member.wait(500)
        assert len(sent(told, Alive, B)) == 1
        member.hear(B, ack_of(member, member.now, 3000))
    ack(member, B)
    member.wait(500)
    told = member.wait(8000)
    assert len(sent(told, Alive, B)) == 4


def test_until_the_disk_knows_of_a_longer_lease_the_old_one_is_acked() -> None:
    """A slow disk does not cost the leader the authority that it had without a reload."""
    member = Member(rules_of(me=B))
    member.follow(A, 64)
    longer = replace(say_alive(A, 64), lease_ms=Millis(12_000))
    told = member.hear(A, longer)
    at_once = [e.message for e in of(told, Send) if isinstance(e.message, AliveAck)]
    (written,) = of(told, Persist)
    assert [said.lease_ms for said in at_once] == [3000]
    assert [said.lease_ms for said in sent((written,), AliveAck)] == [12_000]
    even_longer = replace(say_alive(A, 64), lease_ms=Millis(20_000))
    assert [said.lease_ms for said in sent(member.hear(A, even_longer), AliveAck)] == [3000, 20_000]
    assert [said.lease_ms for said in sent(member.hear(A, longer), AliveAck)] == [3000]
    member.feed(Persisted(member.state.record.serial))
    assert [said.lease_ms for said in sent(member.hear(A, longer), AliveAck)] == [12_000]


def test_authority_is_never_taken_back_by_a_shorter_lease() -> None:
    """Voters keep the longer silence; the leader's tree may live as long as before."""
    member = long_leader()
    until, due = authority(member), deadline(member)
    assert until == member.now + 12_000
    reload(member, **SHORT)
    assert authority(member) == until
    assert deadline(member) == until - 250 > due
    member.wait(200)
    ack(member, B)
    assert (authority(member), deadline(member)) == (until, until - 250)


def test_a_short_lease_carries_on_where_the_long_one_ends() -> None:
    """With acks as usual there is no instant at which SIGKILL is due."""
    member = long_leader()
    reload(member, **SHORT)
    for _ in range(100):
        member.wait(200)
        assert deadline(member) > member.now + 200
        ack(member, C)
    assert authority(member) == member.now + 1000


@pytest.mark.parametrize("mode", MODES)
def test_a_wider_margin_never_makes_sigkill_due_in_the_past(mode: Arbitration) -> None:
    """The deadline waits until authority has grown beyond it by the new margin."""
    member = leader_of(rules_of(arbitration=mode), B, C)
    member.wait(500)
    ack(member, B)
    due = deadline(member)
    told = reload(member, margin_ms=1400)
    assert of(told, Extend) == []
    assert deadline(member) == due
    member.wait(500)
    assert of(ack(member, B), Extend) == []
    for _ in range(2):
        member.wait(500)
        told = ack(member, B)
    assert deadline(member) == member.now + 3000 - 1400


def test_a_narrower_margin_counts_at_once() -> None:
    """Else a shorter lease could not carry on before the wide margin of the longer one."""
    member = leader_of(replace(rules_of(), margin_ms=Millis(1400)), B, C)
    member.wait(500)
    ack(member, B)
    (extend,) = of(reload(member, margin_ms=500), Extend)
    assert extend.deadline == authority(member) - 500


def test_a_voter_keeps_the_longest_silence_that_it_owes() -> None:
    """An Alive with a shorter lease does not shorten what its leader may still count on."""
    member = Member(rules_of(me=B))
    member.hear(A, replace(say_alive(A, 64), lease_ms=Millis(12_000)))
    member.feed(Persisted(member.state.record.serial))
    promise = member.state.promise
    assert promise is not None
    member.wait(500)
    member.hear(A, replace(say_alive(A, 64), lease_ms=Millis(1000)))
    assert member.state.promise == promise
    member.wait(11_000)
    member.hear(A, replace(say_alive(A, 64), lease_ms=Millis(1000)))
    assert member.state.promise is not None
    assert member.state.promise.until == member.now + 1020 > promise.until


def test_a_claim_counts_for_the_lease_that_it_said() -> None:
    """A lease that is reloaded while votes travel is not what the voters promised."""
    member = candidate()
    (claim,) = sent(member.claimed, SendId, B)
    reload(member, **LONG)
    member.feed(Persisted(member.state.record.serial))
    member.hear(B, Vote(claim.term, claim.sent_at))
    assert member.role() is Role.LEADER
    assert authority(member) == claim.sent_at + 3000
    assert deadline(member) == claim.sent_at + 3000 - 2000


def test_a_margin_that_the_claim_does_not_hold_is_no_victory() -> None:
    """It asks again, with the new lease."""
    member = candidate()
    (claim,) = sent(member.claimed, SendId, B)
    reload(member, heartbeat_ms=5000, lease_ms=30_000, margin_ms=5000)
    member.feed(Persisted(member.state.record.serial))
    told = member.hear(B, Vote(claim.term, claim.sent_at))
    assert member.role() is Role.PASSIVE
    assert of(told, Start) == []


class Candidate(Member):
    claimed: tuple[Effect, ...] = ()


def candidate() -> Candidate:
    """In its vote phase; its own vote is not durable yet."""
    member = Candidate(rules_of(), CLEAN)
    for wait in (LISTEN - 1, 500):
        member.hear(B, Report(standing()))
        member.hear(C, Report(standing()))
        member.wait(wait)
    assert member.state.candidacy is not None
    member.claimed = member.hear(B, PreVoteReply(member.state.candidacy.since, None, standing()))
    assert member.state.candidacy.phase is Phase.VOTE
    return member


def test_a_vote_for_a_longer_lease_is_durable_before_it_leaves() -> None:
    """The same term claimed once more with a longer lease: the disk must know of it first."""
    member = Member(rules_of(me=B))
    member.wait(1)
    ask = SendId(Term(64), Millis(1), Millis(3000), hash_of("x"), None)
    member.hear(A, ask)
    member.feed(Persisted(member.state.record.serial))
    told = member.hear(A, replace(ask, sent_at=Millis(2), lease_ms=Millis(12_000)))
    (written,) = of(told, Persist)
    assert written.record.longest_lease_ms == 12_000
    assert [vote.sent_at for vote in sent((written,), Vote)] == [2]


def test_reports_keep_pace_with_the_leaders_lease() -> None:
    """A member with a longer lease of its own is still heard often enough by the others."""
    member = Member(replace(rules_of(me=C), **LONG))
    assert member.state.report_due - member.now <= 4000
    member.hear(A, replace(say_alive(A, 64), lease_ms=Millis(900)))
    told = member.wait(5000)
    for _ in range(3):
        member.hear(A, replace(say_alive(A, 64), lease_ms=Millis(900)))
        told = member.wait(900)
    assert len(sent(told, Report, B)) == 3


# --- HAD_USE_PRIMARY ---


def primary_made_live() -> Member:
    """A is the first entry; B leads when A is made the primary."""
    member = Member(rules_of(me=A))
    member.follow(B, 65)
    reload(member, use_primary=True)
    return member


def asks(member: Member) -> bool:
    told: tuple[Effect, ...] = ()
    for _ in range(5):
        member.follow(member.state.leader or B, member.state.term)
        told += member.wait(1000)
    return bool(sent(told, AskHandover))


def test_a_reload_that_makes_a_primary_moves_nobody() -> None:
    """HAD_USE_PRIMARY = true while another leads: it does not ask for its place."""
    member = primary_made_live()
    assert not asks(member)
    reasons_given = standing_rules(member.rules, member.state)
    assert Topic.PRIMARY_SPARES in [each.topic for each in reasons_given]


def test_the_new_primary_asks_the_next_leader() -> None:
    """Only the leader of that moment is left in its place."""
    member = primary_made_live()
    member.follow(C, 130)
    member.wait(1000)
    assert asks(member)


def test_the_new_primary_asks_when_it_comes_back() -> None:
    """Drained and undrained is a return, like a restart."""
    member = primary_made_live()
    member.feed(Drain(1, True, "maintenance"))
    member.feed(Persisted(member.state.record.serial))
    assert not asks(member)
    member.feed(Drain(2, False, "done"))
    assert asks(member)


def test_a_primary_that_was_one_before_goes_on_asking() -> None:
    """A reload of something else spares nobody."""
    member = Member(replace(rules_of(me=A), use_primary=True))
    member.follow(B, 65)
    reload(member, preempt_delay_ms=100)
    assert asks(member)


# --- hooks and the probe ---

PROBED: dict[str, Any] = {"errands": (Errand.CHECK,), "check_failures": 2}
DONE, FAILED = Outcome.DONE, Outcome.FAILED


def started(**changes: Any) -> Member:
    """A leader whose controllee runs; what it runs of its hooks has not ended."""
    member = leader_of(replace(rules_of(), **changes), B, C)
    member.feed(ControlleeChanged(member.state.term, ControlleeState.RUNNING, pid=7))
    return member


def passes(member: Member, seconds: float) -> tuple[Effect, ...]:
    """Time, with acks as usual."""
    told: tuple[Effect, ...] = ()
    for _ in range(int(seconds * 2)):
        told += member.wait(500) + ack(member, B) + ack(member, C)
    return told


def probes(member: Member, outcome: Outcome, seconds: float = 12) -> tuple[Effect, ...]:
    told = passes(member, 0 if member.state.check.id else seconds)
    assert member.state.check.id, "no probe was begun"
    return told + member.feed(Ran(member.state.check.id, outcome, "exit code 1"))


def runs(effects: tuple[Effect, ...]) -> list[Errand]:
    return [run.errand for run in of(effects, Run)]


def test_a_probe_that_comes_with_a_reload_is_run_at_once() -> None:
    """The controllee that runs is probed, not only the next one."""
    member = started()
    reload(member, **PROBED)
    assert runs(passes(member, 0.5)) == [Errand.CHECK]


def test_a_probe_that_comes_with_a_reload_has_the_start_grace() -> None:
    """A probe that never works touches the controllee after the grace at the earliest."""
    member = started()
    reload(member, **PROBED, start_grace_ms=Millis(25_000))
    for _ in range(3):
        assert not of(probes(member, FAILED), End)
    assert member.state.check.failures == 1
    assert of(probes(member, FAILED), End)


def test_a_probe_that_goes_is_forgotten() -> None:
    """What runs of it is cancelled; when it comes back it begins to count anew."""
    member = started(**PROBED, start_grace_ms=Millis(0))
    probes(member, FAILED)
    passes(member, 12)
    assert member.state.check.failures == 1
    (cancel,) = of(reload(member, errands=()), Cancel)
    assert not runs(passes(member, 12))
    member.feed(Ran(cancel.id, FAILED))
    assert not of(reload(member, **PROBED), End)
    assert member.state.check.failures == 0
    assert not of(probes(member, FAILED), End)


def test_failures_of_another_probe_do_not_count() -> None:
    """A corrected probe judges anew: one failure of its own is not the second in a row."""
    member = started(**PROBED, start_grace_ms=Millis(0), check_digest="wrong path")
    probes(member, FAILED)
    reload(member, check_failures=3)
    assert member.state.check.failures == 1
    reload(member, check_failures=2, check_digest="right path")
    assert member.state.check.failures == 0
    assert not of(probes(member, FAILED), End)
    assert of(probes(member, FAILED), End)


def test_a_shorter_interval_of_probes_counts_at_once() -> None:
    """The next probe does not wait for the end of an hour; a longer one begins after it."""
    member = started(**PROBED, check_interval_ms=Millis(3_600_000))
    probes(member, DONE)
    assert not runs(passes(member, 5))
    reload(member, check_interval_ms=Millis(1000))
    assert runs(passes(member, 1)) == [Errand.CHECK]
    member.feed(Ran(member.state.check.id, DONE))
    due = member.state.check.due
    reload(member, check_interval_ms=Millis(60_000))
    assert member.state.check.due == due


def test_a_running_probe_survives_other_limits() -> None:
    """It is neither cancelled nor run twice; its outcome counts by the new number of failures."""
    member = started(**PROBED, start_grace_ms=Millis(0))
    passes(member, 1)
    running = member.state.check.id
    told = reload(member, check_failures=1)
    assert (of(told, Cancel), member.state.check.id) == ([], running)
    assert of(member.feed(Ran(running, FAILED)), End)


def test_pre_start_that_comes_while_a_start_waits() -> None:
    """The restart that was due without it runs it first."""
    member = started()
    member.feed(ControlleeChanged(member.state.term, ControlleeState.STOPPED, because="signal 9"))
    assert member.state.restart_at is not None
    reload(member, errands=(Errand.PRE_START,))
    told = passes(member, 1)
    assert runs(told) == [Errand.PRE_START]
    assert not of(told, Start)
    hook = member.state.hooks.running
    assert hook is not None
    assert of(member.feed(Ran(hook.id, DONE)), Start)


def test_pre_start_that_goes_while_it_runs() -> None:
    """It ends as it began: the start waits for it, and its veto counts."""
    member = leader_of(replace(rules_of(), errands=(Errand.PRE_START,)), B, C)
    hook = member.state.hooks.running
    assert hook is not None
    told = reload(member, errands=()) + passes(member, 1)
    assert not of(told, Cancel)
    assert not of(told, Start)
    assert "vetoed" in reasons(member.feed(Ran(hook.id, FAILED)))


def test_post_stop_that_comes_is_owed_to_what_runs() -> None:
    """A controllee that runs already is followed by it."""
    member = started()
    ack(member, B)
    reload(member, errands=(Errand.POST_STOP,))
    member.feed(Handover(1, B, "an upgrade"))
    gone = ControlleeChanged(
        member.state.term,
        ControlleeState.STOPPED,
        asked=True,
        secret=SECRETS[A],
        next_secret_hash=hash_of(SECRETS[C]),
    )
    assert runs(member.feed(gone)) == [Errand.POST_STOP]


def test_post_stop_that_comes_to_a_standby_is_not_owed() -> None:
    """Nothing has begun there."""
    member = Member(rules_of(me=B))
    member.follow(A, 64)
    reload(member, errands=(Errand.POST_STOP,))
    assert not member.state.hooks.undo


def test_a_leader_of_before_is_no_news() -> None:
    """HAD_ON_LEADER_CHANGE that comes with a reload tells of the next change, with its leader."""
    member = Member(rules_of())
    member.follow(B, 65)
    assert not runs(reload(member, errands=(Errand.ON_LEADER_CHANGE,)))
    assert not runs(member.follow(B, 65))
    (run,) = of(member.follow(C, 130), Run)
    assert (run.old, run.new) == (B, C)


def test_identity_never_changes_by_a_reload() -> None:
    """That would be a bug of ours."""
    member = Member(rules_of())
    other: Rules = rules_of(members=(A, B))
    with pytest.raises(AssertionError):
        member.feed(Reloaded(other, "another list"))
