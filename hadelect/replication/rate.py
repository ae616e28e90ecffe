"""REPLICATION_RATE_LIMIT: so many bytes per second, each way.

Law: a piece is paid for before it goes; a limit that is changed counts from the next piece on.
"""

import asyncio
from collections.abc import Callable

BURST_SECONDS = 0.1  # What may go at once after a pause.


class Rate:
    def __init__(self, limit: Callable[[], int]) -> None:
        """`limit`: bytes per second now; 0 is none."""
        self._limit = limit
        self._free_at = 0.0  # When what was taken so far is paid for.

    async def take(self, size: int) -> None:
        """Wait until `size` bytes may go."""
        limit = self._limit()
        if not limit:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now - BURST_SECONDS) + size / limit
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
