"""Several members' views become one: each one's own word about itself, others' if it is silent.

Law 1: pure. Law 2: two leaders stay two: a row is never bent to agree with another.
"""

from collections.abc import Iterable

from hadelect.cli.client import Answers
from hadelect.pb.control_pb2 import MemberStatus, StatusReply

UNREACHABLE = "UNREACHABLE"
LEADER = "LEADER"


def merged(answers: Answers) -> StatusReply:
    """One view. A local member's answer is its view unchanged; nobody's is all UNREACHABLE."""
    if answers.local:
        return answers.replies[0]
    by_name = {reply.answered_by: reply for reply in answers.replies}
    rows = [
        _own_row(by_name[name]) if name in by_name else _hearsay(name, answers)
        for name in _names(answers)
    ]
    return _compose(answers, rows)


def leaders(view: StatusReply) -> list[MemberStatus]:
    """Every reachable member that leads, or that the answering member follows as its leader."""
    return [
        row
        for row in view.members
        if row.reachable and (row.role == LEADER or row.member == view.leader)
    ]


def _names(answers: Answers) -> list[str]:
    """The order of HAD_LIST, then who is only in somebody's list in force."""
    listed = [entry.name for entry in answers.pool.members + answers.pool.witnesses]
    told = (row.member for reply in answers.replies for row in reply.members)
    return list(dict.fromkeys([*listed, *told]))


def _own_row(reply: StatusReply) -> MemberStatus:
    for row in reply.members:
        if row.member == reply.answered_by:
            return row
    return MemberStatus(member=reply.answered_by, role=UNREACHABLE)  # A peer's nonsense.


def _hearsay(name: str, answers: Answers) -> MemberStatus:
    """The freshest that others know of a member that did not answer us."""
    told = [row for reply in answers.replies for row in reply.members if row.member == name]
    heard = [row for row in told if row.reachable and row.HasField("last_heard_seconds")]
    if heard:
        return min(heard, key=lambda row: row.last_heard_seconds)
    row = MemberStatus()
    row.CopyFrom(_last_known(told) or _unknown(name, answers))
    row.role, row.reachable = UNREACHABLE, False
    return row


def _last_known(told: list[MemberStatus]) -> MemberStatus | None:
    ever = [row for row in told if row.HasField("last_heard_seconds")]
    return min(ever, key=lambda row: row.last_heard_seconds) if ever else next(iter(told), None)


def _unknown(name: str, answers: Answers) -> MemberStatus:
    """Nobody spoke of it: what HAD_LIST says, priority counted as HTCondor does."""
    members = [entry.name for entry in answers.pool.members]
    if name not in members:
        return MemberStatus(member=name, witness=True)
    return MemberStatus(member=name, priority=len(members) - 1 - members.index(name))


def _compose(answers: Answers, rows: list[MemberStatus]) -> StatusReply:
    newest = max((row for row in rows if row.role == LEADER), key=lambda r: r.term, default=None)
    # Who leads knows most; else the most senior that answered.
    order = sorted(answers.replies, key=lambda reply: _seniority(reply, newest, rows))
    view = StatusReply(pool=answers.pool.pool, members=rows)
    if order:
        chosen = order[0]
        view.pool, view.answered_by = chosen.pool, chosen.answered_by
        view.arbitration, view.promise = chosen.arbitration, chosen.promise
    view.leader = newest.member if newest else ""
    view.term = newest.term if newest else max((row.term for row in rows), default=0)
    view.warnings.extend(_warnings(answers, order, rows))
    return view


def _seniority(
    reply: StatusReply, newest: MemberStatus | None, rows: list[MemberStatus]
) -> tuple[bool, int]:
    position = next((i for i, row in enumerate(rows) if row.member == reply.answered_by), len(rows))
    return newest is None or reply.answered_by != newest.member, position


def _warnings(
    answers: Answers, order: list[StatusReply], rows: list[MemberStatus]
) -> Iterable[str]:
    said = [text for reply in order for text in reply.warnings]
    reached = {row.member for row in rows if row.reachable}
    silent = [
        f"{one.who} did not answer here ({one.why})"
        + ("; the others reach it, this is what they say of it" if one.who in reached else "")
        for one in answers.silent
    ]
    return dict.fromkeys([*said, *silent])
