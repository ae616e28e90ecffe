"""Who writes to the live files, and when a snapshot is due: inotify, by watchfiles.

Law 1: inotify says when and where to look, never what is there: what it misses (a full queue, a
       mapped file) is found by the next full comparison.
Law 2: a snapshot is due when nothing was written for REPLICATION_SETTLE, after LONGEST seconds
       under a writer that never rests, and not before the last one has paid for itself (COST).
Law 3: our own switch is nobody's writing (`paused`).
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from hadelect.core.replication.events import Changed

STEP_MS, GROUP_MS, TURN_MS = 20, 40, 1000  # Of watchfiles: pause, longest group, longest wait.
LONGEST = 1.0  # Seconds from the first write to a snapshot, at the latest.
COST = 4  # A snapshot that took a second is followed by none for so many.
MOST_PATHS = 500  # More than these, and everything is looked at.
AGAIN_SECONDS = 1.0  # How often it is seen whether the roots are those that are watched.
EVERYWHERE: None = None


class Notice:
    """To be made inside a running loop."""

    def __init__(
        self,
        roots: Sequence[Path],
        settle: Callable[[], float],
        hear: Callable[[Changed], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._roots = tuple(roots)
        self._settle = settle
        self._hear = hear
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._eyes: list[Eye] = []
        self._watched: dict[Path, object] = {}
        self._resting = False
        self._where: set[Path] | None = set()  # None: anywhere.
        self._first_at: float | None = None  # The first write that no snapshot was asked for.
        self._last_at = 0.0
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._said = ""

    # --- what was written ----------------------------------------------------------------------

    def take(self) -> tuple[Path, ...] | None:
        """Where it was written since the last take; None: anywhere."""
        where, self._where = self._where, set()
        return None if where is None else tuple(sorted(where))

    def give_back(self, where: Sequence[Path] | None) -> None:
        """What was taken, if nothing came of it."""
        self._add(where)

    def cost(self, seconds: float) -> None:
        """A snapshot that ended now took so long."""
        self._not_before = self._loop.time() + COST * seconds

    def touch(self) -> None:
        """Somebody may have written anywhere."""
        self._written(EVERYWHERE)

    def _add(self, where: Sequence[Path] | None) -> None:
        if where is None or self._where is None:
            self._where = None
        else:
            self._where.update(where)
            if len(self._where) > MOST_PATHS:
                self._where = None

    def _written(self, where: Sequence[Path] | None) -> None:
        if self._resting:
            return
        self._add(where)
        self._last_at = self._loop.time()
        if self._first_at is None:
            self._first_at = self._last_at
            self._hear(Changed(settled=False))
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        assert self._first_at is not None
        due = min(self._last_at + self._settle(), self._first_at + LONGEST)
        self._timer = self._loop.call_at(max(due, self._not_before), self._look)

    def _look(self) -> None:
        self._timer = None
        assert self._first_at is not None
        now = self._loop.time()
        quiet = now >= self._last_at + self._settle()
        if now < self._not_before or not (quiet or now >= self._first_at + LONGEST):
            self._arm()
            return
        self._first_at = None
        self._hear(Changed(settled=True))

    # --- watching ------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: see to it that what is watched is what is there."""
        while True:
            if not self._resting and await asyncio.to_thread(self._identities) != self._watched:
                await self._renew()
                self.touch()
            await asyncio.sleep(AGAIN_SECONDS)

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """While we exchange the live files ourselves. After it, they are watched again."""
        self._resting = True
        self._close_eyes()
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._first_at = None
            self._where = set()
            await self._renew()
            self._resting = False

    def close(self) -> None:
        self._resting = True
        self._close_eyes()

    def _close_eyes(self) -> None:
        for eye in self._eyes:
            eye.close()
        self._eyes = []

    async def _renew(self) -> None:
        self._close_eyes()
        found, self._eyes, why = await asyncio.to_thread(self._open_eyes)
        self._watched = found
        if why != self._said:
            self._said = why
            self._trouble(why or "changes of STATE_FILE are seen at once again")

    def _open_eyes(self) -> "tuple[dict[Path, object], list[Eye], str]":
        found = self._identities()
        trees = [root for root, what in found.items() if what is not None and root.is_dir()]
        files = [root for root in self._roots if root not in trees and root.parent.is_dir()]
        eyes: list[Eye] = []
        try:
            if trees:
                eyes.append(Eye(trees, None, self._seen))
            if files:
                parents = sorted({root.parent for root in files})
                eyes.append(Eye(parents, frozenset(files), self._seen))
        except (OSError, WatchfilesRustInternalError) as error:
            return found, eyes, self._blind(str(error))
        return found, eyes, ""

    @staticmethod
    def _blind(error: str) -> str:
        return (
            f"changes of STATE_FILE are not seen at once ({error}), only every"
            " REPLICATION_INTERVAL; raise fs.inotify.max_user_watches"
        )

    def _identities(self) -> dict[Path, object]:
        """Which directory each root is; a file is watched by its name in its parent."""
        return {root: identity(root) for root in self._roots}

    def _seen(self, where: Sequence[Path] | None) -> None:
        """In the thread of an eye."""
        with contextlib.suppress(RuntimeError):  # The loop is closed.
            self._loop.call_soon_threadsafe(self._written, where)


def identity(root: Path) -> object:
    """None: it is not there. Of a file: of the directory that it is in."""
    try:
        found = root.stat(follow_symlinks=False)
        if not root.is_dir():
            found = root.parent.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Eye:
    """Watches some directories in a thread of its own."""

    def __init__(
        self,
        paths: Sequence[Path],
        only: frozenset[Path] | None,
        seen: Callable[[Sequence[Path] | None], None],
    ) -> None:
        """`only`: these files in them; None: everything below. Raises what watchfiles raises."""
        names = [os.fspath(path) for path in paths]
        # debug, polling: no; poll delay; recursive; what may not be read is left out.
        self._notify = RustNotify(names, False, False, 0, only is None, True)
        self._only = only
        self._seen = seen
        self._stopped = threading.Event()
        threading.Thread(target=self._watch, name="inotify", daemon=True).start()

    def close(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        with self._notify:
            while not self._stopped.is_set():
                try:
                    changes = self._notify.watch(GROUP_MS, STEP_MS, TURN_MS, self._stopped)
                except WatchfilesRustInternalError:  # A name that is not UTF-8.
                    self._seen(EVERYWHERE)
                    continue
                if isinstance(changes, str):
                    continue
                found = [Path(name) for _, name in changes]
                if self._only is not None:
                    found = [path for path in found if path in self._only]
                if found and not self._stopped.is_set():
                    self._seen(found)
