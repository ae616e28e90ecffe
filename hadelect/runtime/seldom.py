"""Words that a peer can provoke, as often as it likes, reach people seldom.

Law: the first BURST are said at once, then one every EACH_SECONDS; what comes faster is left out
and counted, but the last of it is always said in the end.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

BURST = 8
EACH_SECONDS = 10.0
T = TypeVar("T")


class Seldom(Generic[T]):
    """Calls `say(item, left_out)`; to be used inside a running loop."""

    def __init__(
        self, say: Callable[[T, int], None], burst: int = BURST, each: float = EACH_SECONDS
    ) -> None:
        self._say = say
        self._each = each
        self._burst = self._room = float(burst)
        self._filled_at = 0.0
        self._waiting: list[T] = []
        self._left_out = 0

    def __call__(self, item: T) -> None:
        loop = asyncio.get_running_loop()
        if self._waiting:
            self._waiting[0] = item
            self._left_out += 1
            return
        now = loop.time()
        filled = self._room + (now - self._filled_at) / self._each
        self._room, self._filled_at = min(self._burst, filled), now
        if self._room >= 1:
            self._room -= 1
            self._say(item, 0)
            return
        self._waiting.append(item)
        loop.call_later((1 - self._room) * self._each, self._later)

    def _later(self) -> None:
        """There is room for one again."""
        left_out, self._left_out = self._left_out, 0
        self._room, self._filled_at = 0.0, asyncio.get_running_loop().time()
        self._say(self._waiting.pop(), left_out)


def and_more(text: str, left_out: int) -> str:
    return f"{text} ({left_out} more such lines left out)" if left_out else text
