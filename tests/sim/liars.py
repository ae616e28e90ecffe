"""A pool in which one member talks nonsense of terms, and every message passes the real decoder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hadelect.core import election
from hadelect.core.effects import Persist, Send
from hadelect.core.events import Event, Received
from hadelect.core.messages import Standing
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Millis, Name, Rules, Term
from hadelect.runtime.wire import ProtocolError, Wire
from hadelect.sim.world import Core


@dataclass(frozen=True, slots=True)
class Liar:
    """Says of itself what `lie` makes of its standing."""

    name: Name
    lie: Callable[[Standing], Standing]

    def core(self) -> Core:
        """The real core, and this liar in its midst."""
        return Core(step=self._step)

    def _step(self, rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        if isinstance(event, Received) and not legible(rules, event):
            return Decision(replace(state, now=now))
        decided = election.step(rules, state, event, now)
        if rules.me != self.name:
            return decided
        return Decision(decided.state, tuple(self._lies(effect) for effect in decided.effects))

    def _lies(self, effect: Any) -> Any:
        if isinstance(effect, Persist):
            return replace(effect, then=tuple(self._lies(send) for send in effect.then))
        if not isinstance(effect, Send) or not hasattr(effect.message, "standing"):
            return effect
        said: Any = effect.message
        return Send(effect.to, replace(said, standing=self.lie(said.standing)))


def legible(rules: Rules, received: Received) -> bool:
    """Whether the decoder takes it, and as what was said."""
    wire = Wire(received.sender, rules.identity, "")
    try:
        opened = wire.decode(wire.encode(received.message))
    except ProtocolError:
        return False
    assert opened.message == received.message
    return True


def knows(term: int) -> Callable[[Standing], Standing]:
    """The same nonsense every time."""
    return lambda said: replace(said, known_term=Term(term))


def raves(dice: Random, others: tuple[Name, ...]) -> Callable[[Standing], Standing]:
    """Another nonsense every time, now and then of one that it hears lead, too."""

    def rave(said: Standing) -> Standing:
        term = Term(dice.choice((2**33, 2**40, 2**52, 2**53 - 64, 2**53)) + dice.randint(-64, 0))
        if dice.random() < 0.7:
            return replace(said, known_term=term)
        return replace(said, known_term=term, leader=dice.choice(others), term=term)

    return rave
