"""What a reload may change, and what it does not.

Law: a reload never moves the leader and never touches the controllee. What would need that waits
for a restart, or for the membership procedure, and is named.
"""

from dataclasses import dataclass, replace

from hadelect.config.model import Config
from hadelect.config.schema import VARIABLES, Change


@dataclass(frozen=True, slots=True)
class Difference:
    """One variable whose text in force differs."""

    name: str
    old: str
    new: str
    change: Change

    def __str__(self) -> str:
        shown = f"{self.name}: {self.old or 'unset'} -> {self.new or 'unset'}"
        match self.change:
            case Change.LIVE:
                return f"{shown}, applied"
            case Change.RESTART:
                return f"{shown}, needs a restart of this member's HAD"
            case Change.MEMBERSHIP:
                return (
                    f"{shown}, the voters' list in force stays; to change it, stop all members, "
                    "then start each with --reset-membership"
                )


def differences(old: Config, new: Config) -> tuple[Difference, ...]:
    """What differs, in the schema's order. Shape of `values`: every name and its text in force."""
    changes = {row.name.replace("<X>", old.controllee.name): row.change for row in VARIABLES}
    after = dict(new.values)
    return tuple(
        Difference(name, text, after.get(name, ""), changes[name])
        for name, text in old.values
        if after.get(name, "") != text
    )


def reloaded(old: Config, new: Config) -> Config:
    """The old configuration with everything of the new one that may change while it runs."""
    kept = {item.name for item in differences(old, new) if item.change is not Change.LIVE}
    before, after = dict(old.values), dict(new.values)
    values = tuple((name, (before if name in kept else after)[name]) for name in before)
    return replace(
        old,
        use_primary=new.use_primary,
        preempt_delay=new.preempt_delay,
        connection_timeout=new.connection_timeout,
        heartbeat=new.heartbeat,
        lease=new.lease,
        margin=new.margin,
        restart_limit=new.restart_limit,
        restart_window=new.restart_window,
        unfit_cooldown=new.unfit_cooldown,
        controllee=replace(
            old.controllee,
            stop_signal=new.controllee.stop_signal,
            stop_timeout=new.controllee.stop_timeout,
            start_grace=new.controllee.start_grace,
        ),
        log=new.log,
        warnings=new.warnings,
        values=values,
        digest=new.digest,
    )
