"""A thread that touches the disk, and alone its part of it: one thing after the other.

Law: the loop never waits for the disk. Long work (sending, receiving) comes in short pieces, so
that nothing else waits for the whole of it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Worker:
    def __init__(self, name: str = "store") -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def do(self, work: Callable[[], T]) -> T:
        """In the store's thread; whatever it raises is raised here.

        Cancelled while it runs, it is waited for all the same: nobody else may touch the store yet.
        """
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if not running.cancel():
                await asyncio.wait((running,))
            raise

    def close(self) -> None:
        """Without waiting for a disk that hangs."""
        self._thread.shutdown(wait=False, cancel_futures=True)
