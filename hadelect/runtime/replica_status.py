"""Copies of the state as status shows them: one row's words, its JSON, what is wrong with them.

Law: `lag_seconds` is what a promotion of that member would lose, as it said itself, with the time
     since (core/copies.py); a member of which nothing is known, or which replicates nothing, has
     no replica (null).
"""

from collections.abc import Iterator
from typing import Any

from hadelect.core.state import State
from hadelect.core.state_gate import replicas
from hadelect.core.versions import Replica, Version, conflicting
from hadelect.core.views import seconds
from hadelect.core.vocabulary import Name, Role, Rules
from hadelect.pb.control_pb2 import MemberStatus, ReplicaStatus


def put(row: MemberStatus, replica: Replica | None) -> None:
    if replica is None:
        return
    version = replica.version
    row.replica.CopyFrom(
        ReplicaStatus(
            version=str(version or ""),
            digest=version.digest if version else "",
            lag_seconds=seconds(replica.lag_ms),
            known=str(replica.known or ""),
            ready=replica.ready,
            problem=replica.problem,
        )
    )


def as_dict(row: MemberStatus) -> dict[str, Any] | None:
    if not row.HasField("replica"):
        return None
    told = row.replica
    return {
        "version": told.version or None,
        "lag_seconds": round(told.lag_seconds, 3),
        "digest": told.digest or None,
        "known": told.known or None,
        "ready": told.ready,
        "problem": told.problem,
    }


def words(told: ReplicaStatus) -> str:
    """`state 7.42, 3.1 s behind`."""
    if not told.version:
        return "no state yet"
    behind = f", {told.lag_seconds:.1f} s behind" if told.lag_seconds >= 1 else ""
    return f"state {told.version}{behind}"


def warnings(rules: Rules, state: State) -> Iterator[str]:
    """What an operator should look at. A standby's problem is said where it is not fit."""
    if state.replica is None:
        return
    if state.role is Role.LEADER and state.replica.problem:
        yield f"{rules.me} leads, and its state goes nowhere: {state.replica.problem}"
    copies = [(rules.me, state.replica), *((p.name, said) for p, said in replicas(rules, state))]
    for name, replica in copies:
        if replica.lag_ms > rules.max_lag_ms:
            behind, limit = seconds(replica.lag_ms), seconds(rules.max_lag_ms)
            yield f"{name}'s state is {behind:.0f} s behind (REPLICATION_MAX_LAG = {limit:g})"
    yield from _conflicts([(name, replica.version) for name, replica in copies])


def _conflicts(held: list[tuple[Name, Version | None]]) -> Iterator[str]:
    for place, (name, version) in enumerate(held):
        for other, theirs in held[place + 1 :]:
            if conflicting(version, theirs):
                yield (
                    f"{name} and {other} hold different states {version}:"
                    " `hadelect state list` on both"
                )
