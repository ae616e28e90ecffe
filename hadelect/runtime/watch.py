"""Who watches the pool: told at once and after every change, never at the cost of an Alive.

Law 1: watchers are bounded in number.
Law 2: one reply is made per change; telling yields to the loop after every BATCH watchers.
Law 3: a watcher that reads slowly misses what is outdated, and delays nobody.
"""

import asyncio
from collections.abc import Callable

from hadelect.core.effects import Emit
from hadelect.core.state import PeerView, State
from hadelect.core.views import reached, unfit_because
from hadelect.core.vocabulary import Rules
from hadelect.pb.control_pb2 import StatusReply

SEATS = 1024
BATCH = 64


class Full(Exception):
    """All seats are taken."""


class Seat:
    """One watcher: holds the newest reply it has not read."""

    def __init__(self, first: StatusReply) -> None:
        self._news: StatusReply | None = first
        self._wanted: asyncio.Future[None] | None = None

    def tell(self, reply: StatusReply) -> None:
        self._news = reply
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def next(self) -> StatusReply:
        while self._news is None:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        news, self._news = self._news, None
        return news


class Gallery:
    """All watchers; an Observer of the driver."""

    def __init__(self, rules: Rules, reply: Callable[[], StatusReply]) -> None:
        self.rules = rules
        self._reply = reply
        self._seats: dict[int, Seat] = {}
        self._next = 0
        self._changed = False
        self._telling: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._seats)

    def take(self) -> tuple[int, Seat]:
        """Raises Full."""
        if len(self._seats) >= SEATS:
            raise Full(f"{SEATS} watchers are served already; ask another member, or try later")
        self._next += 1
        seat = Seat(self._reply())
        self._seats[self._next] = seat
        return self._next, seat

    def leave(self, number: int) -> None:
        self._seats.pop(number, None)

    # --- Observer ------------------------------------------------------------------------------

    def emit(self, effect: Emit, operator: str) -> None:
        """Words are for the log."""

    def late(self, seconds: float) -> None:
        """Lateness is for the metrics."""

    def stepped(self, old: State, new: State) -> None:
        if not self._seats or self._visible(old) == self._visible(new):
            return
        self._changed = True
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell_all())

    async def _tell_all(self) -> None:
        while self._changed:
            self._changed = False
            reply = self._reply()
            for told, seat in enumerate(list(self._seats.values()), start=1):
                seat.tell(reply)
                if told % BATCH == 0:
                    await asyncio.sleep(0)

    def _visible(self, state: State) -> object:
        """What a watcher would see change; times that only pass are not in it."""
        return (
            state.role,
            state.term,
            state.leader,
            state.controllee,
            state.record.drained,
            unfit_because(self.rules, state),
            reached(self.rules, state, state.now),
            tuple(_said(peer) for peer in state.peers),
        )


def _said(peer: PeerView) -> object:
    said = peer.standing
    if said is None:
        return (peer.version, peer.refused_because)
    return (
        peer.version,
        peer.refused_because,
        said.role,
        said.term,
        said.leader,
        said.mute,
        said.fit,
        said.unfit_because,
        said.drained,
        said.controllee,
    )
