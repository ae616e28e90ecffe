"""Hooks, the health probe and the fence command: what waits for them, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from hadelect.core.effects import Cancel, Effect, End, Extend, Run, Start, Stop
from hadelect.core.election import wake_at
from hadelect.core.events import (
    ControlleeChanged,
    Handover,
    Ran,
    Shutdown,
    SupervisorReady,
)
from hadelect.core.explain import explain
from hadelect.core.hands import carry_out
from hadelect.core.messages import Goodbye, PreVoteReply, Report, Resign
from hadelect.core.render import because, line
from hadelect.core.state import Phase
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    ControlleeState,
    Errand,
    Millis,
    Outcome,
    Role,
    Rules,
    Term,
)
from tests.core.member import (
    SECRETS,
    A,
    B,
    C,
    Member,
    ack,
    hash_of,
    leader_of,
    of,
    proof_of,
    reasons,
    rules_of,
    say_alive,
    sent,
    standing,
)

ALL = tuple(Errand)
DONE, FAILED, UNKNOWN = Outcome.DONE, Outcome.FAILED, Outcome.UNKNOWN


def rules_with(*errands: Errand, **changes: Any) -> Rules:
    return replace(rules_of(), errands=errands, **changes)


def leader_with(*errands: Errand, **changes: Any) -> Member:
    """Elected; nothing of its hooks has ended yet, but the one at the start."""
    member = leader_of(rules_with(*errands, **changes), B)
    if Errand.POST_STOP in errands:  # Of the start of hadelect.
        ended(member, DONE)
    return member


def ended(member: Member, outcome: Outcome, because: str = "exit code 1") -> tuple[Effect, ...]:
    running = member.state.hooks.running
    assert running is not None
    return member.feed(Ran(running.id, outcome, because))


def runs_now(member: Member) -> Errand | None:
    running = member.state.hooks.running
    return running.errand if running else None


def begins(effects: tuple[Effect, ...]) -> list[Errand]:
    return [run.errand for run in of(effects, Run)]


def tree(member: Member, state: ControlleeState, **facts: Any) -> tuple[Effect, ...]:
    return member.feed(ControlleeChanged(member.state.term, state, **facts))


def dead(member: Member) -> tuple[Effect, ...]:
    """Verified, as it was asked."""
    facts = {"asked": True, "secret": SECRETS[A], "next_secret_hash": hash_of(SECRETS[C])}
    return tree(member, ControlleeState.STOPPED, **facts)


def running_with(*errands: Errand, **changes: Any) -> Member:
    """A leader whose controllee runs; its start hooks are done."""
    member = leader_with(*errands, **changes)
    if Errand.PRE_START in errands:
        ended(member, DONE)
    tree(member, ControlleeState.RUNNING, pid=7)
    if Errand.POST_START in errands:
        ended(member, DONE)
    return member


# --- hooks ---


def test_without_hooks_the_start_waits_for_nothing() -> None:
    """The victory itself starts the controllee."""
    member = leader_of(rules_of(), B)
    assert member.state.leading
    assert member.state.leading.started


def test_pre_start_comes_first() -> None:
    """The controllee starts once HAD_PRE_START is done; until then nothing is extended."""
    member = leader_with(Errand.PRE_START)
    assert runs_now(member) is Errand.PRE_START
    told = member.wait(500) + ack(member, B)
    assert not of(told, Start)
    assert not of(told, Extend)
    (start,) = of(ended(member, DONE), Start)
    assert member.state.leading
    assert start.deadline == member.state.leading.deadline
    member.wait(500)
    assert of(ack(member, B), Extend)


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_veto(outcome: Outcome) -> None:
    """Unfit at once; what it began is taken back, then it resigns in favour of a fit one."""
    member = leader_with(Errand.PRE_START, Errand.POST_STOP)
    ack(member, B)
    told = ended(member, outcome)
    assert "vetoed by HAD_PRE_START: exit code 1" in reasons(told)
    assert of(told, Stop)
    assert not of(told, Start)
    assert begins(dead(member)) == [Errand.POST_STOP]
    (word,) = {(w.successor, w.proof.secret) for w in sent(ended(member, DONE), Resign)}
    assert word == (B, SECRETS[A])
    assert member.state.fitness.until


def test_authority_is_checked_again_after_pre_start() -> None:
    """A hook that outlived the deadline starts nothing before authority is back."""
    member = leader_with(Errand.PRE_START, margin_ms=Millis(1400))
    member.wait(1700)
    assert not of(ended(member, DONE), Start)
    told = ack(member, B) + member.wait(600)
    assert begins(told) == [Errand.PRE_START]


def test_a_planned_stop() -> None:
    """PRE_STOP, stop, POST_STOP, Resign: each waits for the one before it."""
    member = running_with(*ALL)
    ack(member, B)
    ended(member, DONE)  # HAD_ON_LEADER_CHANGE, of its own victory.
    told = member.feed(Handover(1, B, "an upgrade"))
    (run,) = of(told, Run)
    assert (run.errand, run.cause, run.old, run.new) == (
        Errand.PRE_STOP,
        Cause.HANDOVER,
        A,
        B,
    )
    assert not of(told, Stop)
    assert of(ended(member, FAILED), Stop)
    told = dead(member)
    assert begins(told) == [Errand.POST_STOP]
    assert not sent(told, Resign)
    assert member.state.role is Role.LEADER
    assert sent(ended(member, DONE), Resign, to=B)
    assert member.role() is Role.PASSIVE


def test_forced_end_waits_for_nothing() -> None:
    """Authority lost: no HAD_PRE_STOP, what runs is cancelled, HAD_POST_STOP follows the tree."""
    member = leader_with(Errand.PRE_START, Errand.PRE_STOP, Errand.POST_STOP)
    hook = member.state.hooks.running
    assert hook
    told = member.wait(4000)
    assert of(told, Stop)[0].kill
    assert [cancel.id for cancel in of(told, Cancel)] == [hook.id]
    assert member.state.hooks.unwanted
    assert not begins(dead(member))
    assert begins(member.feed(Ran(hook.id, UNKNOWN))) == [Errand.POST_STOP]
    assert not of(member.feed(Ran(hook.id, DONE)), Start)


def test_a_stop_cancels_the_start() -> None:
    """A leader that is stopped during HAD_PRE_START runs no HAD_PRE_STOP: nothing runs yet."""
    member = leader_with(Errand.PRE_START, Errand.PRE_STOP)
    told = member.feed(Shutdown("SIGTERM"))
    assert of(told, Cancel)
    assert of(told, Stop)
    member.feed(Ran(member.state.errand_serial, UNKNOWN))
    assert sent(dead(member), Goodbye)


def test_every_restart_is_a_pair() -> None:
    """An end by itself: HAD_POST_STOP; then HAD_PRE_START before the next start."""
    member = running_with(Errand.PRE_START, Errand.POST_START, Errand.POST_STOP)
    assert begins(tree(member, ControlleeState.STOPPED)) == [Errand.POST_STOP]
    ack(member, B)
    ended(member, DONE)
    (run,) = of(member.wait(1), Run)
    assert (run.errand, run.cause, run.old) == (Errand.PRE_START, Cause.RESTART, A)
    assert of(ended(member, DONE), Start)
    (after,) = of(tree(member, ControlleeState.RUNNING, pid=8), Run)
    assert (after.errand, after.cause) == (Errand.POST_START, Cause.RESTART)


def test_a_restart_waits_for_post_stop() -> None:
    """What HAD_POST_STOP takes down is not what the next start has put up; nor is the member woken
    in vain meanwhile.
    """
    member = running_with(Errand.POST_STOP)
    tree(member, ControlleeState.STOPPED)
    ack(member, B)
    assert wake_at(member.rules, member.state) > member.now
    assert not of(member.wait(300), Start)
    ended(member, FAILED)
    assert of(member.wait(1), Start)


def test_post_start_once() -> None:
    """A controllee that daemonises has started once."""
    member = leader_with(Errand.POST_START)
    assert begins(tree(member, ControlleeState.RUNNING, pid=7)) == [Errand.POST_START]
    assert not begins(tree(member, ControlleeState.RUNNING, pid=8))
    told = ended(member, FAILED, "exit code 9")
    assert "HAD_POST_START failed: exit code 9" in reasons(told)
    assert not of(told, Stop)


def test_resign_waits_for_the_last_post_stop() -> None:
    """The restart limit is reached while HAD_POST_STOP runs: it is waited for, not run again."""
    member = running_with(Errand.POST_STOP, restart_limit=1)
    ack(member, B)
    told = tree(member, ControlleeState.STOPPED, because="exit code 5")
    assert begins(told) == [Errand.POST_STOP]
    assert of(told, Stop)
    assert not sent(dead(member), Resign)
    assert sent(ended(member, DONE), Resign)


def test_an_earlier_life_is_cleaned_up() -> None:
    """HAD_POST_STOP runs when hadelect starts: its predecessor may have been killed."""
    member = Member(rules_with(Errand.POST_STOP), ready=False)
    (run,) = of(member.feed(SupervisorReady(hash_of(SECRETS[A]))), Run)
    assert (run.errand, run.cause) == (Errand.POST_STOP, Cause.BOOT)


def test_stranger_to_all() -> None:
    """An answer that nobody waits for changes nothing."""
    member = leader_of(rules_of(), B)
    assert member.feed(Ran(99, FAILED)) == ()


def test_leader_change() -> None:
    """Every member is told of a new leader, once: the one before it, and whether it resigned."""
    member = Member(rules_with(Errand.ON_LEADER_CHANGE))
    (run,) = of(member.follow(B, 65), Run)
    assert (run.cause, run.old, run.new) == (Cause.FOLLOWS, None, B)
    assert not of(member.follow(B, 65), Run)
    member.hear(B, Resign(proof_of(B, 65), C, "drained"))
    assert not of(member.follow(C, 66), Run)  # The first one still runs.
    (run,) = of(ended(member, DONE), Run)
    assert (run.cause, run.old, run.new) == (Cause.RESIGN, B, C)


def test_of_many_changes_the_last_is_told() -> None:
    """While a hook hangs changes do not pile up."""
    member = Member(rules_with(Errand.ON_LEADER_CHANGE))
    for leader, term in ((B, 65), (C, 66), (B, 129)):
        member.follow(leader, term)
        member.hear(leader, Resign(proof_of(leader, term), None, "stop"))
    (waiting,) = member.state.hooks.waiting
    assert (waiting.old, waiting.new) == (B, B)


# --- the probe ---


def probe(member: Member, outcome: Outcome, because: str = "exit code 1") -> tuple[Effect, ...]:
    """The next one, once it is due."""
    for peer in (B, C):
        ack(member, peer)
    told: tuple[Effect, ...] = ()
    while not member.state.check.id:
        told += member.wait(100)
        ack(member, B)
    return told + member.feed(Ran(member.state.check.id, outcome, because))


def checked(**changes: Any) -> Member:
    fast: dict[str, Any] = {"check_interval_ms": Millis(1000), "start_grace_ms": Millis(0)}
    return running_with(Errand.CHECK, **{**fast, **changes})


def test_a_hung_controllee_is_restarted() -> None:
    """Three failures in a row end the tree; the leadership goes on, and it starts again."""
    member = checked()
    for _ in range(2):
        assert not of(probe(member, FAILED), End)
    (end,) = of(probe(member, FAILED), End)
    assert end.because == "NEGOTIATOR hangs: 3 probes in a row failed (exit code 1)"
    told = tree(member, ControlleeState.STOPPED, because="signal 15")
    assert "NEGOTIATOR hangs: 3 probes in a row failed (exit code 1); signal 15" in reasons(told)
    ack(member, B)
    assert of(member.wait(1), Start)
    assert member.state.controllee.restarts == 1


def test_one_success_forgives() -> None:
    """Failures count in a row only."""
    member = checked()
    for outcome in (FAILED, FAILED, DONE, FAILED, FAILED):
        assert not of(probe(member, outcome), End)
    assert of(probe(member, FAILED), End)


def test_well_again_is_told_once() -> None:
    """Changes are told, not every probe."""
    member = checked()
    assert reasons(probe(member, DONE)) == ""
    assert "the probe of NEGOTIATOR failed" in reasons(probe(member, FAILED))
    assert reasons(probe(member, FAILED)) == ""
    assert "well again" in reasons(probe(member, DONE))


def test_unknown_is_not_failed() -> None:
    """A probe that cannot be run never counts, however often; it is told."""
    member = checked()
    told = tuple(effect for _ in range(20) for effect in probe(member, UNKNOWN, "no such file"))
    assert reasons(told) == "the probe of NEGOTIATOR tells nothing: no such file"
    assert not of(told, End)


def test_start_grace() -> None:
    """Before the first success failures within the grace do not count; after it they do."""
    member = checked(start_grace_ms=Millis(5000), check_failures=1)
    for _ in range(3):
        assert not of(probe(member, FAILED), End)
    probe(member, DONE)
    assert of(probe(member, FAILED), End)


def test_slow_starter_that_never_is_well() -> None:
    """After the grace it counts as hung."""
    member = checked(start_grace_ms=Millis(3000), check_failures=1)
    told: tuple[Effect, ...] = ()
    while not of(told, End):
        told = probe(member, FAILED)
    assert member.now > 3000


def test_probe_while_leaving() -> None:
    """A leader on its way out begins no probe, and the outcome of one ends nothing."""
    member = checked(check_failures=1)
    ack(member, B)
    member.wait(0)
    while not member.state.check.id:
        member.wait(100)
        ack(member, B)
    member.feed(Shutdown("SIGTERM"))
    assert not of(member.feed(Ran(member.state.check.id, FAILED)), End)
    assert not begins(member.wait(1500))


def test_probe_of_a_dead_tree_is_cancelled() -> None:
    """Its outcome says nothing of the next tree."""
    member = checked()
    while not member.state.check.id:
        member.wait(100)
        ack(member, B)
    running = member.state.check.id
    assert [cancel.id for cancel in of(tree(member, ControlleeState.STOPPED), Cancel)] == [running]
    member.feed(Ran(running, FAILED))
    assert member.state.check.failures == 0


# --- the fence command ---


def fencing(*, errands: tuple[Errand, ...] = (Errand.FENCE,)) -> Member:
    """Mode none: B followed A, which fell silent; C grants."""
    rules = replace(rules_of(me=B, arbitration=Arbitration.NONE), errands=errands)
    member = Member(rules)
    member.hear(C, Report(standing()))
    member.follow(A, 64)
    while member.state.candidacy is None or member.state.candidacy.phase is Phase.PROBE:
        member.wait(50)
        member.hear(C, Report(standing()))
    grant(member)
    return member


def grant(member: Member) -> tuple[Effect, ...]:
    candidacy = member.state.candidacy
    assert candidacy is not None
    return member.hear(C, PreVoteReply(candidacy.since, None, standing()))


def phase(member: Member) -> Phase | None:
    return member.state.candidacy.phase if member.state.candidacy else None


def test_fence_before_the_vote() -> None:
    """No term is claimed before the silent leader is fenced; after it all are asked once more."""
    member = fencing()
    assert phase(member) is Phase.FENCE
    assert member.state.candidacy
    fence = member.state.candidacy.fence_id
    member.hear(A, Goodbye("clean stop"))
    member.wait(5000)
    assert phase(member) is Phase.FENCE
    member.hear(C, Report(standing()))
    told = member.feed(Ran(fence, DONE))
    assert "cm1:51450 is fenced" in reasons(told)
    assert phase(member) is Phase.PREVOTE
    member.hear(C, Report(standing()))
    grant(member)
    assert phase(member) is Phase.VOTE


def test_without_a_fence_command_nothing_waits() -> None:
    """The grants of the pre-vote lead to the vote at once."""
    assert phase(fencing(errands=())) is Phase.VOTE


def test_a_fence_that_fails_puts_the_take_over_off() -> None:
    """It is tried again after 2, 4, 8 … seconds, from the question to the silent leader on."""
    member = fencing()
    for wait in (2, 4):
        assert member.state.candidacy
        told = member.feed(Ran(member.state.candidacy.fence_id, FAILED, "exit code 1"))
        assert f"tried again in {wait} s" in reasons(told)
        assert member.role() is Role.PASSIVE
        member.wait(wait * 1000 - 10)
        assert member.role() is Role.PASSIVE
        while phase(member) is not Phase.FENCE:
            member.wait(20)
            member.hear(C, Report(standing()))
            if phase(member) is Phase.PREVOTE:
                grant(member)


def test_a_leader_that_is_heard_again_is_not_fenced() -> None:
    """The command is cancelled."""
    member = fencing()
    assert of(member.hear(A, say_alive(A, 64)), Cancel)
    assert member.role() is Role.PASSIVE


def test_released_by_proof_needs_no_fence() -> None:
    """A leader that resigned, or whose death is proven, is not fenced."""
    rules = replace(rules_of(me=B, arbitration=Arbitration.NONE), errands=(Errand.FENCE,))
    member = Member(rules)
    member.hear(C, Report(standing()))
    member.follow(A, 64)
    member.wait(2900)
    member.hear(C, Report(standing()))
    told = member.hear(A, Resign(proof_of(A, 64), B, "drained"))
    assert phase(member) is Phase.VOTE
    assert not begins(told)


def test_post_stop_waits_behind_a_hook_that_runs() -> None:
    """Resign comes after HAD_POST_STOP, not after what ran before it; news come last."""
    member = running_with(Errand.POST_STOP, Errand.POST_START, Errand.ON_LEADER_CHANGE)
    ack(member, B)
    assert runs_now(member) is Errand.POST_START
    member.feed(Handover(1, B, "an upgrade"))
    assert not begins(dead(member))
    told = ended(member, DONE)
    assert begins(told) == [Errand.POST_STOP]
    assert not sent(told, Resign)
    told = ended(member, DONE)
    assert sent(told, Resign)


def test_explains_the_fence() -> None:
    """What a candidate waits for is told."""
    member = fencing()
    told = explain(member.rules, member.state, member.now)
    assert "waits for HAD_FENCE_COMMAND to fence the silent cm1:51450" in map(because, told)


class Recorder:
    """Hands that write down what they are asked for."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda effect: self.did.append(f"{name}: {line(effect)}")


def test_hands_and_words() -> None:
    """Each effect meets the method of its name, and has words."""
    hands: Any = Recorder()
    effects = (End(Term(7), "it hangs"), Run(1, Errand.CHECK, Term(7), Cause.BOOT), Cancel(1))
    carry_out(effects, hands)
    assert hands.did == [
        "end_tree: ends the controllee, term 7 goes on: it hangs",
        "run_errand: runs CHECK",
        "cancel: kills its errand 1",
    ]
