"""Authority, rivals, and the end of a leadership."""

import pytest

from hadelect.core.authority import majority_authority, with_ack
from hadelect.core.effects import Answer, Emit, Extend, Persist, Quit, Retitle, Send, Start, Stop
from hadelect.core.events import (
    ControlleeChanged,
    Drain,
    Handover,
    LeftoverStuck,
    PeerRefused,
    Persisted,
    PersistFailed,
    Released,
    Shutdown,
    SupervisorReady,
)
from hadelect.core.frozen import replace
from hadelect.core.messages import (
    Alive,
    AliveAck,
    AskHandover,
    Goodbye,
    Hello,
    Probe,
    ProbeReply,
    Report,
    Resign,
    SendId,
)
from hadelect.core.state import Leading
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    ControlleeState,
    Millis,
    Name,
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
    proof_of,
    reasons,
    rules_of,
    say_alive,
    sent,
    standing,
)

NONE = Arbitration.NONE
FIVE = (A, B, C, D, Name("cm5:51450"))


def dead(term: int, **changes: object) -> ControlleeChanged:
    """The supervisor has verified the end of the tree."""
    values = {
        "asked": True,
        "secret": SECRETS[A],
        "next_secret_hash": hash_of("next"),
        **changes,
    }
    return ControlleeChanged(Term(term), ControlleeState.STOPPED, **values)  # type: ignore[arg-type]


def ended(term: int, **changes: object) -> ControlleeChanged:
    return ControlleeChanged(
        Term(term),
        ControlleeState.STOPPED,
        because="exit status 1",
        **changes,  # type: ignore[arg-type]
    )


def keep_leading(member: Member, length_ms: int, *peers: Name) -> tuple[object, ...]:
    """Time goes by; these peers ack every Alive."""
    told: tuple[object, ...] = ()
    for _ in range(length_ms // 500):
        for effect in (seen := member.wait(500)):
            if isinstance(effect, Send) and isinstance(effect.message, Alive):
                alive = effect.message
                if effect.to in peers:
                    follows = standing(term=alive.term, leader=member.rules.me)
                    told += member.hear(
                        effect.to, AliveAck(alive.term, alive.sent_at, alive.lease_ms, follows)
                    )
        told += seen
    return told


def drop(told: tuple[object, ...], kind: type) -> list[object]:
    return [effect for effect in told if isinstance(effect, kind)]


@pytest.mark.parametrize(
    "members, acked, ends",
    [
        (FIVE, (100, 200, 300), 3200),
        (FIVE, (100,), None),
        (FIVE, (500, 400, 300, 200), 3400),
        ((A, B, C), (700,), 3700),
        ((A, B, C), (700, 900), 3900),
        ((A, B), (250,), 3250),
    ],
)
def test_authority_counts_from_the_send_time_that_a_majority_acked(
    members: tuple[Name, ...], acked: tuple[int, ...], ends: int | None
) -> None:
    """The majority-th newest, ourselves counted as now, plus the lease."""
    rules = rules_of(members=members)
    leading = Leading(Millis(0), Millis(0), "", Cause.SILENCE, longest_ms=Millis(3000))
    for name, at in zip(members[1:], acked, strict=False):
        ack_ = AliveAck(Term(64), Millis(at), Millis(3000), standing())
        leading = with_ack(rules, leading, name, ack_)
    until = majority_authority(rules, leading)
    assert (until if until > 0 else None) == ends


def test_every_gain_of_authority_moves_the_deadline() -> None:
    """SIGKILL is due a margin before authority ends."""
    member = leader_of(rules_of(), B, C)
    member.wait(500)
    (extend,) = of(ack(member, B), Extend)
    assert extend.deadline == member.now + 3000 - 500
    assert not of(ack(member, C), Extend)


def test_an_ack_that_follows_another_does_not_count() -> None:
    """Nor one from the future, nor of a later term."""
    member = leader_of(rules_of(), B, C)
    member.wait(500)
    assert not of(ack(member, B, leader=None), Extend)
    follows = standing(term=member.state.term, leader=A)
    late = AliveAck(member.state.term, Millis(member.now + 1), Millis(3000), follows)
    assert member.hear(B, late) == ()
    assert (
        member.hear(
            B,
            AliveAck(
                member.state.term, member.now, Millis(3000), standing(leader=A, term=Term(9999))
            ),
        )
        == ()
    )


def test_an_isolated_leader_of_a_majority_gives_up_in_time() -> None:
    """When its authority ends it is PASSIVE and its tree has had SIGKILL."""
    member = leader_of(rules_of(), B, C)
    until = member.state.leading.authority_until if member.state.leading else 0
    told = member.wait(until - member.now)
    assert member.role() is Role.PASSIVE
    assert drop(told, Stop) == [Stop(Term(64), kill=True, because=reasons(told).split("; ")[-1])]
    proof = member.feed(dead(64))
    assert sent(proof, Resign, C)[0].proof == proof_of(A, 64)


@pytest.mark.parametrize("arbitration", list(Arbitration))
def test_who_opens_a_stream_need_not_wait_for_a_long_heartbeat(arbitration: Arbitration) -> None:
    """Its own lease may be shorter than that; an Alive within an election round is soon enough."""
    hello = Hello(rules_of().identity, "0.1.0", "x")
    member = leader_of(rules_of(arbitration=arbitration), B, C)
    assert not sent(member.hear(B, hello), Alive)
    member.rules = replace(member.rules, heartbeat_ms=Millis(750))
    keep_leading(member, 500, B, C)
    told = member.hear(B, hello)
    assert [word.sent_at for word in sent(told, Alive, B)] == [member.now]
    assert not sent(told, Alive, C)


def test_an_isolated_leader_in_mode_none_goes_on() -> None:
    """As HTCondor's HAD: each side of a partition leads."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    told = member.wait(60_000)
    assert member.role() is Role.LEADER
    assert len(drop(told, Extend)) >= 100


def test_a_frozen_leader_in_mode_none_loses_its_authority_too() -> None:
    """It counts from the last Alive sent."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    told = member.late(3100)
    assert drop(told, Stop)
    assert member.role() is Role.PASSIVE


def test_mode_none_the_senior_of_two_leaders_stays_in_a_term_above_both() -> None:
    """Its controllee is not touched; the new term is led once it is durable."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    told = member.hear(B, say_alive(B, 129, hears=(A,)))
    (persist,) = of(told, Persist)
    assert persist.record.term == 192
    assert [emit.cause for emit in of(told, Emit)] == [Cause.SPLIT_BRAIN]
    assert not of(member.hear(B, say_alive(B, 129, hears=(A,))), Persist)
    told = member.feed(Persisted(persist.record.serial))
    assert of(told, Retitle) == [Retitle(Term(64), Term(192))]
    assert not of(told, Stop)
    assert sent(told, Alive, B)[0].term == 192
    ran = ControlleeChanged(Term(64), ControlleeState.RUNNING, pid=9)
    member.feed(ran)
    assert member.state.controllee.pid == 9


def test_mode_none_a_higher_term_that_nobody_leads_is_overtaken() -> None:
    """A voter knows of a candidacy that failed: the leader goes on in a term above it."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    (persist,) = of(ack(member, B, known_term=Term(65)), Persist)
    assert ack(member, C, known_term=Term(65)) == ()
    assert of(member.feed(Persisted(persist.record.serial)), Retitle) == [
        Retitle(Term(64), Term(128))
    ]


def test_mode_none_a_leader_goes_above_the_terms_of_those_who_follow_nobody() -> None:
    """A leader that lost its memory has had its term before, and to the others it is over."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    assert not of(member.hear(B, Report(standing(known_term=Term(64)))), Persist)
    assert of(member.hear(B, Report(standing(known_term=Term(65)))), Persist)
    other = leader_of(rules_of(), B, C)
    assert not of(other.hear(B, Report(standing(known_term=Term(65)))), Persist)


def test_mode_none_a_term_above_the_rival_needs_no_new_one() -> None:
    """The rival hears of us and stops."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    told = member.follow(B, 1)
    assert not of(told, Persist)
    assert sent(told, AliveAck)[0].standing.leader == A


def test_mode_none_the_junior_of_two_leaders_stops_first_and_then_follows() -> None:
    """It follows once it hears the other again; it is told so by a third member, too."""
    member = leader_of(rules_of(B, NONE), C)
    said = standing(term=Term(64), leader=A, leader_heard_ms=Millis(100))
    stale = standing(term=Term(64), leader=A, leader_heard_ms=Millis(1000))
    assert not of(member.hear(C, Report(stale)), Stop)
    told = member.hear(C, Report(said))
    assert of(told, Stop)[0].kill
    assert "says cm3" in reasons(told)
    member.follow(A, 64)
    assert member.state.leader == A


def test_mode_none_who_follows_a_later_leader_is_no_rival_whatever_a_third_member_says() -> None:
    """Words are held up on their way for seconds (seeds 519365, 564646). A rival that is not heard
    itself may be one: only a third member can tell.
    """
    member = leader_of(rules_of(B, NONE), C)
    late = Report(standing(term=Term(64), leader=A, leader_heard_ms=Millis(100)))
    member.hear(A, Report(standing(term=Term(65), leader=B)))
    assert not of(member.hear(C, late), Stop)
    member.wait(member.rules.lease_ms)
    assert of(member.hear(C, late), Stop)


def test_mode_none_a_leader_that_is_no_member_is_no_reason_to_yield() -> None:
    """Whoever names it has another list: any entry of ours outranks it."""
    member = leader_of(rules_of(B, NONE), C)
    stranger = Report(standing(term=Term(member.state.term + 64), leader=Name("cm9:51450")))
    assert not of(member.hear(C, stranger), Stop)
    assert member.role() is Role.LEADER


def test_mode_none_the_senior_yields_to_a_rival_that_is_deaf() -> None:
    """A one-way link between two: only one of them can know."""
    member = leader_of(rules_of(arbitration=NONE), B)
    for _ in range(14):
        assert member.role() is Role.LEADER
        member.wait(500)
        member.hear(B, say_alive(B, 1, hears=()))
    assert member.role() is Role.PASSIVE
    member.hear(B, say_alive(B, 1, hears=()))
    assert member.state.leader == B


def test_mode_none_a_third_member_that_follows_the_junior_moves_nobody() -> None:
    """It will hear the senior."""
    member = leader_of(rules_of(arbitration=NONE), B, C)
    said = standing(term=Term(65), leader=B, leader_heard_ms=Millis(0))
    assert not of(member.hear(C, Report(said)), Stop)


def test_mode_majority_a_later_leadership_ends_an_earlier_one() -> None:
    """It has lost its authority already; an earlier one is answered, never obeyed."""
    member = leader_of(rules_of(), B, C)
    assert not of(member.hear(B, say_alive(B, 1)), Stop)
    assert of(member.hear(B, say_alive(B, 65)), Stop)
    assert member.state.leader == B


def test_a_follower_in_mode_none_prefers_the_senior_of_two_leaders() -> None:
    """And keeps to it while it lives."""
    member = Member(rules_of(C, NONE))
    member.follow(B, 65)
    member.follow(A, 64)
    assert member.state.leader == A
    member.follow(B, 129)
    assert member.state.leader == A
    member.wait(3000)
    member.follow(B, 129)
    assert member.state.leader == B
    member.follow(B, 65)
    assert (member.state.leader, member.state.term) == (B, 65)  # Its own word is the truth.


# --- the controllee ---


def test_a_controllee_that_ends_is_restarted_with_backoff() -> None:
    """Locally, in the same term: at once the first time, then after a pause; the third end within
    the window makes the member unfit.
    """
    member = leader_of(rules_of(), B, C)
    member.feed(ended(64))
    first = member.wait(1)
    assert len(drop(first, Start)) == 1
    keep_leading(member, 500, B, C)
    member.feed(ended(64))
    assert not drop(member.wait(249), Start)
    assert len(drop(member.wait(1), Start)) == 1
    told = member.feed(ended(64))
    assert of(told, Stop) == [Stop(Term(64), kill=False, because=of(told, Stop)[0].because)]
    told = member.feed(dead(64))
    assert sent(told, Resign, B)[0].successor == B
    assert "3 times" in member.state.fitness.controllee
    assert member.state.fitness.until == member.now + 360_000


def test_a_relapse_doubles_the_cooldown() -> None:
    """A primary that fails again after each return stays away longer each time."""
    member = leader_of(rules_of(members=(A,)))
    cooldowns = []
    for _ in range(3):
        term = member.state.term
        member.feed(ended(term, exec_failed=True))
        member.feed(dead(term))
        assert member.state.fitness.until is not None
        cooldowns.append(member.state.fitness.until - member.now)
        member.wait(cooldowns[-1] + 1)
        member.wait(3000 if member.role() is Role.PASSIVE else 0)
        member.feed(Persisted(member.state.record.serial))
        assert member.role() is Role.LEADER
    assert cooldowns == [360_000, 720_000, 1_440_000]


def test_a_kill_at_the_deadline_is_not_the_controllees_fault() -> None:
    """If authority came back meanwhile it starts again, uncounted, as soon as authority allows."""
    member = leader_of(rules_of(), B, C)
    leading = member.state.leading
    assert leading is not None
    member.wait(leading.deadline - member.now)
    member.feed(ended(64))
    assert member.state.exits == ()
    told = member.wait(450)
    assert not drop(told, Start)
    ack(member, B)
    assert drop(keep_leading(member, 1000, B), Start)


def test_a_tree_that_cannot_be_killed_keeps_its_leader_leading() -> None:
    """Unfit, so that nobody starts, until it is dead or an operator forces the move."""
    member = leader_of(rules_of(), B, C)
    stuck = ControlleeChanged(Term(64), ControlleeState.STOP_FAILED, because="state D")
    member.feed(Shutdown("SIGTERM"))
    told = member.feed(stuck)
    assert of(told, Emit)[0].warning
    words = sent(keep_leading(member, 500, B), Alive)  # type: ignore[arg-type]
    assert words
    assert not any(alive.standing.fit for alive in words)
    told = member.feed(dead(64))
    assert sent(told, Resign, C)


def test_force_moves_beside_a_stuck_tree_and_says_so() -> None:
    """Without --force it is refused with the remedy."""
    member = leader_of(rules_of(), B, C)
    member.feed(ControlleeChanged(Term(64), ControlleeState.STOP_FAILED, because="state D"))
    (refused,) = of(member.feed(Handover(1, None, "why")), Answer)
    assert not refused.ok
    assert "--force" in refused.text
    told = member.feed(Handover(2, None, "it is unplugged", force=True))
    assert sent(told, Resign, B)[0].proof.secret == ""
    assert member.state.controllee.state is ControlleeState.STOP_FAILED
    assert member.role() is Role.PASSIVE


def test_what_the_supervisor_says_of_other_terms_is_not_ours() -> None:
    """Events that crossed a change of leadership are dropped."""
    member = leader_of(rules_of(), B, C)
    before = member.state
    for state in ControlleeState:
        member.feed(ControlleeChanged(Term(7), state))
        if state is not ControlleeState.STOP_FAILED:
            assert member.state.controllee == before.controllee
    follower = Member(rules_of(B))
    assert follower.feed(ended(64)) == ()
    assert follower.feed(dead(64, secret="")) == ()


def test_a_frozen_supervisor_ends_the_leadership_without_a_secret() -> None:
    """The daemon killed and verified the tree itself; it resigns, and waits for its supervisor."""
    member = leader_of(rules_of(), B, C)
    told = member.feed(dead(64, secret="", next_secret_hash="", because="init frozen"))
    assert sent(told, Resign, B)[0].proof.secret == ""
    assert member.state.objected
    assert member.role() is Role.PASSIVE
    assert "supervisor" in sent(member.wait(1500), Report)[0].standing.unfit_because
    member.feed(SupervisorReady(hash_of("thawed")))
    assert member.state.secret_hash == hash_of("thawed")


# --- leaving on purpose ---


def test_a_handover_sends_alive_until_the_tree_is_dead() -> None:
    """Then Resign, with the secret and the successor, to all; and the operator is answered."""
    member = leader_of(rules_of(), B, C)
    told = member.feed(Handover(5, C, "maintenance"))
    assert of(told, Stop) == [Stop(Term(64), kill=False, because="maintenance")]
    assert member.role() is Role.LEADER
    assert drop(keep_leading(member, 1000, B), Send)
    again = of(member.feed(Handover(6, None, "me too")), Answer)[0]
    assert "leaving already" in again.text
    told = member.feed(dead(64))
    assert {resign.successor for resign in sent(told, Resign)} == {C}
    assert of(told, Answer)[0].ok


@pytest.mark.parametrize(
    "asked, words",
    [
        (Handover(1, A, ""), "leads already"),
        (Handover(1, D, ""), "not in HAD_LIST"),
        (Handover(1, C, ""), "not reachable"),
    ],
)
def test_a_handover_that_cannot_be_is_refused(asked: Handover, words: str) -> None:
    """With the reason; nothing is touched."""
    member = leader_of(rules_of(), B)
    (answer,) = member.feed(asked)
    assert isinstance(answer, Answer)
    assert (answer.ok, words in answer.text) == (False, True)


def test_a_handover_to_an_unfit_member_is_refused() -> None:
    """The reason is the member's own."""
    member = leader_of(rules_of(), B, C)
    ack(member, B, fit=False, unfit_because="restart limit")
    ack(member, C, drained=True)
    assert "restart limit" in of(member.feed(Handover(1, B, "")), Answer)[0].text
    assert "undrain" in of(member.feed(Handover(1, C, "")), Answer)[0].text
    assert "no other member" in of(member.feed(Handover(1, None, "")), Answer)[0].text
    ack(member, B, role=Role.PRE)
    assert "starting" in of(member.feed(Handover(1, B, "")), Answer)[0].text


def test_a_dry_run_touches_nothing() -> None:
    """It says where it would go."""
    member = leader_of(rules_of(), B, C)
    (answer,) = member.feed(Handover(1, None, "", dry_run=True))
    assert answer == Answer(1, ok=True, text=f"would move from {A} to {B}")


def test_only_the_leader_hands_over() -> None:
    """Others say whom to ask."""
    follower = Member(rules_of(B))
    assert "once there is one" in of(follower.feed(Handover(1, None, "")), Answer)[0].text
    follower.follow(A, 64)
    assert A in of(follower.feed(Handover(1, None, "")), Answer)[0].text


def test_a_named_successor_stands_at_once_the_others_wait() -> None:
    """300 ms, then by priority."""
    successor = Member(rules_of(C))
    successor.follow(A, 64)
    resigned = Resign(proof_of(A, 64), C, "maintenance")
    assert sent(successor.hear(A, resigned), SendId)
    other = Member(rules_of(B))
    other.follow(A, 64)
    other.hear(A, resigned)
    assert other.state.objected
    other.wait(299)
    assert other.role() is Role.PASSIVE
    other.wait(1)
    assert other.role() is Role.ELECTION
    plain = Member(rules_of(B))
    plain.follow(A, 64)
    plain.hear(A, Resign(proof_of(A, 64), None, "gone"))
    assert plain.role() is Role.ELECTION
    unsure = Member(rules_of(B))
    unsure.follow(A, 64)
    told = unsure.hear(A, Resign(proof_of(A, 64).__class__(Term(64), A, ""), None, "gone"))
    assert not sent(told, SendId)
    assert unsure.role() is Role.ELECTION


def test_a_lost_authority_interrupts_a_handover() -> None:
    """The operator is told."""
    member = leader_of(rules_of(), B, C)
    member.feed(Handover(5, C, "maintenance"))
    told = member.wait(3000)
    (answer,) = drop(told, Answer)
    assert isinstance(answer, Answer)
    assert not answer.ok


def test_a_drained_member_never_leads() -> None:
    """It is durable, and a restart remembers it."""
    member = Member(rules_of(A))
    told = member.feed(Drain(1, drained=True, because="disk"))
    assert of(told, Answer)[0].ok
    again = Member(rules_of(A), found=of(told, Persist)[0].record)
    again.wait(9000)
    assert again.role() is Role.PASSIVE
    assert of(again.feed(Drain(2, drained=False, because="")), Answer)[0].ok
    again.wait(4000)
    assert again.role() is Role.ELECTION


def test_a_drained_leader_hands_over_first() -> None:
    """Refused when nobody could take over, unless forced."""
    member = leader_of(rules_of(), B, C)
    told = member.feed(Drain(1, drained=True, because="disk"))
    assert of(told, Stop)
    assert sent(member.feed(dead(64)), Resign)[0].successor == B
    alone = leader_of(rules_of(members=(A,)))
    assert not of(alone.feed(Drain(1, drained=True, because="")), Answer)[0].ok
    assert of(alone.feed(Drain(1, drained=True, because="", force=True)), Stop)


def test_a_candidate_that_is_drained_does_not_stand() -> None:
    """It notices before it claims a term."""
    member = Member(rules_of(A))
    member.wait(LISTEN)
    assert member.role() is Role.ELECTION
    member.feed(Drain(1, drained=True, because=""))
    member.wait(600)
    assert member.role() is Role.PASSIVE


def test_a_clean_stop_writes_down_what_is_still_promised() -> None:
    """Then says goodbye and ends; nothing is promised after that record."""
    follower = Member(rules_of(B))
    follower.follow(A, 64)
    told = follower.feed(Shutdown("SIGTERM"))
    (persist,) = of(told, Persist)
    record = persist.record
    assert (record.clean, record.promised_to, record.promised_until) == (True, A, 3030)
    assert sent(told, Goodbye)
    assert follower.hear(C, SendId(Term(66), Millis(1), Millis(3000), "", None)) == ()
    assert follower.feed(Persisted(record.serial - 1)) == ()
    assert follower.feed(Persisted(record.serial)) == (Quit(0),)


def test_a_clean_stop_on_a_full_disk_ends_too() -> None:
    """It says what that means for the restart."""
    follower = Member(rules_of(B))
    follower.wait(3000)
    follower.feed(Shutdown("SIGTERM"))
    told = follower.feed(PersistFailed(follower.state.quit_serial, "No space left on device"))
    assert of(told, Quit)
    assert "No space left" in reasons(told)


def test_a_leader_told_to_stop_resigns_first() -> None:
    """In favour of the most senior fit member; then the record, goodbye, the end."""
    member = leader_of(rules_of(), B, C)
    assert of(member.feed(Shutdown("SIGTERM")), Stop)
    assert member.feed(Shutdown("SIGTERM")) == ()
    told = member.feed(dead(64))
    assert sent(told, Resign)[0].successor == B
    (persist,) = of(told, Persist)
    assert persist.record.promised_to is None
    assert of(member.feed(Persisted(persist.record.serial)), Quit)


# --- the primary ---


def primary_rules(me: Name, delay: int = 0) -> Rules:
    rules = rules_of(me)
    return Rules(me, rules.identity, use_primary=True, preempt_delay_ms=Millis(delay))


def test_the_primary_asks_for_its_place() -> None:
    """After HAD_PREEMPT_DELAY, and again while the leader goes on; never beside it."""
    primary = Member(primary_rules(A, delay=1000))
    primary.follow(B, 65)
    assert not sent(primary.wait(999), AskHandover)
    primary.follow(B, 65)
    told = primary.wait(1100)
    assert len(sent(told, AskHandover, B)) == 1
    primary.feed(Drain(1, drained=True, because=""))
    primary.follow(B, 65)
    primary.wait(1100)
    assert primary.state.ask_at is None


def test_the_leader_hands_over_to_the_primary_only() -> None:
    """If it is fit; with the term it asks about; once."""
    leader = leader_of(primary_rules(B), C)
    asked = AskHandover(leader.state.term, "back")
    assert leader.hear(C, asked) == ()
    assert leader.hear(A, asked) == ()
    leader.hear(A, Report(standing()))
    assert leader.hear(A, AskHandover(Term(3), "back")) == ()
    assert of(leader.hear(A, asked), Stop)
    assert leader.hear(A, asked) == ()


# --- the rest of the world ---


def test_probes_are_answered_with_the_term_led() -> None:
    """By the loop that leads; nobody else answers for it."""
    member = leader_of(rules_of(), B, C)
    (reply,) = member.hear(B, Probe(Term(64), Millis(5)))
    assert reply.message == ProbeReply(Millis(5), Term(64))  # type: ignore[union-attr]
    (reply,) = Member(rules_of(B)).hear(A, Probe(Term(64), Millis(5)))
    assert reply.message == ProbeReply(Millis(5), Term(0))  # type: ignore[union-attr]


def test_strangers_and_the_refused_are_told_to_the_humans_once() -> None:
    """A refused peer is not reached until it is heard as one of us again."""
    member = Member(rules_of(A))
    assert member.hear(D, Report(standing())) == ()
    refused = PeerRefused(B, "HAD_CONTROLLEE is 'NEGOTIATOR' here and 'SCHEDD' there")
    assert of(member.feed(refused), Emit)[0].warning
    assert member.feed(refused) == ()
    assert of(member.feed(PeerRefused(D, "not in HAD_LIST")), Emit)
    member.hear(B, Hello(member.rules.identity, "0.1.0", "life"))
    assert member.state.peer(B).version == "0.1.0"
    assert member.state.peer(B).refused_because == ""


def test_a_leftover_of_an_earlier_life_keeps_it_in_pre() -> None:
    """Unfit, `stop_failed`, until it is gone."""
    member = Member(rules_of(A), ready=False)
    stuck = LeftoverStuck("pid 17 is in state D")
    assert of(member.feed(stuck), Emit)
    assert member.feed(stuck) == ()
    member.wait(9000)
    assert member.role() is Role.PRE
    member.feed(SupervisorReady(hash_of("x")))
    member.wait(1)
    assert member.role() is Role.ELECTION


def test_a_notice_about_an_unknown_member_changes_nothing() -> None:
    """Neither its own, nor a leader's that a leader hears of."""
    member = leader_of(rules_of(), B, C)
    member.follow(B, 1)
    assert member.feed(Released(proof_of(B, 1))) == ()
    assert member.role() is Role.LEADER


def test_a_witness_reports_and_never_stands() -> None:
    """Silence means nothing to it."""
    witness = Member(rules_of(C, members=(A, B), witnesses=(C,)))
    told = witness.wait(30_000)
    assert witness.role() is Role.PASSIVE
    assert len(sent(told, Report, A)) >= 29


def test_a_candidate_that_is_drained_withdraws() -> None:
    """Its claim is out: the votes must not make it lead."""
    member = leader_of(rules_of(B), C)
    member.wait(3000)
    member.feed(dead(member.state.record.led))
    member.hear(C, Report(standing()))
    member.wait(4000)
    member.hear(C, Report(standing()))
    assert member.role() is Role.ELECTION
    told = member.feed(Drain(9, drained=True, because="disk"))
    assert of(told, Answer)[0].ok
    assert member.role() is Role.PASSIVE


def test_a_candidate_whose_supervisor_falls_silent_withdraws() -> None:
    """It could not start anything."""
    member = Member(rules_of(A))
    member.wait(LISTEN)
    assert member.role() is Role.ELECTION
    member.feed(LeftoverStuck("the supervisor does not answer"))
    assert member.role() is Role.PASSIVE


def test_every_command_is_answered() -> None:
    """Also one that comes while the leader is leaving."""
    member = leader_of(rules_of(), B, C)
    member.feed(Handover(5, C, "maintenance"))
    assert not of(member.feed(Handover(6, None, "now", force=True)), Answer)[0].ok
    assert of(member.feed(Drain(7, drained=True, because="disk")), Answer)[0].ok
    assert of(member.feed(dead(64)), Answer)[0].id == 5


def test_nobody_believes_in_a_leader_that_is_no_member() -> None:
    """A rumour of a stranger, or of ourselves, is none."""
    member = Member(rules_of(C))
    for name in (D, C):
        said = standing(term=Term(64), leader=name, leader_heard_ms=Millis(0))
        member.hear(B, Report(said))
        assert member.state.leader is None


def test_mode_none_news_of_a_senior_leader_is_passed_on_to_the_one_we_follow() -> None:
    """A longer chain: two leaders at its ends hear of each other only so. Old news moves nobody."""
    member = Member(rules_of(D, NONE, members=(A, B, C, D)))
    member.follow(B, 65)
    said = standing(term=Term(64), leader=A, leader_heard_ms=Millis(200))
    (news,) = sent(member.hear(C, Report(said)), Report, B)
    assert (news.standing.leader, news.standing.leader_heard_ms) == (A, 200)
    assert member.state.leader == B
    old = standing(term=Term(64), leader=A, leader_heard_ms=Millis(1000))
    assert not sent(member.hear(C, Report(old)), Report)
    junior = standing(term=Term(66), leader=C, leader_heard_ms=Millis(0))
    assert not sent(member.hear(C, Report(junior)), Report)
    assert not sent(member.hear(C, Report(standing())), Report)


def test_two_that_use_one_name_do_not_flood_the_log() -> None:
    """Refused, heard and refused again many times a second, for changing reasons: one line in ten
    seconds; and a reason that lasts is told in the end.
    """
    member = Member(rules_of(A))
    hello = Hello(member.rules.identity, "0.1.0", "life")
    told = []
    for round_ in range(900):
        told += of(member.feed(PeerRefused(B, f"two HADs, one at 10.0.0.{round_ % 2}")), Emit)
        member.hear(B, hello)
        member.now = Millis(member.now + 40)
    assert len(told) == 4
    member.feed(PeerRefused(B, "HAD_LIST differs"))
    member.now = Millis(member.now + 10_000)
    (late,) = of(member.feed(PeerRefused(B, "HAD_LIST differs")), Emit)
    assert "HAD_LIST differs" in late.because
    member.now = Millis(member.now + 60_000)
    assert not of(member.feed(PeerRefused(B, "HAD_LIST differs")), Emit)


def test_a_leader_that_can_raise_no_tree_leaves_at_once() -> None:
    """Its controllee ended and cannot be started again, as on a read-only disk: it does not wait
    for its restarts to be used up; while the controllee runs it goes on.
    """
    leader = leader_of(rules_of(), B, C)
    leader.feed(ControlleeChanged(Term(64), ControlleeState.RUNNING, pid=1))
    assert not of(leader.feed(LeftoverStuck("x")), Stop)
    leader.feed(ControlleeChanged(Term(64), ControlleeState.STOPPED, because="it exited"))
    effects = leader.feed(LeftoverStuck("tree.json: Read-only file system"))
    assert of(effects, Stop)
    assert "cannot be started here again: tree.json" in of(effects, Emit)[-1].because
    assert not of(leader.feed(LeftoverStuck("again")), Stop)


def test_a_start_that_meets_no_tree_is_not_tried_again() -> None:
    """The restart at once is under way when the supervisor says that it can raise no tree."""
    leader = leader_of(rules_of(), B, C)
    leader.feed(ControlleeChanged(Term(64), ControlleeState.RUNNING, pid=1))
    leader.feed(ended(64))
    assert of(leader.wait(1), Start)
    assert of(leader.feed(LeftoverStuck("tree.json: Read-only file system")), Stop)
    leader.feed(ended(64))  # What the supervisor says to that start.
    assert leader.state.leaving is not None


def test_mode_none_nobody_leads_beside_a_member_that_refuses_it() -> None:
    """A member that forgot HAD_ARBITRATION = majority is not alone: the others are there."""
    member = Member(rules_of(A, NONE))
    because = "HAD_ARBITRATION is 'none' here and 'majority' there"
    member.feed(PeerRefused(B, because))
    member.wait(9000)
    member.feed(PeerRefused(B, because))
    told = member.wait(14_900)
    assert member.role() is Role.PASSIVE
    assert because in sent(told, Report, C)[-1].standing.unfit_because
    member.wait(700)
    assert member.role() is not Role.PASSIVE


def test_mode_majority_a_refused_member_is_one_vote_less() -> None:
    """The others elect without it; a leader in mode none goes on, too."""
    member = Member(rules_of(A))
    member.feed(PeerRefused(B, "HAD_CONTROLLEE differs"))
    member.wait(LISTEN)
    assert member.role() is Role.ELECTION
    leader = leader_of(rules_of(arbitration=NONE), B, C)
    leader.feed(PeerRefused(B, "HAD_LIST differs"))
    leader.wait(5000)
    assert leader.role() is Role.LEADER


def test_a_resignation_with_a_stuck_tree_says_so_and_waits() -> None:
    """Leaving does not pretend that the tree is stopping."""
    member = leader_of(rules_of(), B, C)
    member.feed(ControlleeChanged(Term(64), ControlleeState.STOP_FAILED, because="state D"))
    assert of(member.feed(Shutdown("SIGTERM")), Stop)
    assert member.state.controllee.state is ControlleeState.STOP_FAILED


def test_a_notice_of_our_own_earlier_life_is_no_news() -> None:
    """Its secret proves it; nobody is to be marked as gone."""
    member = leader_of(rules_of(), B, C)
    member.feed(Handover(1, B, "why"))
    member.feed(dead(64))
    assert member.feed(Released(proof_of(A, 64))) == ()
    other = leader_of(rules_of(), B, C)
    assert other.feed(Released(proof_of(A, 64))) == ()


def test_a_restart_waits_while_authority_is_short() -> None:
    """A start needs a deadline that is still to come."""
    member = leader_of(rules_of(), B, C)
    leading = member.state.leading
    assert leading is not None
    member.wait(leading.deadline - member.now - 1)
    member.feed(ended(64))
    told = member.wait(400)
    assert not of(told, Start)
    assert member.role() is Role.LEADER


def test_what_an_old_term_ended_with_is_not_the_new_one() -> None:
    """A late STOPPED of another leadership leaves the present one alone."""
    member = leader_of(rules_of(), B, C)
    assert member.feed(dead(7)) == ()
    assert member.role() is Role.LEADER


def test_a_handover_away_from_a_fit_primary_is_refused() -> None:
    """It would take its place back at once; drain is the way, or --force."""
    leader = leader_of(primary_rules(A), B, C)
    (answer,) = of(leader.feed(Handover(1, B, "why")), Answer)
    assert (answer.ok, "drain" in answer.text) == (False, True)
    assert of(leader.feed(Handover(2, B, "why", force=True)), Stop)
