"""What a view of the pool amounts to: one sentence and one exit code. Pure."""

from dataclasses import dataclass

from hadelect.cli.failures import Exit
from hadelect.cli.merge import leaders
from hadelect.pb.control_pb2 import MemberStatus, StatusReply

RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Verdict:
    code: Exit
    line: str  # Leader and term, or what is wrong with them.
    because: tuple[str, ...]  # What is degraded; empty when all is well.


def judge_pool(view: StatusReply) -> Verdict:
    """0 one leader with a running controllee, 1 degraded, 2 none or more than one, 3 nobody."""
    found = leaders(view)
    if not view.answered_by:
        line = f"NOBODY ANSWERED: none of {len(view.members)} members"
        return Verdict(Exit.NOBODY, line, ())
    if not found:
        reached = sum(row.reachable for row in view.members)
        line = f"NO LEADER: {reached} of {len(view.members)} members are reachable"
        return Verdict(Exit.NO_LEADER, line, tuple(_faults(view, None)))
    if len(found) > 1:
        named = " and ".join(f"{row.member} (term {row.term})" for row in found)
        line = f"{len(found)} LEADERS: {named}"
        return Verdict(Exit.NO_LEADER, line, tuple(_faults(view, None)))
    leader = found[0]
    because = tuple(_faults(view, leader))
    line = f"{leader.member} leads in term {leader.term}, {_controllee_words(leader)}"
    return Verdict(Exit.DEGRADED if because else Exit.OK, line, because)


def _controllee_words(leader: MemberStatus) -> str:
    name = leader.controllee.name or "the controllee"
    return f"{name} {leader.controllee.state or 'not known'}"


def _faults(view: StatusReply, leader: MemberStatus | None) -> list[str]:
    """What stands between this pool and all being well, most grave first."""
    faults = []
    if leader is not None and leader.controllee.state != RUNNING:
        faults.append(_controllee_words(leader))
    for row in view.members:
        fault = _fault(row, leader)
        if fault:
            faults.append(fault)
    return faults


def _fault(row: MemberStatus, leader: MemberStatus | None) -> str:
    """Why this member could not take over, or is no help; empty when it could."""
    name = row.member
    if not row.reachable:
        return f"{name} is unreachable"
    if row.role == "PRE":
        return f"{name} does not take part yet (PRE)" + _reason(row)
    unfit = not row.fit and not row.witness
    if row.drained:
        return f"{name} is drained" + (f" and not fit{_reason(row)}" if unfit else "")
    if unfit:
        return f"{name} is not fit" + _reason(row)
    follows_other = leader is not None and row.leader != leader.member
    if follows_other and row.member != (leader.member if leader else ""):
        return f"{name} follows {row.leader or 'nobody'}"
    return ""


def _reason(row: MemberStatus) -> str:
    return f": {row.unfit_because}" if row.unfit_because else ""
