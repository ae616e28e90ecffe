"""What happened, told to everybody who wants to know: log, history, metrics, systemd.

Law: on change only, after the fact, and nobody here makes the loop wait.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hadelect.core.effects import Emit
from hadelect.core.render import change
from hadelect.core.state import State
from hadelect.core.vocabulary import Role, Rules
from hadelect.runtime.clock import wall_clock
from hadelect.runtime.history import History
from hadelect.runtime.log import Log
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.systemd import Notifier


@dataclass(frozen=True, slots=True)
class Readers:
    log: Log
    history: History
    metrics: Metrics
    systemd: Notifier


class Chronicle:
    """An Observer of the driver."""

    def __init__(self, rules: Rules, readers: Readers, took_part: Callable[[], None]) -> None:
        """`took_part` is called once, when the member leaves PRE."""
        self.rules = rules
        self._readers = readers
        self._took_part = took_part

    def emit(self, effect: Emit, operator: str) -> None:
        line = change(effect)
        cause = effect.cause.value if effect.cause else ""
        fields = {"role": effect.role.value, "term": effect.term, "cause": cause}
        say = self._readers.log.warning if effect.warning else self._readers.log.info
        say(line, **fields)
        entry = {
            "time": wall_clock(),
            "member": self.rules.me,
            "term": effect.term,
            "role": effect.role.value,
            "was": effect.was.value if effect.was else None,
            "cause": cause or None,
            "because": effect.because,
            "operator": operator or None,
        }
        self._readers.history.append(entry)
        self._readers.metrics.told(effect)
        if effect.was is not effect.role:
            self._readers.systemd.status(line)

    def stepped(self, old: State, new: State) -> None:
        self._readers.metrics.stepped(self.rules, old, new)
        if old.role is Role.PRE and new.role is not Role.PRE:
            self._readers.systemd.ready(f"{new.role.value}, taking part")
            self._took_part()

    def late(self, seconds: float) -> None:
        self._readers.metrics.lag(seconds)
