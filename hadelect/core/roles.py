"""The one door of every role change. The door keeps the promises:

1. Leaving LEADER ends the tree, unless the supervisor has already verified its end.
2. Leaving a candidacy that asked for votes tells the voters that they are free.
3. Whoever leaves LEADER has no secret for a next term until the supervisor hands one out.
"""

from hadelect.core import checking, fencing, hooks, state_gate
from hadelect.core.effects import Answer, Effect, Emit, Send, Stop
from hadelect.core.frozen import replace
from hadelect.core.messages import Withdraw
from hadelect.core.state import Candidacy, Decision, Gate, Phase, State
from hadelect.core.vocabulary import Cause, ControlleeState, Millis, Role, Rules


def become(
    rules: Rules, state: State, role: Role, why: tuple[Cause, str], *effects: Effect
) -> Decision:
    """Change the role. `why` is the cause and, in words, the reason."""
    cause, because = why
    new = replace(state, role=role, since=state.now)
    door: tuple[Effect, ...] = ()
    if state.role is Role.LEADER and role is not Role.LEADER:
        new, door = leave_leader(rules, new, because)
    if state.role is Role.ELECTION and role is not Role.ELECTION:
        if role is not Role.LEADER:
            door += withdrawal(rules, state.candidacy)
            door += fencing.cancelled(state.candidacy)
        new = replace(new, candidacy=None)
    told = Emit(role, new.term, because, cause, state.role)
    return Decision(new, (*door, told, *effects))


def leave_leader(rules: Rules, state: State, because: str) -> tuple[State, tuple[Effect, ...]]:
    leading = state.leading
    stop: tuple[Effect, ...] = ()
    controllee = state.controllee
    if leading and not leading.closed:
        stop = (Stop(state.term, kill=True, because=because),)
        if controllee.state is not ControlleeState.STOP_FAILED:
            controllee = replace(controllee, state=ControlleeState.STOPPING)
    state, unchecked = checking.over(state)
    state, dropped = hooks.dropped(state, hooks.OF_A_LEADERSHIP)
    state, unprepared = state_gate.dropped(state)
    ex_leader = replace(
        state,
        gate=Gate(),
        leading=None,
        leaving=None,
        leader=None,
        restart_at=None,
        exits=(),
        controllee=controllee,
        secret_hash=state.secret_hash if leading and leading.closed else "",
        report_due=state.now,
        patience_until=Millis(state.now + rules.lease_ms),
    )
    if state.leaving and state.leaving.command:
        stop += (Answer(state.leaving.command, ok=False, text=f"interrupted: {because}"),)
    return ex_leader, (*stop, *unchecked, *dropped, *unprepared)


def withdrawal(rules: Rules, candidacy: Candidacy | None) -> tuple[Effect, ...]:
    if candidacy is None or candidacy.phase is not Phase.VOTE:
        return ()
    return tuple(Send(peer, Withdraw(candidacy.term)) for peer in rules.peers)


def to_passive(rules: Rules, state: State, why: tuple[Cause, str]) -> Decision:
    """PASSIVE, with nothing planned; a no-op for a member that is PASSIVE or PRE already."""
    calm = replace(state, wanted=None, stand_at=None)
    if state.role in (Role.PASSIVE, Role.PRE):
        return Decision(calm)
    return become(rules, calm, Role.PASSIVE, why)


def wait_again(state: State, until: Millis) -> State:
    """Be patient (again) until then, and forget what we were about to stand for."""
    return replace(state, wanted=None, stand_at=None, patience_until=until)
