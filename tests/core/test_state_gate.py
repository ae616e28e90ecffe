"""The gate before a controllee whose state is replicated; its stories are tests/traces/state_*."""

from dataclasses import replace
from typing import Any

import pytest

from hadelect.core.copies import copy_now
from hadelect.core.copies import copy_of as copy_of_peer
from hadelect.core.effects import Answer, Cancel, Effect, Run, Start, Stop
from hadelect.core.events import (
    ControlleeChanged,
    Drain,
    Handover,
    Persisted,
    Ran,
    ReplicaChanged,
    ReplicationSaid,
)
from hadelect.core.messages import AskHandover, PreVoteReply, Report, Resign, SendId, Vote
from hadelect.core.state_gate import UNKNOWN_YET, newest_heard
from hadelect.core.versions import Replica, Version
from hadelect.core.views import standing_of, unfit_because
from hadelect.core.vocabulary import (
    ControlleeState,
    Errand,
    Millis,
    Name,
    Outcome,
    Role,
    Rules,
    Term,
)
from tests.core.member import (
    LISTEN,
    SECRETS,
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
from tests.core.test_leading import keep_leading

PREPARE, FLUSH = Errand.PREPARE_STATE, Errand.FLUSH_STATE
DONE, FAILED, UNKNOWN = Outcome.DONE, Outcome.FAILED, Outcome.UNKNOWN
RULES = replace(rules_of(), replicates=True)


def version(term: int, sequence: int, digest: str = "abc") -> Version:
    return Version(Term(term), sequence, digest)


def copy_of(sequence: int, **changes: Any) -> Replica:
    own = version(64, sequence)
    return replace(Replica(own, own, ready=True), **changes)


def standby(replica: Replica | None = None, rules: Rules = RULES) -> Member:
    """A member that follows B; `replica` is the first word of its own replication daemon."""
    member = Member(rules)
    member.hear(C, Report(standing()))
    member.follow(B, 65)
    if replica is not None:
        member.feed(ReplicaChanged(replica))
    return member


def elected(
    own: Replica, said: Replica | None = None, voted: Replica | None = None, rules: Rules = RULES
) -> tuple[Member, tuple[Effect, ...]]:
    """A leader by the vote of B, and what it wants done. `said` in B's standing, `voted` in it."""
    member = Member(rules)
    member.feed(ReplicaChanged(own))
    member.hear(B, Report(standing(replica=said)))
    member.wait(LISTEN - 1)
    member.hear(B, Report(standing(replica=said)))
    member.wait(500)
    assert member.state.candidacy is not None
    member.hear(B, PreVoteReply(member.state.candidacy.since, None, standing(replica=said)))
    candidacy = member.state.candidacy
    member.hear(B, Vote(candidacy.term, candidacy.since, voted))
    effects = member.feed(Persisted(member.state.record.serial))
    assert member.state.role is Role.LEADER
    return member, effects


def running(own: Replica, **kinds: Any) -> Member:
    """A leader whose controllee runs on its state."""
    member, _ = elected(own, **kinds)
    member.feed(ControlleeChanged(member.state.term, ControlleeState.RUNNING, pid=7))
    return member


def test_a_copy_grows_old_between_two_words_of_it() -> None:
    """While somebody else leads it is told older by the time since then; one's own, when leading,
    or while nobody leads, is as old as it was.
    """
    member = standby(copy_of(5, lag_ms=Millis(200)))
    member.wait(700)
    found = copy_now(member.state, member.now)
    assert found == copy_of(5, lag_ms=Millis(900))
    assert member.state.replica == copy_of(5, lag_ms=Millis(200))
    leading = running(copy_of(5))
    leading.wait(700)
    assert copy_now(leading.state, leading.now) == copy_of(5)
    alone = Member(RULES)
    alone.feed(ReplicaChanged(copy_of(5, lag_ms=Millis(200))))
    alone.wait(300)
    assert copy_now(alone.state, alone.now) == copy_of(5, lag_ms=Millis(200))
    nothing = Member(rules_of())
    assert copy_now(nothing.state, nothing.now) is None


def test_a_copy_that_is_told_is_as_old_as_it_is_then() -> None:
    """In all that a member says of itself, its vote too: not as old as its daemon said before."""
    member = standby(copy_of(5, lag_ms=Millis(200)))
    member.wait(300)
    told = standing_of(RULES, member.state, member.now).replica
    assert told == copy_of(5, lag_ms=Millis(500))


def test_a_peers_copy_grows_old_between_two_words_of_it() -> None:
    """Also while it says other things; the leader's own is as old as it said."""
    member = standby(copy_of(5))

    def age_of(peer: Name) -> Millis:
        found = copy_of_peer(member.state, member.state.peer(peer), member.now)
        assert found is not None
        return found.lag_ms

    for peer in (B, C):
        member.hear(peer, Report(standing(replica=copy_of(5, lag_ms=Millis(200)))))
    member.wait(300)
    member.hear(C, Vote(Term(64), Millis(0), None))
    member.wait(100)
    assert (age_of(B), age_of(C)) == (200, 600)
    member.hear(C, Report(standing(replica=copy_of(5, lag_ms=Millis(50)))))
    assert age_of(C) == 50
    member.wait(10)
    member.hear(C, Vote(Term(64), Millis(0), copy_of(5, lag_ms=Millis(70))))
    assert age_of(C) == 70
    member.hear(C, Report(standing()))
    assert copy_of_peer(member.state, member.state.peer(C), member.now) is None


def asked(effects: tuple[Effect, ...]) -> Run:
    (run,) = of(effects, Run)
    return run


def ended(member: Member, outcome: Outcome, because: str = "out of reach") -> tuple[Effect, ...]:
    run = member.state.gate.run
    assert run is not None
    return member.feed(Ran(run.id, outcome, because))


def exits(member: Member) -> ControlleeChanged:
    return ControlleeChanged(member.state.term, ControlleeState.STOPPED, because="exit code 1")


def dead(member: Member) -> ControlleeChanged:
    """The supervisor has verified the end of the tree."""
    values = {"asked": True, "secret": SECRETS[A], "next_secret_hash": hash_of("next")}
    return ControlleeChanged(member.state.term, ControlleeState.STOPPED, **values)  # type: ignore[arg-type]


# --- a start ---


def test_where_nothing_is_replicated_there_is_no_gate() -> None:
    """A member's standing says so, and what a daemon of another configuration says is not heard."""
    member = leader_of(rules_of(), B)
    assert standing_of(member.rules, member.state, member.now).replica is None
    assert member.feed(ReplicaChanged(copy_of(1, problem="no"))) == ()
    assert member.state.replica is None
    assert member.state.leading is not None
    assert member.state.leading.started


def test_a_witness_has_no_state() -> None:
    """It is not asked for any."""
    rules = replace(rules_of(D, witnesses=(D,)), replicates=True)
    assert Member(rules).state.replica is None


@pytest.mark.parametrize(
    "said, voted",
    [
        (None, None),
        (copy_of(5), None),
        (copy_of(4), copy_of(5)),
        (Replica(), None),
        (copy_of(4, known=version(64, 5)), None),
    ],
)
def test_state_that_is_current_costs_no_question(
    said: Replica | None, voted: Replica | None
) -> None:
    """Ready, and no voter holds or knows anything newer: the controllee starts in that step."""
    _, effects = elected(copy_of(5), said, voted)
    assert of(effects, Start)
    assert not of(effects, Run)


@pytest.mark.parametrize(
    "own, said, voted, why",
    [
        (copy_of(5), copy_of(6), None, "waits for state 64.6 from cm2:51450, here is 64.5"),
        (copy_of(5), copy_of(5), copy_of(6), "waits for state 64.6 from cm2:51450"),
        (copy_of(5), copy_of(4, known=version(64, 6)), None, "waits for state 64.6, here is"),
        (copy_of(5, known=version(65, 1)), copy_of(5), None, "waits for state 65.1, here is"),
        (copy_of(5), copy_of(5, version=version(64, 5, "other")), None, "waits for state 64.5"),
        (copy_of(5, version=None, known=None), copy_of(6), None, "here is none"),
        (copy_of(5, ready=False), copy_of(5), None, "its replication daemon is not ready"),
    ],
)
def test_a_winner_that_may_lack_something_asks_first(
    own: Replica, said: Replica, voted: Replica | None, why: str
) -> None:
    """Whatever tells it so: a standing, a vote, what anybody knows of, another content, its own."""
    member, effects = elected(own, said, voted)
    assert asked(effects).errand is PREPARE
    assert not of(effects, Start)
    assert why in reasons(effects)
    assert member.state.controllee.state is ControlleeState.STARTING
    assert newest_heard(member.rules, member.state) is not None


def test_a_vote_of_a_stranger_to_replication_tells_nothing() -> None:
    """An older member votes without naming a state: what it said before stands."""
    _, effects = elected(copy_of(5), copy_of(6), None)
    assert asked(effects).errand is PREPARE


def test_a_peer_that_is_not_reached_is_not_waited_for() -> None:
    """Only who was heard within a lease counts."""
    member, _ = elected(copy_of(5), copy_of(5))
    member.hear(C, Report(standing(replica=copy_of(9))))
    member.wait(3001)
    assert newest_heard(member.rules, member.state) is None


def test_prepared_state_is_started_on() -> None:
    """HAD_PRE_START comes after it."""
    rules = replace(RULES, errands=(Errand.PRE_START,))
    member, _ = elected(copy_of(5), copy_of(6), rules=rules)
    member.feed(ReplicaChanged(copy_of(6)))
    effects = ended(member, DONE, "12 s of changes are lost")
    assert asked(effects).errand is Errand.PRE_START
    assert "its state is ready after 0.0 s: 64.6; 12 s of changes" in reasons(effects)
    hook = member.state.hooks.running
    assert hook is not None
    assert of(member.feed(Ran(hook.id, DONE)), Start)


def test_a_first_state_of_all_is_prepared_too() -> None:
    """Nothing was ever kept: the daemon agrees."""
    nothing = copy_of(1, version=None, known=None, ready=False)
    member, effects = elected(nothing)
    assert asked(effects).errand is PREPARE
    effects = ended(member, DONE, "")
    assert of(effects, Start)
    assert "nothing kept before" in reasons(effects)


def test_a_preparation_that_outlasts_the_authority_starts_nothing() -> None:
    """The deadline has passed; once authority is back it goes on."""
    member, _ = elected(copy_of(5), copy_of(6))
    deadline = member.state.leading and member.state.leading.deadline
    member.now = Millis((deadline or 0) + 1)
    effects = ended(member, DONE, "")
    assert not of(effects, Start)
    assert member.state.restart_at == member.now + member.rules.heartbeat_ms


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_state_that_is_not_ready_is_asked_for_again(outcome: Outcome) -> None:
    """It leads and starts nothing; the same reason is told once; a new question every 3 s."""
    member, effects = elected(copy_of(5), copy_of(4, known=version(64, 6)))
    first = asked(effects)
    assert "not ready: out of reach" in reasons(ended(member, outcome))
    assert not of(member.feed(ReplicaChanged(copy_of(5, lag_ms=Millis(9)))), Run)
    assert not of(member.feed(Ran(first.id, DONE)), Start)  # An answer that comes too late.
    effects = ()
    for _ in range(6):
        effects += member.wait(500)
        ack(member, B)
    again = asked(effects)
    assert (again.errand, again.term) == (PREPARE, member.state.term)
    assert again.id > first.id
    assert reasons(ended(member, outcome)) == ""
    assert member.state.role is Role.LEADER


def test_what_was_lacking_is_there_now() -> None:
    """The daemon's word that something changed brings the next question at once."""
    member, _ = elected(copy_of(5), copy_of(4, known=version(64, 6)))
    ended(member, FAILED)
    member.feed(ReplicaChanged(copy_of(6)))
    assert asked(member.wait(1)).errand is PREPARE


def test_the_leadership_goes_to_who_can_start_with_the_state() -> None:
    """Once per cooldown; the member is unfit until then."""
    member, _ = elected(copy_of(5), copy_of(6))
    effects = ended(member, FAILED, "disk full")
    assert of(effects, Stop)
    assert member.state.leaving is not None
    assert member.state.leaving.successor == B
    assert member.state.fitness.until == member.now + member.rules.unfit_cooldown_ms
    effects = member.feed(dead(member))
    assert sent(effects, Resign, B)  # Nothing ran: there is no last state.
    assert "disk full" in unfit_because(member.rules, member.state)


@pytest.mark.parametrize(
    "theirs",
    [
        copy_of(6, ready=False),
        copy_of(6, problem="no room"),
        copy_of(4),
        None,
    ],
)
def test_nobody_gets_it_who_could_not_start_either(theirs: Replica | None) -> None:
    """Not ready, in trouble, older than ours, or without a word of it."""
    member, _ = elected(copy_of(5, ready=False), theirs)
    ended(member, FAILED)
    assert member.state.leaving is None
    assert member.state.gate.retry_at is not None


def test_a_drained_holder_is_no_heir() -> None:
    """It may hold the newest state, and must not lead."""
    member, _ = elected(copy_of(5), copy_of(6))
    member.hear(B, Report(standing(replica=copy_of(6), drained=True)))
    ended(member, FAILED)
    assert member.state.leaving is None


def away() -> Member:
    """It could not have state 64.6, left in favour of B and follows it."""
    member, _ = elected(copy_of(5), copy_of(6))
    ended(member, FAILED, "disk full")
    member.feed(dead(member))
    member.follow(B, 65)
    member.hear(B, say_alive(B, 65, replica=copy_of(6)))
    return member


def test_with_the_newest_state_it_is_fit_again() -> None:
    """Before its cooldown is over; not for a change that brings it no nearer."""
    member = away()
    assert "fit again" not in reasons(member.feed(ReplicaChanged(copy_of(5, lag_ms=Millis(1)))))
    assert "fit again" in reasons(member.feed(ReplicaChanged(copy_of(6))))
    assert unfit_because(member.rules, member.state) == ""
    assert member.state.fitness.until is None


def test_another_cooldown_goes_on() -> None:
    """The state is there, but its controllee ended too often, too."""
    member = away()
    until = Millis(member.now + 60_000)
    fitness = replace(member.state.fitness, controllee="ended 3 times", until=until)
    member.state = replace(member.state, fitness=fitness)
    member.feed(ReplicaChanged(copy_of(6)))
    assert unfit_because(member.rules, member.state) == "ended 3 times"
    assert member.state.fitness.until == until


def test_the_cooldown_ends_by_itself_too() -> None:
    """It may try once more, whatever its copy."""
    member = away()
    for _ in range(member.rules.unfit_cooldown_ms // 1000 + 1):
        member.wait(1000)
        member.hear(B, say_alive(B, 65, sent_at=member.now))
    assert unfit_because(member.rules, member.state) == ""


# --- a restart ---


def test_a_restart_asks_nothing_if_the_files_are_there() -> None:
    """They are what this leadership wrote; dirty is normal."""
    member = running(copy_of(5))
    member.feed(exits(member))
    assert of(member.wait(1), Start)


def test_a_restart_does_without_a_daemon_that_is_silent() -> None:
    """Its own files, unasked; but the daemon is waited for first."""
    member = running(copy_of(5))
    silent = copy_of(5, ready=False, problem="the replication daemon does not answer")
    member.feed(ReplicaChanged(silent))
    member.feed(exits(member))
    assert asked(member.wait(1)).errand is PREPARE
    effects = ended(member, UNKNOWN, "it does not answer")
    assert of(effects, Start)
    assert "on the files that it left, unasked" in reasons(effects)


def test_a_restart_is_refused_where_the_files_are_gone() -> None:
    """That is the daemon's word, and it counts."""
    member = running(copy_of(5))
    member.feed(ReplicaChanged(copy_of(5, ready=False, problem="STATE_FILE is empty")))
    member.feed(exits(member))
    member.wait(1)
    assert not of(ended(member, FAILED, "STATE_FILE is empty"), Start)


def test_silence_after_a_refusal_is_no_consent() -> None:
    """Seed 431: the files were gone, its daemon had said so, and was frozen then."""
    member = running(copy_of(5))
    member.feed(ReplicaChanged(copy_of(5, ready=False, problem="STATE_FILE is empty")))
    member.feed(exits(member))
    member.wait(1)
    ended(member, FAILED, "STATE_FILE is empty")
    keep_leading(member, 3_500, B, C)
    assert member.state.gate.run is not None
    assert not of(ended(member, UNKNOWN, "it does not answer"), Start)


# --- the end ---


def leaving(*hooks: Errand) -> Member:
    """A handover to B is under way."""
    own = copy_of(5)
    member = running(own, said=own, rules=replace(RULES, errands=hooks))
    member.feed(Handover(1, B, "an upgrade"))
    return member


def test_the_last_state_goes_to_the_successor_before_the_last_word() -> None:
    """Resign waits for it, and Alive goes on."""
    member = leaving()
    effects = member.feed(dead(member))
    run = asked(effects)
    assert (run.errand, run.old, run.new) == (FLUSH, A, B)
    assert not sent(effects, Resign)
    member.feed(ReplicaChanged(copy_of(6)))
    effects = ended(member, DONE, "")
    assert sent(effects, Resign, B)
    assert "its last state, 64.6, is at cm2:51450" in reasons(effects)


def test_hooks_come_before_the_last_copy() -> None:
    """HAD_POST_STOP may still write."""
    member = leaving(Errand.POST_STOP)
    boot_hook = member.state.hooks.running
    assert boot_hook is not None
    effects = member.feed(Ran(boot_hook.id, DONE))
    effects = member.feed(dead(member))
    assert asked(effects).errand is Errand.POST_STOP
    hook = member.state.hooks.running
    assert hook is not None
    assert asked(member.feed(Ran(hook.id, DONE))).errand is FLUSH


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_a_last_copy_that_fails_holds_nothing_up(outcome: Outcome) -> None:
    """It is said, and the leader resigns."""
    member = leaving()
    member.feed(dead(member))
    effects = ended(member, outcome, "not done in 30 s")
    assert sent(effects, Resign, B)
    assert "may be nowhere else" in reasons(effects)


def test_authority_that_ends_during_the_last_copy_drops_it() -> None:
    """Somebody else may lead."""
    member = leaving()
    run = asked(member.feed(dead(member)))
    assert Cancel(run.id) in member.wait(4000)
    assert member.state.gate.run is None


def test_nobody_in_particular_takes_the_last_copy() -> None:
    """Whoever is reached."""
    member = running(copy_of(5), said=copy_of(5))
    member.hear(B, Report(standing(replica=copy_of(5), drained=True)))
    member.feed(Drain(1, True, "maintenance", force=True))
    assert asked(member.feed(dead(member))).new is None
    assert "is at another member" in reasons(ended(member, DONE, ""))


def test_a_planned_end_drops_the_preparation() -> None:
    """Nothing was started: nothing is flushed."""
    member, effects = elected(copy_of(5), copy_of(6))
    run = asked(effects)
    assert Cancel(run.id) in member.feed(Handover(1, B, "an upgrade"))
    assert sent(member.feed(dead(member)), Resign, B)


def test_a_planned_end_between_two_tries_has_nothing_to_drop() -> None:
    """The failed one is over."""
    member, _ = elected(copy_of(5), copy_of(4, known=version(64, 6)))
    ended(member, FAILED)
    assert not of(member.feed(Handover(1, B, "an upgrade")), Cancel)
    assert member.state.gate.run is None


# --- who may have it ---


def refusal(member: Member, event: Handover | Drain) -> str:
    (answer,) = of(member.feed(event), Answer)
    return "" if answer.ok else answer.text


def test_a_handover_to_state_that_is_too_old_is_refused() -> None:
    """It says how far it is; with force it goes."""
    member = running(copy_of(5), said=copy_of(3, lag_ms=Millis(400_000)))
    words = refusal(member, Handover(1, B, "an upgrade"))
    assert "cm2:51450's state is too old: 64.3, 400.0 s behind" in words
    assert "too old" in refusal(member, Handover(1, None, "an upgrade"))
    assert "too old" in refusal(member, Drain(1, True, "maintenance"))
    member.feed(Handover(1, B, "an upgrade", force=True))
    assert member.state.leaving is not None


def test_a_handover_to_who_has_no_copy_is_refused() -> None:
    """But where nobody has one there is nothing to lack."""
    member = running(copy_of(5), said=Replica())
    assert "it has no copy yet" in refusal(member, Handover(1, B, "an upgrade"))
    member = running(Replica(ready=True), said=Replica())
    assert refusal(member, Handover(1, B, "an upgrade", dry_run=True)) == ""


def test_a_handover_whose_last_changes_cannot_be_copied_is_refused() -> None:
    """A daemon that is silent here copies nothing."""
    member = running(copy_of(5), said=copy_of(5))
    member.feed(ReplicaChanged(copy_of(5, problem="it does not answer")))
    assert "could not be handed over: it does" in refusal(member, Handover(1, B, "an upgrade"))
    assert "could not be handed over: it does" in refusal(member, Drain(1, True, "maintenance"))


def test_a_peer_that_says_nothing_of_its_state_is_not_held_back() -> None:
    """An older member."""
    member = running(copy_of(5), said=None)
    assert refusal(member, Handover(1, B, "an upgrade", dry_run=True)) == ""


def test_the_successor_is_the_most_senior_whose_state_is_good_enough() -> None:
    """The most senior of all if none is."""
    member = running(copy_of(5), said=copy_of(3, lag_ms=Millis(400_000)))
    member.hear(C, Report(standing(replica=copy_of(4, lag_ms=Millis(100)))))
    (answer,) = of(member.feed(Handover(1, None, "an upgrade", dry_run=True)), Answer)
    assert C in answer.text
    member.hear(C, Report(standing(replica=copy_of(4, lag_ms=Millis(400_000)))))
    (answer,) = of(member.feed(Handover(1, None, "", force=True, dry_run=True)), Answer)
    assert B in answer.text


def test_the_primary_gets_its_place_back_with_current_state_only() -> None:
    """The leader looks, too."""
    rules = replace(RULES, me=B, use_primary=True)
    member, _ = elected_junior(rules)
    for replica, gets in ((Replica(), False), (copy_of(5), True)):
        member.hear(A, Report(standing(replica=replica)))
        member.hear(A, AskHandover(member.state.term, "the primary is back"))
        assert (member.state.leaving is not None) is gets


def elected_junior(rules: Rules) -> tuple[Member, tuple[Effect, ...]]:
    """B leads by the vote of C."""
    member = Member(rules)
    member.feed(ReplicaChanged(copy_of(5)))
    member.hear(C, Report(standing()))
    member.wait(LISTEN - 1)
    member.hear(C, Report(standing()))
    member.wait(500)
    assert member.state.candidacy is not None
    member.hear(C, PreVoteReply(member.state.candidacy.since, None, standing()))
    candidacy = member.state.candidacy
    member.hear(C, Vote(candidacy.term, candidacy.since))
    effects = member.feed(Persisted(member.state.record.serial))
    assert member.state.role is Role.LEADER
    return member, effects


@pytest.mark.parametrize(
    "own, asks",
    [
        (copy_of(5), True),
        (copy_of(3, lag_ms=Millis(400_000)), False),
        (Replica(), False),
        (copy_of(5, problem="no room"), False),
    ],
)
def test_the_primary_asks_for_its_place_with_current_state_only(own: Replica, asks: bool) -> None:
    """Not without a copy, nor with one that is too old or in trouble."""
    member = standby(own, replace(RULES, use_primary=True))
    member.hear(B, say_alive(B, 65, replica=copy_of(5)))
    assert bool(sent(member.wait(1100), AskHandover, B)) is asks


# --- the daemon's word ---


def test_without_a_word_of_its_daemon_a_member_is_unfit() -> None:
    """From the start; a leader goes on."""
    member = standby()
    assert unfit_because(member.rules, member.state) == UNKNOWN_YET.problem
    member.feed(ReplicaChanged(copy_of(5)))
    assert unfit_because(member.rules, member.state) == ""
    leader = running(copy_of(5))
    effects = leader.feed(ReplicaChanged(copy_of(5, problem="it does not answer")))
    assert "it does not answer" in reasons(effects)
    assert not of(effects, Stop)
    assert unfit_because(leader.rules, leader.state) == ""


def test_trouble_with_the_state_is_told_at_once_and_once() -> None:
    """To people and to the peers; a lag that runs is neither."""
    member = standby(copy_of(5))
    member.wait(1)
    effects = member.feed(ReplicaChanged(copy_of(5, problem="no room")))
    assert "no room" in reasons(effects)
    assert sent(member.wait(1), Report, C)
    assert member.feed(ReplicaChanged(copy_of(5, problem="no room", lag_ms=Millis(1)))) == ()
    assert "well: 64.5" in reasons(member.feed(ReplicaChanged(copy_of(5))))
    nothing = copy_of(5, version=None)
    member.feed(ReplicaChanged(replace(nothing, problem="no room")))
    assert "well: none yet" in reasons(member.feed(ReplicaChanged(nothing)))


def test_what_the_daemon_did_is_passed_on_to_people() -> None:
    """With or without a warning."""
    member = standby(copy_of(5))
    assert reasons(member.feed(ReplicationSaid("a line is aside", warning=True))) == (
        "a line is aside"
    )


def test_a_vote_names_the_state_of_the_voter() -> None:
    """As of the moment of the vote."""
    member = Member(RULES)
    member.feed(ReplicaChanged(copy_of(5)))
    member.wait(3000)
    effects = member.hear(B, SendId(Term(65), Millis(9), Millis(3000), "", None))
    (vote,) = sent(effects, Vote, B)
    assert vote.replica == copy_of(5)
