"""What decides in a replication daemon; the real policy unless a test breaks it on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hadelect.core.replication import policy
from hadelect.core.replication.effects import Effect
from hadelect.core.replication.events import Event, Found
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.vocabulary import Millis


class Decided(Protocol):
    """The policy's answer: its next state, which only it understands, and what is to be done."""

    @property
    def state(self) -> Any: ...
    @property
    def effects(self) -> tuple[Effect, ...]: ...


@dataclass(frozen=True, slots=True)
class Policy:
    boot: Callable[[ReplicationRules, Found, Millis], Decided] = policy.boot
    step: Callable[[ReplicationRules, Any, Event, Millis], Decided] = policy.step
    wake_at: Callable[[ReplicationRules, Any], Millis] = policy.wake_at


REAL_POLICY = Policy()
