"""What the store does when nobody asks anything of it: its shadow catches up with the live files.

Law: in short pieces; whatever is asked of the store meanwhile waits for one of them at most.
"""

import asyncio
from collections.abc import Callable

from hadelect.replication.errors import StoreError
from hadelect.replication.store import Store
from hadelect.replication.worker import Worker


class Idle:
    def __init__(self, store: Store, worker: Worker, trouble: Callable[[str], None]) -> None:
        self._store = store
        self._worker = worker
        self._trouble = trouble
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        """Something was done with the files."""
        self._wanted.set()

    async def run(self) -> None:
        """For ever."""
        self.wake()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                while await self._worker.do(self._store.catch_up):
                    pass
            except StoreError as error:
                self._trouble(f"the last version is in the live files only: {error}")
