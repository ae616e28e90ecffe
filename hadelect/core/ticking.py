"""What time does to a member, and when it has to be woken for it.

Busy is not dead: a member that is woken late extends its patience by the length of its own stall,
at most one lease per silence. Mode none: after a stall of a lease or longer it knows nothing, like
a member that starts: others may have elected, its connections may be gone. It waits a lease, and
the end of a leadership that it learns of late does not shorten that.
"""

from typing import assert_never

from hadelect.core import candidacy, checking, controllee, leading, state_gate
from hadelect.core.effects import Send
from hadelect.core.events import Tick
from hadelect.core.frozen import replace
from hadelect.core.messages import AskHandover, Report
from hadelect.core.roles import to_passive, wait_again
from hadelect.core.state import Decision, Phase, State
from hadelect.core.views import leader_lives, longest_lease, reaches, standing_of, unfit_because
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    ControlleeState,
    Leadership,
    Millis,
    Role,
    Rules,
)

NEVER = Millis(2**62)


def on_tick(rules: Rules, state: State, tick: Tick) -> Decision:
    done = stalled(rules, state, Millis(state.now - tick.due))
    done = done.then(controllee.recover).then(lambda s: report(rules, s))
    return done.then(lambda s: tick_role(rules, s))


def stalled(rules: Rules, state: State, late: Millis) -> Decision:
    if late <= rules.stall_ms or state.role is Role.LEADER:
        return Decision(state)
    state = carry_peers_over(rules, state, late)
    if late >= rules.lease_ms and rules.identity.arbitration is Arbitration.NONE:
        because = f"it was not scheduled for {late / 1000:.1f} s"
        woken = replace(state, started_at=state.now)
        patient = wait_again(woken, Millis(state.now + longest_lease(rules, state)))
        return to_passive(rules, patient, (Cause.LOST_ELECTION, because))
    return Decision(extended(rules, state, late))


def extended(rules: Rules, state: State, late: Millis) -> State:
    extra = min(late, rules.lease_ms - state.stalled_ms)
    if extra <= 0:
        return state
    return replace(
        state,
        patience_until=Millis(state.patience_until + extra),
        stalled_ms=Millis(state.stalled_ms + extra),
    )


def carry_peers_over(rules: Rules, state: State, late: Millis) -> State:
    """It was us who was away: a peer that was reached before the stall is still to be asked."""
    before = Millis(state.now - late)
    peers = tuple(
        replace(peer, heard_at=Millis(peer.heard_at + late))
        if reaches(rules, peer, before)
        else peer
        for peer in state.peers
    )
    # The first lease of a life is one in which it ran.
    return replace(state, peers=peers, started_at=Millis(state.started_at + late))


def report(rules: Rules, state: State) -> Decision:
    """I am here: to every peer but the leader, who hears it in our acks."""
    if state.role is Role.LEADER or state.now < state.report_due:
        return Decision(state)
    acked = state.leader if state.now - state.heard_at < rules.report_ms else None
    word = Report(standing_of(rules, state, state.now))
    state = replace(state, report_due=Millis(state.now + report_length(rules, state)))
    return Decision(state, tuple(Send(peer, word) for peer in rules.peers if peer != acked))


def report_length(rules: Rules, state: State) -> int:
    """Often enough for a pool whose leader has a shorter lease than our own configuration."""
    if not state.lease_ms:
        return rules.report_ms
    return min(rules.report_ms, max(rules.stall_ms, state.lease_ms // 3))


def tick_role(rules: Rules, state: State) -> Decision:
    match state.role:
        case Role.PRE:
            return Decision(state)
        case Role.PASSIVE:
            return tick_passive(rules, state)
        case Role.ELECTION:
            return candidacy.tick_election(rules, state)
        case Role.LEADER:
            return tick_leader(rules, state)
    assert_never(state.role)


def tick_passive(rules: Rules, state: State) -> Decision:
    if rules.witness:
        return Decision(state)
    if leader_lives(state, state.now):
        return ask_for_place(rules, state)
    if state.wanted is None and patience_is_over(state):
        state = candidacy.silence(rules, state)
    if state.stand_at is None or state.now < state.stand_at:
        return Decision(state)
    return candidacy.take_turn(rules, state)


def patience_is_over(state: State) -> bool:
    if state.leader and Leadership(state.term, state.leader) in state.released:
        return True
    return state.now >= state.patience_until


def ask_for_place(rules: Rules, state: State) -> Decision:
    """The primary asks the leader for a handover; it never starts beside it."""
    if rules.primary != rules.me or not could_lead(rules, state):
        idle = state.ask_at is None and state.spares is None
        return Decision(state if idle else replace(state, ask_at=None, spares=None))
    if state.spares is not None:  # A reload made it the primary, and a reload moves nobody.
        if state.leader == state.spares:
            return Decision(state)
        state = replace(state, spares=None)
    if state.ask_at is None:
        state = replace(state, ask_at=Millis(state.now + rules.preempt_delay_ms))
    if state.leader is None or state.ask_at is None or state.now < state.ask_at:
        return Decision(state)
    word = AskHandover(state.term, f"the primary {rules.me} is back")
    again = replace(state, ask_at=Millis(state.now + rules.lease_ms))
    return Decision(again, (Send(state.leader, word),))


def could_lead(rules: Rules, state: State) -> bool:
    """Nothing but the living leader stands in the way."""
    if unfit_because(rules, state) or state.record.drained or state.ending:
        return False
    stopped = state.controllee.state is ControlleeState.STOPPED
    return stopped and state.now >= state.mute_until and state_gate.is_current(rules, state)


def tick_leader(rules: Rules, state: State) -> Decision:
    restarted = controllee.restart(rules, state).then(checking.tick)
    if state.gate.retry_at is not None:
        restarted = restarted.then(state_gate.tick)
    current = restarted.state.leading
    if current is None or state.now < current.alive_due:
        return restarted
    return restarted.then(lambda s: leading.say_alive(rules, s))


def wake_at(rules: Rules, state: State) -> Millis:
    """When the next Tick is due. In the past = at once."""
    if state.quit_serial:
        return NEVER
    fitness = state.fitness
    instants = role_instants(rules, state)
    if fitness.until is not None:
        instants.append(fitness.until)
    if fitness.store:
        instants.append(fitness.store_retry_at)
    return min(instants)


def role_instants(rules: Rules, state: State) -> list[Millis]:
    match state.role:
        case Role.PRE:
            return [state.report_due]
        case Role.PASSIVE:
            return [state.report_due, *passive_instants(rules, state)]
        case Role.ELECTION:
            return [state.report_due, election_instant(rules, state)]
        case Role.LEADER:
            led = state.leading
            assert led is not None
            own = (controllee.restart_due(state), checking.due(state), state.gate.retry_at)
            return [led.alive_due, led.authority_until, *(at for at in own if at is not None)]
    assert_never(state.role)


def passive_instants(rules: Rules, state: State) -> list[Millis]:
    if rules.witness:
        return []
    if leader_lives(state, state.now):
        instants = [state.patience_until]
        return instants if state.ask_at is None else [*instants, state.ask_at]
    return [state.patience_until if state.stand_at is None else state.stand_at]


def election_instant(rules: Rules, state: State) -> Millis:
    standing = state.candidacy
    assert standing is not None
    if standing.phase is Phase.PROBE:
        return Millis(standing.since + standing.probes * rules.probe_gap_ms)
    if standing.phase is Phase.FENCE:
        return NEVER
    return candidacy.round_ends(rules, standing)
