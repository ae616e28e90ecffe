"""The loop: order, timers, what waits for the disk. With a core of a few lines."""

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from hadelect.core import effects as do
from hadelect.core.effects import Record
from hadelect.core.events import Event, Handover, Persisted, PersistFailed, Received, Tick
from hadelect.core.messages import Probe, Withdraw
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Arbitration, Identity, Millis, Name, Role, Rules, Term
from hadelect.runtime.clock import boottime_ms
from hadelect.runtime.driver import Driver, World
from tests.runtime.pool import until

A, B = Name("a:1"), Name("b:1")
RULES = Rules(A, Identity("p", (A, B), (), Arbitration.NONE, "N"))
FAR = Millis(10**12)
WORD = Received(B, Withdraw(Term(1)))


def state(now: Millis) -> State:
    return State(
        now=now,
        role=Role.PRE,
        since=now,
        record=Record(),
        durable=0,
        forgetful=False,
        mute_until=Millis(0),
        report_due=now,
        patience_until=now,
        started_at=now,
        peers=(),
    )


@dataclass
class Script:
    """A core that does what the test says, and remembers what it was asked."""

    answers: Callable[[Event], tuple[do.Effect, ...]] = lambda _: ()
    wake: Millis = FAR
    events: list[Event] = field(default_factory=list)

    def boot(self, rules: Rules, found: Record | None, same_boot: bool, now: Millis, /) -> Decision:
        return Decision(state(now))

    def step(self, rules: Rules, before: State, event: Event, now: Millis, /) -> Decision:
        self.events.append(event)
        if isinstance(event, Tick):
            self.wake = FAR
        return Decision(replace(before, now=now), self.answers(event))

    def wake_at(self, rules: Rules, now: State, /) -> Millis:
        return self.wake


@dataclass
class Hands:
    """The world: notes everything, writes when it is told to."""

    done: list[object] = field(default_factory=list)
    written: list[tuple[int, Callable[[int, str], None]]] = field(default_factory=list)

    def send(self, *told: object) -> None:
        self.done.append(told if len(told) > 1 else told[0])

    def refresh(self, name: Name) -> None:
        self.done.append(("refresh", name))

    def persist(self, record: Record, written: Callable[[int, str], None]) -> None:
        self.written.append((record.serial, written))

    def start(self, effect: do.Start) -> None:
        self.done.append(effect)

    extend = stop = retitle = start

    def emit(self, effect: do.Emit, operator: str) -> None:
        self.done.append((effect.because, operator))

    def stepped(self, old: State, new: State) -> None: ...

    def late(self, seconds: float) -> None: ...


def booted(core: Script, crashed: Callable[[], None] = lambda: None) -> tuple[Driver, Hands]:
    hands = Hands()
    driver = Driver(RULES, core, crashed)
    # One object plays every part: peers and datagrams differ in what they are told.
    driver.boot(World(hands, hands, hands, hands, (hands,)), None, same_boot=False)  # type: ignore[arg-type]
    return driver, hands


async def test_effects_are_out_before_hear_returns() -> None:
    """No turn of the loop lies between an event and what it causes."""
    core = Script(lambda _: (do.Send(B, Withdraw(Term(7))), do.Stop(Term(1), True, "why")))
    driver, hands = booted(core)
    driver.hear(WORD)
    assert hands.done == [(B, Withdraw(Term(7))), do.Stop(Term(1), True, "why")]


async def test_people_are_told_last() -> None:
    """In the next turn of the loop: the streams have begun to speak by then."""
    told = do.Emit(Role.LEADER, Term(1), "leads")
    driver, hands = booted(Script(lambda _: (told, do.Send(B, Withdraw(Term(7))))))
    driver.hear(WORD)
    asyncio.get_running_loop().call_soon(hands.done.append, "a stream speaks, too late")
    await asyncio.sleep(0)
    assert hands.done == [(B, Withdraw(Term(7))), ("leads", ""), "a stream speaks, too late"]


async def test_people_are_told_of_what_our_own_bug_stops_half_way() -> None:
    """Before the process ends."""
    told = do.Emit(Role.LEADER, Term(1), "leads")
    driver, hands = booted(
        Script(lambda _: (told, do.Start(Term(1), FAR))), lambda: hands.done.append("crashed")
    )
    hands.start = lambda _: 1 / 0  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        driver.hear(WORD)
    assert hands.done == [("leads", ""), "crashed"]


async def test_an_event_during_a_step_comes_after_it() -> None:
    """What an effect causes is heard next, never inside."""
    core = Script()
    driver, hands = booted(core)
    second = Received(B, Withdraw(Term(2)))
    core.answers = lambda _: (do.Start(Term(1), FAR), do.Send(B, Withdraw(Term(9))))
    hands.start = lambda _: driver.hear(second) if len(core.events) == 1 else None  # type: ignore[method-assign, assignment]
    driver.hear(WORD)
    assert core.events == [WORD, second]
    assert len(hands.done) == 2


async def test_what_waits_for_the_disk_leaves_after_it() -> None:
    """`then` is said once the record is durable, before Persisted is heard; not if it failed."""
    said = do.Send(B, Withdraw(Term(3)))
    core = Script(lambda _: ())
    driver, hands = booted(core)
    for serial in (1, 2):
        core.answers = lambda _, serial=serial: (do.Persist(Record(serial=serial), (said,)),)  # type: ignore[misc]
        driver.hear(WORD)
    core.answers = lambda _: ()
    assert hands.done == []
    (first, written), (second, _) = hands.written
    written(first, "")
    await until(lambda: core.events[-1] == Persisted(1))
    assert hands.done == [(B, Withdraw(Term(3)))]
    written(second, "no space left")
    await until(lambda: core.events[-1] == PersistFailed(2, "no space left"))
    assert len(hands.done) == 1


async def test_a_disk_that_hangs_is_a_failed_write_until_it_returns() -> None:
    """Told once; what waited is given up; the late success is heard, too."""
    core = Script(lambda _: ())
    driver, hands = booted(core)
    core.answers = lambda _: (do.Persist(Record(serial=5), (do.Send(B, Withdraw(Term(3))),)),)
    driver.hear(WORD)
    core.answers = lambda _: ()
    driver.disk_hangs("4 s")
    driver.disk_hangs("5 s")
    assert core.events[1:] == [PersistFailed(5, "4 s")]
    hands.written[0][1](5, "")
    await until(lambda: core.events[-1] == Persisted(5))
    assert hands.done == []


async def test_a_tick_carries_when_it_was_due() -> None:
    """Woken in time: due is what wake_at said."""
    core = Script()
    driver, _ = booted(core)
    core.wake = Millis(boottime_ms() + 30)
    due = core.wake
    driver.hear(WORD)
    await until(lambda: len(core.events) == 2)
    assert core.events[1] == Tick(due)


async def test_a_wish_in_the_past_is_no_stall() -> None:
    """wake_at says `long ago`: a Tick at once, due now."""
    core = Script()
    driver, _ = booted(core)
    core.wake = Millis(5)
    before = boottime_ms()
    driver.hear(WORD)
    await until(lambda: len(core.events) == 2)
    tick = core.events[1]
    assert isinstance(tick, Tick)
    assert before <= tick.due <= boottime_ms()


async def test_after_a_stall_what_waits_is_read_first() -> None:
    """Late by more than 50 ms: events that wait come before the Tick, which keeps its due."""
    core = Script()
    driver, _ = booted(core)
    due = core.wake = Millis(boottime_ms() + 10)
    driver.hear(WORD)
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()

    def read() -> None:
        ours.recv(1)
        driver.hear(WORD)

    loop.add_reader(ours, read)
    theirs.send(b"x")
    time.sleep(0.2)  # Nobody schedules us.
    await until(lambda: any(isinstance(event, Tick) for event in core.events))
    loop.remove_reader(ours)
    ours.close()
    theirs.close()
    assert core.events == [WORD, WORD, Tick(due)]


async def test_a_probe_also_makes_the_connection_anew() -> None:
    """One datagram and one refresh."""
    core = Script(lambda _: (do.SendDatagram(B, Probe(Term(1), Millis(2))),))
    driver, hands = booted(core)
    driver.hear(WORD)
    assert hands.done == [do.SendDatagram(B, Probe(Term(1), Millis(2))), ("refresh", B)]


async def test_a_command_is_answered_and_its_operator_named() -> None:
    """`ask` returns the core's answer; what is emitted meanwhile carries who asked."""
    core = Script()
    driver, hands = booted(core)

    def answers(event: Event) -> tuple[do.Effect, ...]:
        assert isinstance(event, Handover)
        told = do.Emit(Role.LEADER, Term(1), "moves")
        return (told, do.Answer(event.id, ok=True, text="moved"))

    core.answers = answers
    answer = await driver.ask(lambda number: Handover(number, B, "upgrade"), "ann")
    assert (answer.ok, answer.text) == (True, "moved")
    await asyncio.sleep(0)  # People are told in the next turn of the loop.
    assert hands.done == [("moves", "ann")]


async def test_our_own_bug_is_loud() -> None:
    """A step that raises ends the process; nothing is swallowed."""
    crashes: list[str] = []

    def answers(event: Event) -> tuple[do.Effect, ...]:
        raise ZeroDivisionError

    driver, _ = booted(Script(answers), lambda: crashes.append("crashed"))
    with pytest.raises(ZeroDivisionError):
        driver.hear(WORD)
    assert crashes == ["crashed"]


async def test_quit_ends_the_driver() -> None:
    """The code is handed on; no timer is left behind."""
    core = Script(lambda _: (do.Quit(0),))
    driver, _ = booted(core)
    driver.hear(WORD)
    assert driver.ended.result() == 0
