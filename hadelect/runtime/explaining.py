"""Explanations on their way to people: from the core's reasons to ExplainReply, and to JSON.

Law: pure functions; any thread may call them. Topics, facts and keys are only ever added.
"""

from collections.abc import Iterable
from typing import Any

from hadelect.core.explain import explain, explain_peer
from hadelect.core.reasons import Fact as Value
from hadelect.core.reasons import Reason
from hadelect.core.render import explained
from hadelect.core.state import State
from hadelect.core.views import leader_lives
from hadelect.core.vocabulary import Millis, Name, Role, Rules
from hadelect.pb.control_pb2 import ExplainReply, Fact, ReasonLine

UNREACHABLE = "UNREACHABLE"


def explain_reply(rules: Rules, state: State, name: Name, now: Millis) -> ExplainReply:
    """`name` is this member or a peer."""
    live = state.role is Role.LEADER or leader_lives(state, now)
    reply = ExplainReply(member=name, answered_by=rules.me)
    if name == rules.me:
        reply.role, reply.term = state.role.value, state.term
        reply.leader = state.leader or "" if live else ""
        reply.lines.extend(lines_of(explain(rules, state, now)))
        return reply
    standing = state.peer(name).standing
    reply.role = UNREACHABLE
    if standing is not None:
        reply.term, reply.leader = standing.term, standing.leader or ""
    reply.lines.extend(lines_of(explain_peer(rules, state, name, now)))
    return reply


def lines_of(reasons: Iterable[Reason]) -> list[ReasonLine]:
    return [
        ReasonLine(
            topic=told.topic.value,
            text=explained(told),
            holds_back=told.holds_back,
            facts=[_fact(name, value) for name, value in told.facts],
        )
        for told in reasons
    ]


def _fact(name: str, value: Value) -> Fact:
    match value:
        case bool():
            return Fact(name=name, truth=value)
        case int():
            return Fact(name=name, count=value)
        case float():
            return Fact(name=name, number=value)
        case str():
            return Fact(name=name, text=value)


def explain_dict(reply: ExplainReply) -> dict[str, Any]:
    """Unknown is null, never a missing key."""
    return {
        "member": reply.member,
        "answered_by": reply.answered_by,
        "role": reply.role,
        "term": reply.term,
        "leader": reply.leader or None,
        "lines": [
            {
                "topic": line.topic,
                "text": line.text,
                "holds_back": line.holds_back,
                "facts": {fact.name: _value(fact) for fact in line.facts},
            }
            for line in reply.lines
        ],
    }


def _value(fact: Fact) -> Value | None:
    kind = fact.WhichOneof("value")
    if kind is None:
        return None
    value: Value = getattr(fact, kind)
    return round(value, 3) if isinstance(value, float) else value
