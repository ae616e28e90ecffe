"""How the effects of the policy meet the world: one method per effect, one dispatch."""

from collections.abc import Iterable
from typing import Protocol, assert_never

from hadelect.core.replication.effects import (
    Announce,
    Answer,
    Cancel,
    Effect,
    Emit,
    ErrandDone,
    Fetch,
    Install,
    Look,
    Mark,
    Note,
    Report,
    Restore,
    Snapshot,
)


class ReplicationHands(Protocol):
    """Implemented by hadelect/replication and by sim/replication.py."""

    def look(self, effect: Look) -> None: ...
    def mark(self, effect: Mark) -> None: ...
    def snapshot(self, effect: Snapshot) -> None: ...
    def fetch(self, effect: Fetch) -> None: ...
    def install(self, effect: Install) -> None: ...
    def restore(self, effect: Restore) -> None: ...
    def cancel(self, effect: Cancel) -> None: ...
    def announce(self, effect: Announce) -> None: ...
    def report(self, effect: Report) -> None: ...
    def errand_done(self, effect: ErrandDone) -> None: ...
    def answer(self, effect: Answer) -> None: ...
    def note(self, effect: Note) -> None: ...
    def emit(self, effect: Emit) -> None: ...


def carry_out(effects: Iterable[Effect], hands: ReplicationHands) -> None:
    for effect in effects:
        match effect:
            case Look():
                hands.look(effect)
            case Mark():
                hands.mark(effect)
            case Snapshot():
                hands.snapshot(effect)
            case Fetch():
                hands.fetch(effect)
            case Install():
                hands.install(effect)
            case Restore():
                hands.restore(effect)
            case Cancel():
                hands.cancel(effect)
            case Announce():
                hands.announce(effect)
            case Report():
                hands.report(effect)
            case ErrandDone():
                hands.errand_done(effect)
            case Answer():
                hands.answer(effect)
            case Note():
                hands.note(effect)
            case Emit():
                hands.emit(effect)
            case _:
                assert_never(effect)
