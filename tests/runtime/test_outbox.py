"""The outbox: what may be replaced, what is never dropped, and when the stream is closed."""

import asyncio

import pytest

from hadelect.core.messages import Alive, Message, Report, Standing, Withdraw
from hadelect.core.vocabulary import Millis, Role, Term
from hadelect.runtime.outbox import LIMIT, Outbox, Overflow

STANDING = Standing(
    role=Role.PASSIVE,
    term=Term(0),
    leader=None,
    leader_heard_ms=Millis(0),
    known_term=Term(0),
    blank=False,
    mute=False,
    fit=True,
    unfit_because="",
    drained=False,
    hears=(),
)


def alive(sent_at: int) -> Alive:
    return Alive(Term(1), Millis(sent_at), Millis(3000), "", STANDING)


async def drained(outbox: Outbox) -> list[Message]:
    return [await outbox.get() for _ in range(len(outbox))]


async def test_a_newer_alive_replaces_an_older_one() -> None:
    """Only the newest Alive waits; what was said before it and between them still comes first."""
    outbox = Outbox()
    for message in (alive(1), Withdraw(Term(1)), alive(2), Withdraw(Term(2)), alive(3)):
        outbox.put(message)
    assert await drained(outbox) == [Withdraw(Term(1)), Withdraw(Term(2)), alive(3)]


async def test_a_newer_report_replaces_an_older_report_only() -> None:
    """An Alive does not replace a Report, nor the other way round."""
    outbox = Outbox()
    for message in (Report(STANDING), alive(1), Report(STANDING)):
        outbox.put(message)
    assert await drained(outbox) == [alive(1), Report(STANDING)]


async def test_nothing_else_is_dropped_and_a_full_box_says_so() -> None:
    """The message after the last place is an Overflow, and no earlier one is lost."""
    outbox = Outbox()
    for term in range(LIMIT):
        outbox.put(Withdraw(Term(term)))
    with pytest.raises(Overflow):
        outbox.put(Withdraw(Term(LIMIT)))
    assert await drained(outbox) == [Withdraw(Term(term)) for term in range(LIMIT)]


async def test_a_waiting_reader_is_woken() -> None:
    """Who waits at an empty box gets the next message."""
    outbox = Outbox()
    reader = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put(Withdraw(Term(1)))
    assert await asyncio.wait_for(reader, 1) == Withdraw(Term(1))
