"""Every effect of the policy has one hand that carries it out."""

import typing

import pytest

from hadelect.core.replication import effects
from hadelect.core.replication.hands import carry_out
from hadelect.core.replication.messages import Advert
from hadelect.core.versions import Line, Replica, Version
from hadelect.core.vocabulary import Millis, Name, Term

LINE = Line(Version(Term(1), 1, "aa"))
EFFECTS: tuple[tuple[effects.Effect, str], ...] = (
    (effects.Look(1), "look"),
    (effects.Mark(1, LINE), "mark"),
    (effects.Snapshot(1, None, Term(1), full=True), "snapshot"),
    (effects.Fetch(1, Name("cm2"), LINE), "fetch"),
    (effects.Install(1, LINE), "install"),
    (effects.Restore(1, LINE.version, LINE, Term(2)), "restore"),
    (effects.Cancel(1), "cancel"),
    (effects.Announce(Name("cm2"), Advert()), "announce"),
    (effects.Report(Replica()), "report"),
    (effects.ErrandDone(1, ok=True), "errand_done"),
    (effects.Answer(1, ok=True, text=""), "answer"),
    (effects.Note(None, Millis(0)), "note"),
    (effects.Emit(effects.Matter.ROLE, "leads"), "emit"),
)


class Hands:
    """Remembers which of its methods was called."""

    def __init__(self) -> None:
        self.called: list[tuple[str, object]] = []

    def __getattr__(self, name: str) -> typing.Any:
        return lambda effect: self.called.append((name, effect))


@pytest.mark.parametrize("effect, method", EFFECTS, ids=lambda value: str(value)[:20])
def test_each_effect_has_its_hand(effect: effects.Effect, method: str) -> None:
    """An effect reaches exactly the method of its name."""
    hands = Hands()
    carry_out([effect], typing.cast("typing.Any", hands))
    assert hands.called == [(method, effect)]


def test_all_effects_are_here() -> None:
    """None was forgotten above."""
    assert {type(effect) for effect, _ in EFFECTS} == set(typing.get_args(effects.Effect))
