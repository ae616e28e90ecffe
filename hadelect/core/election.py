"""One way in: `boot`, then `step` for every event, and `wake_at` for the next Tick."""

from hadelect.core.effects import Record
from hadelect.core.events import Event
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Millis, Rules


def boot(rules: Rules, found: Record | None, same_boot: bool, now: Millis) -> Decision:
    """The state of a member that starts. `found`: its durable record; `same_boot`: of this boot."""
    raise NotImplementedError


def step(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
    """Advance one member by one event. Same arguments, same answer."""
    raise NotImplementedError


def wake_at(rules: Rules, state: State) -> Millis:
    """When the next Tick is due."""
    raise NotImplementedError
