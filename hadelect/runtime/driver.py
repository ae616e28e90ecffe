"""The one loop: inbox -> step -> carry out. Nobody else touches the state.

Law 1: events are taken in the order they came; effects are carried out before the next event. What
       an event causes leaves within the same turn of the loop. People (log, history, metrics) are
       told in the next one: what the streams have to say is on its way by then.
Law 2: one timer. A Tick carries when it was due; woken late, we first read what waits (once, for
       READ_FIRST seconds), because busy is not dead.
Law 3: an error in here is our own bug: it ends the daemon, and the supervisor makes that safe.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hadelect.core import effects as do
from hadelect.core.effects import Record
from hadelect.core.events import (
    Drain,
    Event,
    Handover,
    Persisted,
    PersistFailed,
    Reloaded,
    Shutdown,
    Tick,
)
from hadelect.core.hands import carry_out
from hadelect.core.messages import Message, Probe
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import OF_STATE, Millis, Name, Rules
from hadelect.runtime.clock import boottime_ms

READ_FIRST = 0.010  # Seconds for what waits in sockets to be read before a late Tick.


class Core(Protocol):
    """`hadelect.core.election`, or a smaller one in a test."""

    def boot(
        self, rules: Rules, found: Record | None, same_boot: bool, now: Millis, /
    ) -> Decision: ...
    def step(self, rules: Rules, state: State, event: Event, now: Millis, /) -> Decision: ...
    def wake_at(self, rules: Rules, state: State, /) -> Millis: ...


class PeerPort(Protocol):
    def send(self, to: Name, message: Message) -> None: ...
    def refresh(self, name: Name) -> None: ...


class DatagramPort(Protocol):
    def send(self, effect: do.SendDatagram) -> None: ...


class StorePort(Protocol):
    def persist(self, record: Record, written: Callable[[int, str], None]) -> None: ...


class SupervisorPort(Protocol):
    """Obeys the core's effects about the controllee; answers as events."""

    def start(self, effect: do.Start) -> None: ...
    def extend(self, effect: do.Extend) -> None: ...
    def stop(self, effect: do.Stop) -> None: ...
    def retitle(self, effect: do.Retitle) -> None: ...
    def end(self, effect: do.End) -> None: ...
    @property
    def errands(self) -> "ErrandPort": ...


class ErrandPort(Protocol):
    """Runs the administrator's commands, or asks the replication daemon; answers with Ran."""

    def run(self, effect: do.Run) -> None: ...
    def cancel(self, effect: do.Cancel) -> None: ...


class Observer(Protocol):
    """Who is told, after the fact."""

    def emit(self, effect: do.Emit, operator: str) -> None: ...
    def stepped(self, old: State, new: State) -> None: ...
    def late(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything the effects touch."""

    peers: PeerPort
    datagrams: DatagramPort
    store: StorePort
    supervisor: SupervisorPort
    observers: Sequence[Observer] = ()
    replication: ErrandPort | None = None


@dataclass(slots=True)
class Waiting:
    """An operator's command that has not been answered."""

    answer: "asyncio.Future[do.Answer]"
    operator: str


class Driver:
    """Implements hadelect.core.hands.Hands."""

    def __init__(
        self,
        rules: Rules,
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
        self._state: State | None = None
        self._world: World | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked = self._due = Millis(0)  # What wake_at said, and not before it was asked.
        self._reading_first = False
        self._thens: dict[int, tuple[do.Send, ...]] = {}
        self._commands: dict[int, Waiting] = {}
        self._said: list[tuple[do.Emit, str]] = []
        self._next_command = 1
        self._wishes: list[tuple[Callable[[State], bool], asyncio.Future[State]]] = []
        self.ended: asyncio.Future[int] = self._loop.create_future()

    @property
    def state(self) -> State:
        """A frozen snapshot; any thread may read it."""
        assert self._state is not None
        return self._state

    @property
    def now(self) -> Millis:
        return self._clock()

    # --- in ------------------------------------------------------------------------------------

    def boot(self, world: World, found: Record | None, *, same_boot: bool) -> None:
        """Begin. What was heard before waits until now."""
        self._world = world
        with self._guard():
            self._busy = True
            decision = self._core.boot(self.rules, found, same_boot, self._clock())
            self._state = decision.state
            carry_out(decision.effects, self)
            self._busy = False
        self._drain()

    def hear(self, event: Event) -> None:
        """Something happened. Steps at once, unless a step is under way (then right after it)."""
        self._inbox.append(event)
        if not self._busy and self._state is not None:
            self._drain()

    async def ask(self, command: Callable[[int], Handover | Drain], operator: str) -> do.Answer:
        """An operator's command; returns when the core has answered it."""
        number = self._next_command
        self._next_command += 1
        answer: asyncio.Future[do.Answer] = self._loop.create_future()
        self._commands[number] = Waiting(answer, operator)
        self.hear(command(number))
        try:
            return await answer
        finally:
            self._commands.pop(number, None)

    async def until(self, holds: Callable[[State], bool]) -> State:
        """The first state, this one included, for which it holds."""
        if holds(self.state):
            return self.state
        found: asyncio.Future[State] = self._loop.create_future()
        wish = (holds, found)
        self._wishes.append(wish)
        try:
            return await found
        finally:
            self._wishes.remove(wish)

    def shut_down(self, because: str) -> None:
        self.hear(Shutdown(because))

    def disk_hangs(self, because: str) -> None:
        """The write that runs does not return: what waits for it is given up, and told so."""
        if self._thens:
            newest = max(self._thens)
            self._thens.clear()
            self.hear(PersistFailed(newest, because))

    def _drain(self) -> None:
        with self._guard():
            self._busy = True
            while self._inbox:
                self._step(self._inbox.popleft())
            self._busy = False
            self._arm()
        if self._said:
            self._loop.call_soon(self._tell)

    def _step(self, event: Event) -> None:
        before = self.state
        decision = self._core.step(self.rules, before, event, self._clock())
        if isinstance(event, Reloaded):
            self.rules = event.rules
        self._state = decision.state
        carry_out(decision.effects, self)
        for observer in self._worldly.observers:
            observer.stepped(before, decision.state)
        for holds, found in self._wishes:
            if not found.done() and holds(decision.state):
                found.set_result(decision.state)

    def _tell(self) -> None:
        said, self._said = self._said, []
        for effect, operator in said:
            for observer in self._worldly.observers:
                observer.emit(effect, operator)

    @property
    def _worldly(self) -> World:
        assert self._world is not None
        return self._world

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """People hear of it even if our own bug stops it half-way."""
        sound = False
        try:
            yield
            sound = True
        finally:
            if not sound:
                self._tell()
                self._crashed()

    # --- the timer -----------------------------------------------------------------------------

    def _arm(self) -> None:
        """One timer for the core's next wish; a wish already armed keeps when it was due."""
        if self._reading_first or self.ended.done():
            return
        asked = self._core.wake_at(self.rules, self.state)
        if self._timer is not None:
            if asked == self._asked:
                return
            self._timer.cancel()
        now = self._clock()
        self._asked, self._due = asked, Millis(max(asked, now))
        self._timer = self._loop.call_later((self._due - now) / 1000, self._wake)

    def _wake(self) -> None:
        self._timer = None
        late = self._clock() - self._due
        if late < 0:  # The loop's clock rounds otherwise than ours.
            self._timer = self._loop.call_later(0.001, self._wake)
            return
        if late > self.rules.stall_ms and not self._reading_first:
            self._reading_first = True
            self._timer = self._loop.call_later(READ_FIRST, self._wake)
            return
        self._reading_first = False
        for observer in self._worldly.observers:
            observer.late(late / 1000)
        self.hear(Tick(self._due))

    # --- out: hadelect.core.hands.Hands --------------------------------------------------------

    def send(self, effect: do.Send) -> None:
        self._worldly.peers.send(effect.to, effect.message)

    def send_datagram(self, effect: do.SendDatagram) -> None:
        self._worldly.datagrams.send(effect)
        if isinstance(effect.message, Probe):
            self._worldly.peers.refresh(effect.to)

    def persist(self, effect: do.Persist) -> None:
        self._thens[effect.record.serial] = effect.then
        self._worldly.store.persist(effect.record, self._written_elsewhere)

    def start(self, effect: do.Start) -> None:
        self._worldly.supervisor.start(effect)

    def extend(self, effect: do.Extend) -> None:
        self._worldly.supervisor.extend(effect)

    def stop(self, effect: do.Stop) -> None:
        self._worldly.supervisor.stop(effect)

    def retitle(self, effect: do.Retitle) -> None:
        self._worldly.supervisor.retitle(effect)

    def end_tree(self, effect: do.End) -> None:
        self._worldly.supervisor.end(effect)

    def run_errand(self, effect: do.Run) -> None:
        world = self._worldly
        beside = world.replication if effect.errand in OF_STATE else None
        (beside or world.supervisor.errands).run(effect)

    def cancel(self, effect: do.Cancel) -> None:
        self._worldly.supervisor.errands.cancel(effect)  # Who does not know it ignores it.
        if self._worldly.replication is not None:
            self._worldly.replication.cancel(effect)

    def emit(self, effect: do.Emit) -> None:
        operator = next((w.operator for w in self._commands.values() if w.operator), "")
        self._said.append((effect, operator))

    def answer(self, effect: do.Answer) -> None:
        waiting = self._commands.get(effect.id)
        if waiting is not None and not waiting.answer.done():
            waiting.answer.set_result(effect)

    def quit(self, effect: do.Quit) -> None:
        if not self.ended.done():
            self.ended.set_result(effect.code)

    # --- the disk's answers --------------------------------------------------------------------

    def _written_elsewhere(self, serial: int, failed: str) -> None:
        """Called in the writer's thread."""
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            self._loop.call_soon_threadsafe(self._written, serial, failed)

    def _written(self, serial: int, failed: str) -> None:
        then = self._thens.pop(serial, ())
        if failed:
            self.hear(PersistFailed(serial, failed))
            return
        carry_out(then, self)
        self.hear(Persisted(serial))
