"""The pool as one member sees it: from its state to StatusReply, to JSON, to a page.

Law 1: pure functions of (facts, digests, state, now); any thread may call them.
Law 2: names and nesting of the JSON are a contract with users' scripts: keys are only ever added.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hadelect.core.copies import copy_now, copy_of
from hadelect.core.explain import two_leaders
from hadelect.core.messages import Controllee, Standing
from hadelect.core.reasons import Topic, reason
from hadelect.core.render import because, promise_in_words
from hadelect.core.state import Check, PeerView, State
from hadelect.core.views import leader_lives, leads, reached, reaches, unfit_because
from hadelect.core.vocabulary import Errand, Millis, Name, Role, Rules
from hadelect.pb.control_pb2 import CheckStatus, ControlleeStatus, MemberStatus, StatusReply
from hadelect.runtime import replica_status

UNREACHABLE = "UNREACHABLE"

Digests = Mapping[Name, str]  # Configuration digests of the peers, as far as heard.


@dataclass(frozen=True, slots=True)
class Facts:
    """What changes by a reload only."""

    rules: Rules
    version: str
    config_digest: str
    warnings: tuple[str, ...] = ()


def status_of(facts: Facts, digests: Digests, state: State, now: Millis) -> StatusReply:
    rules = facts.rules
    leader = state.leader if leads_or_follows(state, now) else None
    rows = {peer.name: _peer_row(facts, digests, state, peer, now) for peer in state.peers}
    rows[rules.me] = _own_row(facts, state, now)
    return StatusReply(
        pool=rules.identity.pool,
        leader=leader or "",
        term=state.term,
        arbitration=rules.identity.arbitration.value,
        answered_by=rules.me,
        members=[rows[name] for name in rules.voters],
        warnings=[*facts.warnings, *_warnings(facts, digests, state, now)],
        promise=promise_in_words(rules),
    )


def leads_or_follows(state: State, now: Millis) -> bool:
    return state.role is Role.LEADER or leader_lives(state, now)


def _own_row(facts: Facts, state: State, now: Millis) -> MemberStatus:
    rules = facts.rules
    unfit = unfit_because(rules, state)
    row = _row(rules, rules.me, facts.version, facts.config_digest)
    row.role = state.role.value
    row.reachable = True
    row.fit = not unfit
    row.unfit_because = unfit
    row.drained = state.record.drained
    row.term = state.term
    row.last_heard_seconds = 0.0
    row.mute = now < state.mute_until
    row.leader = state.leader or "" if leads_or_follows(state, now) else ""
    row.hears.extend(reached(rules, state, now))
    row.controllee.CopyFrom(_controllee(rules, state.controllee))
    row.controllee.check.CopyFrom(_check(rules, state.check))
    replica_status.put(row, copy_now(state, now))
    return row


def _check(rules: Rules, check: Check) -> CheckStatus:
    """An unknown outcome leaves the failures before it counted, and says nothing by itself."""
    if Errand.CHECK not in rules.errands or (check.due is None and not check.id):
        return CheckStatus(state="none")
    if check.failures:
        told = "failing"
    else:
        told = "passing" if check.passed and not check.because else "unknown"
    return CheckStatus(state=told, failures=check.failures, because=check.because)


def _peer_row(
    facts: Facts, digests: Digests, state: State, peer: PeerView, now: Millis
) -> MemberStatus:
    rules = facts.rules
    row = _row(rules, peer.name, peer.version, digests.get(peer.name, ""))
    if peer.heard_at >= 0:
        row.last_heard_seconds = (now - peer.heard_at) / 1000
    row.role = UNREACHABLE
    if peer.standing is not None:
        _put_standing(rules, row, peer.standing)
        replica_status.put(row, copy_of(state, peer, now))
        if reaches(rules, peer, now):
            row.role = peer.standing.role.value
            row.reachable = True
    return row


def _put_standing(rules: Rules, row: MemberStatus, standing: Standing) -> None:
    row.fit = standing.fit
    row.unfit_because = standing.unfit_because
    row.drained = standing.drained
    row.term = standing.term
    row.mute = standing.mute
    row.leader = standing.leader or ""
    row.hears.extend(standing.hears)
    row.controllee.CopyFrom(_controllee(rules, standing.controllee))


def _row(rules: Rules, name: Name, version: str, digest: str) -> MemberStatus:
    return MemberStatus(
        member=name,
        priority=rules.priority(name),
        primary=name == rules.primary,
        version=version,
        config_digest=digest,
        witness=name in rules.identity.witnesses,
    )


def _controllee(rules: Rules, controllee: Controllee) -> ControlleeStatus:
    return ControlleeStatus(
        name=controllee.name or rules.identity.controllee,
        state=controllee.state.value,
        pid=controllee.pid,
        since=controllee.since,
        restarts=controllee.restarts,
    )


def _warnings(facts: Facts, digests: Digests, state: State, now: Millis) -> Iterator[str]:
    rules = facts.rules
    for peer in state.peers:
        if peer.refused_because:
            yield because(reason(Topic.PEER_REFUSED, peer=peer.name, because=peer.refused_because))
        elif reaches(rules, peer, now):
            yield from _peer_warnings(facts, peer, digests.get(peer.name, ""))
    if state.check.because:
        yield f"{state.check.because}; {state.check.failures} in a row"
    yield from (because(told) for told in two_leaders(rules, state, now))
    yield from replica_status.warnings(rules, state)
    led = state.role is Role.LEADER or any(leads(rules, peer, now) for peer in state.peers)
    if not led and not _anybody_fit(rules, state, now):
        yield "no leader: no member that is reachable is fit and undrained"


def _peer_warnings(facts: Facts, peer: PeerView, digest: str) -> Iterator[str]:
    if digest and digest != facts.config_digest:
        yield f"{peer.name} has another configuration ({digest}, here {facts.config_digest})"
    if peer.version and peer.version != facts.version:
        yield f"{peer.name} runs version {peer.version}, this member {facts.version}"


def _anybody_fit(rules: Rules, state: State, now: Millis) -> bool:
    own = not unfit_because(rules, state) and not state.record.drained
    return own or any(
        peer.standing is not None
        and peer.standing.fit
        and not peer.standing.drained
        and reaches(rules, peer, now)
        for peer in state.peers
    )


# --- for scripts: interface.md ---


def status_dict(reply: StatusReply) -> dict[str, Any]:
    """Unknown is null, never a missing key."""
    return {
        "pool": reply.pool,
        "leader": reply.leader or None,
        "term": reply.term,
        "arbitration": reply.arbitration,
        "promise": reply.promise,
        "paused": None,
        "answered_by": reply.answered_by or None,
        "members": [_member_dict(row) for row in reply.members],
        "warnings": list(reply.warnings),
    }


def _member_dict(row: MemberStatus) -> dict[str, Any]:
    heard = row.last_heard_seconds if row.HasField("last_heard_seconds") else None
    return {
        "member": row.member,
        "priority": row.priority if row.HasField("priority") else None,
        "primary": row.primary,
        "role": row.role,
        "reachable": row.reachable,
        "fit": row.fit,
        "unfit_because": row.unfit_because,
        "drained": row.drained,
        "mute": row.mute,
        "term": row.term,
        "leader": row.leader or None,
        "last_heard_seconds": None if heard is None else round(heard, 3),
        "hears": list(row.hears),
        "version": row.version,
        "config_digest": row.config_digest,
        "witness": row.witness,
        "controllee": _controllee_dict(row.controllee) if row.HasField("controllee") else None,
        "replica": replica_status.as_dict(row),
    }


def _controllee_dict(controllee: ControlleeStatus) -> dict[str, Any]:
    return {
        "name": controllee.name,
        "state": controllee.state,
        "pid": controllee.pid or None,
        "since": controllee.since or None,
        "restarts": controllee.restarts,
        "check": _check_dict(controllee.check) if controllee.HasField("check") else None,
    }


def _check_dict(check: CheckStatus) -> dict[str, Any]:
    return {"state": check.state, "failures": check.failures, "because": check.because}


# --- for people ---


def page(reply: StatusReply, explanation: Iterable[str] = ()) -> str:
    """Plain text, until there is a web page. `explanation`: of the member that answers."""
    lines = [
        f"pool {reply.pool}: leader {reply.leader or '(none)'}, term {reply.term}",
        reply.promise,
        "",
        line_of(reply),
        "",
    ]
    width = max(len(row.member) for row in reply.members)
    lines += [f"{row.member:<{width}}  {_row_words(row)}" for row in reply.members]
    lines += ["", *explanation, ""]
    lines += [*(f"warning: {warning}" for warning in reply.warnings)]
    return "\n".join(lines).rstrip() + "\n"


def _row_words(row: MemberStatus) -> str:
    words = [row.role]
    if row.controllee.state:
        words.append(f"{row.controllee.name} {row.controllee.state}")
    words += [f"pid {row.controllee.pid}"] if row.controllee.pid else []
    words += [replica_status.words(row.replica)] if row.HasField("replica") else []
    words += ["drained"] if row.drained else []
    words += ["mute"] if row.mute else []
    words += [row.unfit_because] if row.unfit_because else []
    if row.role == UNREACHABLE:
        heard = row.HasField("last_heard_seconds")
        words = [
            UNREACHABLE,
            f"last heard {row.last_heard_seconds:.1f} s ago" if heard else "never heard",
        ]
    return ", ".join(words)


def line_of(reply: StatusReply) -> str:
    """The pool in one line: the status line of the log."""
    rows = ", ".join(f"{row.member} {row.role}" for row in reply.members)
    return f"leader {reply.leader or '(none)'}, term {reply.term}; {rows}"
