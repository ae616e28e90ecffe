"""A StatusReply as the JSON of the interface: names and nesting are a contract with users' scripts.

Keys are only ever added. Unknown is null, never a missing key.
"""

from typing import Any

from hadelect.pb.control_pb2 import ControlleeStatus, MemberStatus, StatusReply


def status_dict(reply: StatusReply) -> dict[str, Any]:
    return {
        "pool": reply.pool,
        "leader": reply.leader or None,
        "term": reply.term,
        "arbitration": reply.arbitration,
        "promise": reply.promise,
        "paused": None,
        "answered_by": reply.answered_by or None,
        "members": [_member(row) for row in reply.members],
        "warnings": list(reply.warnings),
    }


def _member(row: MemberStatus) -> dict[str, Any]:
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
        "controllee": _controllee(row.controllee) if row.HasField("controllee") else None,
        "replica": None,
    }


def _controllee(controllee: ControlleeStatus) -> dict[str, Any]:
    return {
        "name": controllee.name,
        "state": controllee.state,
        "pid": controllee.pid or None,
        "since": controllee.since or None,
        "restarts": controllee.restarts,
    }
