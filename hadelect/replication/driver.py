"""The daemon's one loop: inbox -> step -> carry out. Nobody else touches the policy's state.

Law: events are taken in the order they came; effects are carried out before the next event.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hadelect.core.replication import effects as do
from hadelect.core.replication.events import Accept, AskRestore, Event, Found, Tick
from hadelect.core.replication.hands import carry_out
from hadelect.core.replication.messages import Advert
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.versions import Replica
from hadelect.core.vocabulary import Millis, Name
from hadelect.runtime.clock import boottime_ms


class Decided(Protocol):
    """The policy's answer: its next state, which only it understands, and what is to be done."""

    @property
    def state(self) -> Any: ...
    @property
    def effects(self) -> tuple[do.Effect, ...]: ...


class Core(Protocol):
    """The policy, or a smaller one in a test."""

    def boot(self, rules: ReplicationRules, found: Found, now: Millis, /) -> Decided: ...
    def step(
        self, rules: ReplicationRules, state: Any, event: Event, now: Millis, /
    ) -> Decided: ...
    def wake_at(self, rules: ReplicationRules, state: Any, /) -> Millis: ...
    def lag_at(self, state: Any, now: Millis, /) -> Millis: ...


class FilesPort(Protocol):
    def begin(self, effect: do.Work) -> None: ...
    def cancel(self, effect: do.Cancel) -> None: ...


class PeersPort(Protocol):
    def announce(self, to: Name | None, advert: Advert) -> None: ...


class LocalPort(Protocol):
    def report(self, replica: Replica) -> None: ...
    def errand_done(self, effect: do.ErrandDone) -> None: ...


class NotesPort(Protocol):
    def keep(self, note: do.Note) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything the effects touch."""

    files: FilesPort
    peers: PeersPort
    local: LocalPort
    notes: NotesPort
    emit: Callable[[do.Emit], None]
    late: Callable[[float], None]


class Driver:
    """Implements core.replication.hands.ReplicationHands. To be made inside a running loop."""

    def __init__(
        self,
        rules: ReplicationRules,
        core: Core,
        crashed: Callable[[], None],
        clock: Callable[[], Millis] = boottime_ms,
    ) -> None:
        """`crashed` is called when a step or an effect raised: the end of this process."""
        self.rules = rules
        self._core = core
        self._crashed = crashed
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[Event] = deque()
        self._busy = False
        self._state: Any = None
        self._world: World | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._commands: dict[int, asyncio.Future[do.Answer]] = {}
        self._next_command = 1
        self._reported = Replica()

    @property
    def replica(self) -> Replica:
        """As last reported, and as old as it is now; for any thread."""
        if self._state is None:
            return self._reported
        return replace(self._reported, lag_ms=self._core.lag_at(self._state, self._clock()))

    # --- in ------------------------------------------------------------------------------------

    def boot(self, world: World, found: Found) -> None:
        """Begin. What was heard before waits until now."""
        self._world = world
        with self._guard():
            self._busy = True
            decided = self._core.boot(self.rules, found, self._clock())
            self._state = decided.state
            carry_out(decided.effects, self)
            self._busy = False
        self._drain()

    def hear(self, event: Event) -> None:
        """Steps at once, unless a step is under way (then right after it)."""
        self._inbox.append(event)
        if not self._busy and self._world is not None:
            self._drain()

    async def ask(self, command: Callable[[int], Accept | AskRestore]) -> do.Answer:
        """An operator's command; returns when the policy has answered it."""
        number = self._next_command
        self._next_command += 1
        answer: asyncio.Future[do.Answer] = self._loop.create_future()
        self._commands[number] = answer
        self.hear(command(number))
        try:
            return await answer
        finally:
            self._commands.pop(number, None)

    def _drain(self) -> None:
        with self._guard():
            self._busy = True
            while self._inbox:
                event = self._inbox.popleft()
                decided = self._core.step(self.rules, self._state, event, self._clock())
                self._state = decided.state
                carry_out(decided.effects, self)
            self._busy = False
            self._arm()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        sound = False
        try:
            yield
            sound = True
        finally:
            if not sound:
                self._crashed()

    # --- the timer -----------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = self._core.wake_at(self.rules, self._state) - self._clock()
        due = self._loop.time() + max(0, wait) / 1000
        self._timer = self._loop.call_at(due, self._wake, due)

    def _wake(self, due: float) -> None:
        self._timer = None
        self._worldly.late(self._loop.time() - due)
        self.hear(Tick())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # --- out -----------------------------------------------------------------------------------

    @property
    def _worldly(self) -> World:
        assert self._world is not None
        return self._world

    def look(self, effect: do.Look) -> None:
        self._worldly.files.begin(effect)

    def mark(self, effect: do.Mark) -> None:
        self._worldly.files.begin(effect)

    def snapshot(self, effect: do.Snapshot) -> None:
        self._worldly.files.begin(effect)

    def fetch(self, effect: do.Fetch) -> None:
        self._worldly.files.begin(effect)

    def install(self, effect: do.Install) -> None:
        self._worldly.files.begin(effect)

    def restore(self, effect: do.Restore) -> None:
        self._worldly.files.begin(effect)

    def cancel(self, effect: do.Cancel) -> None:
        self._worldly.files.cancel(effect)

    def announce(self, effect: do.Announce) -> None:
        self._worldly.peers.announce(effect.to, effect.advert)

    def report(self, effect: do.Report) -> None:
        self._reported = effect.replica
        self._worldly.local.report(effect.replica)

    def errand_done(self, effect: do.ErrandDone) -> None:
        self._worldly.local.errand_done(effect)

    def answer(self, effect: do.Answer) -> None:
        waiting = self._commands.get(effect.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(effect)

    def note(self, effect: do.Note) -> None:
        self._worldly.notes.keep(effect)

    def emit(self, effect: do.Emit) -> None:
        self._worldly.emit(effect)
