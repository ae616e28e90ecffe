"""What a reload may change, and what it does not.

Law: a reload never moves the leader and never touches the controllee. What would need that waits
for a restart, or for the membership procedure, and is named. What makes members refuse each other
is refused with the whole file: nothing of it is taken.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from hadelect.config.model import Config, ReplicationSpec
from hadelect.config.schema import VARIABLES, Change

_TLS = ("HAD_TLS_CERT", "HAD_TLS_KEY", "HAD_TLS_CA")


@dataclass(frozen=True, slots=True)
class Difference:
    """One variable whose text in force differs."""

    name: str
    old: str
    new: str
    change: Change

    def __str__(self) -> str:
        shown = f"{self.name}: {self.old or 'unset'} -> {self.new or 'unset'}"
        return f"{shown}, {outcome(self.change)}{remedy(self.change)}"


def outcome(change: Change) -> str:
    match change:
        case Change.LIVE:
            return "applied"
        case Change.RESTART:
            return "needs a restart"
        case Change.MEMBERSHIP:
            return "kept"
        case Change.NEVER:
            return "refused"
    assert_never(change)


def remedy(change: Change) -> str:
    match change:
        case Change.LIVE:
            return ""
        case Change.RESTART:
            return " of this member's HAD; until then the old value holds"
        case Change.MEMBERSHIP:
            return (
                ": the voters' list in force stays; to change it, stop all members, then start each"
                " with --reset-membership"
            )
        case Change.NEVER:
            return (
                ": it must be equal on all members; take the change back, or stop all members,"
                " change it everywhere and start them"
            )
    assert_never(change)


def differences(old: Config, new: Config) -> tuple[Difference, ...]:
    """What differs, in the schema's order. Shape of `values`: every name and its text in force."""
    other_controllee = old.controllee.name != new.controllee.name
    changes = {
        row.name.replace("<X>", old.controllee.name): row.change
        for row in VARIABLES
        if not (other_controllee and "<X>" in row.name)
    }
    if (old.tls is None) != (new.tls is None):  # Another kind of port.
        changes |= dict.fromkeys(_TLS, Change.RESTART)
    after = dict(new.values)
    return tuple(
        Difference(name, text, after.get(name, ""), changes[name])
        for name, text in old.values
        if name in changes and after.get(name, "") != text
    )


def reloaded(old: Config, new: Config) -> Config:
    """The new configuration with everything of the old one that stays while the member runs."""
    kept = {item.name for item in differences(old, new) if item.change is not Change.LIVE}
    before, after = dict(old.values), dict(new.values)
    values = tuple((name, (before if name in kept else after)[name]) for name in before)
    return replace(
        new,
        pool=old.pool,
        me=old.me,
        members=old.members,
        witnesses=old.witnesses,
        arbitration=old.arbitration,
        controllee=replace(
            old.controllee,
            stop_signal=new.controllee.stop_signal,
            stop_timeout=new.controllee.stop_timeout,
            start_grace=new.controllee.start_grace,
        ),
        fence_tree=old.fence_tree,
        allow_unfenced=old.allow_unfenced,
        state_dir=old.state_dir,
        control_socket=old.control_socket,
        http_address=old.http_address,
        max_history=old.max_history,
        max_flight=old.max_flight,
        replication=_replication(old, new),
        tls=new.tls if old.tls and new.tls else old.tls,
        allow_insecure=old.allow_insecure,
        values=values,
    )


def _replication(old: Config, new: Config) -> ReplicationSpec | None:
    before, after = old.replication, new.replication
    if before is None or after is None:
        return before
    return replace(
        after,
        daemons=before.daemons,
        me=before.me,
        roots=before.roots,
        key_file=before.key_file,
        http_address=before.http_address,
    )
