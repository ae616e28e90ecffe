"""What waits to be said to one peer.

Law: a newer Alive replaces an older one that still waits, a newer Report an older Report; nothing
else is ever dropped. A box that is full means a peer that does not read: its stream is closed.
"""

import asyncio
from collections import deque

from hadelect.core.messages import Alive, Message, Report

LIMIT = 256


class Overflow(Exception):
    """The peer does not read what we say."""


class Outbox:
    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[Message] = deque()
        self._wanted: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Message) -> None:
        """Raises Overflow."""
        if isinstance(message, Alive | Report):
            self._drop_older(type(message))
        if len(self._waiting) >= self._limit:
            raise Overflow(f"{self._limit} messages wait")
        self._waiting.append(message)
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    async def get(self) -> Message:
        """The oldest message, as soon as there is one. One reader only."""
        while not self._waiting:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        return self._waiting.popleft()

    def _drop_older(self, kind: type[Message]) -> None:
        older = next((waiting for waiting in self._waiting if type(waiting) is kind), None)
        if older is not None:
            self._waiting.remove(older)
