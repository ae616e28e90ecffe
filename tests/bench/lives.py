"""The lives of schedulers, from exec to exit by the kernel's clock, and what must be read off them.

Law 1: arithmetic is pure: lives in, nanoseconds out. All instants are CLOCK_MONOTONIC.
Law 2: `Schedulers` counts all stand-in schedulers in its namespaces, whoever started them.
"""

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Self

from tests.bench.proc_events import EXEC, ProcEvents
from tests.e2e import lan


@dataclass(frozen=True, slots=True)
class Life:
    """One scheduler; `ended` is None while it lives."""

    pid: int
    namespace: str
    began: int
    ended: int | None = None

    def until(self, now: int) -> int:
        return now if self.ended is None else self.ended


def overlap(lives: Collection[Life], now: int) -> int:
    """For how long at least two lived, each instant counted once; who lives is counted to `now`."""
    spans = sorted(
        (max(one.began, other.began), min(one.until(now), other.until(now)))
        for one, other in combinations(lives, 2)
    )
    total, reached = 0, 0
    for start, end in spans:
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def gap(lives: Collection[Life], heir: Life) -> int:
    """For how long nobody lived before `heir` began; 0 when a predecessor still did."""
    before = [life for life in lives if life.began < heir.began]
    return max(0, heir.began - max((life.until(heir.began) for life in before), default=heir.began))


class Schedulers:
    """All stand-in schedulers of some namespaces, as the kernel reports them."""

    def __init__(self, namespaces: Sequence[str]) -> None:
        self._home = {(lan.NETNS / name).stat().st_ino: name for name in namespaces}
        self._lives: dict[int, Life] = {}
        self._past: list[Life] = []
        self._news = threading.Condition()
        self._events = ProcEvents(self._told)

    def __enter__(self) -> Self:
        self._events.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._events.__exit__()

    def living(self) -> list[Life]:
        with self._news:
            return list(self._lives.values())

    def since(self, instant: int) -> list[Life]:
        """Who lived at `instant` or later."""
        with self._news:
            everybody = [*self._past, *self._lives.values()]
        return [life for life in everybody if life.until(instant) >= instant]

    def heir(self, after: int, within: float) -> Life | None:
        """Wait for the first that begins after `after`; None when none did within `within` s."""
        deadline = time.monotonic() + within
        with self._news:
            while True:
                born = [life for life in self._all() if life.began > after]
                left = deadline - time.monotonic()
                if born or left <= 0:
                    return min(born, key=lambda life: life.began, default=None)
                self._news.wait(left)

    def alone(self, within: float) -> bool:
        """Wait until exactly one lives."""
        with self._news:
            return self._news.wait_for(lambda: len(self._lives) == 1, within)

    def forget(self) -> None:
        """Drop the dead."""
        with self._news:
            self._past.clear()

    def _all(self) -> Iterator[Life]:
        yield from self._past
        yield from self._lives.values()

    def _told(self, what: int, pid: int, instant: int) -> None:
        home = self._where(pid) if what == EXEC else ""
        with self._news:
            if (life := self._lives.pop(pid, None)) is not None:
                self._past.append(replace(life, ended=instant))
            if home:
                self._lives[pid] = Life(pid, home, instant)
            self._news.notify_all()

    def _where(self, pid: int) -> str:
        """The namespace of a scheduler; empty for any other process."""
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            script = next((word for word in words[1:] if not word.startswith(b"-")), b"")
            if not script.endswith(b"/scheduler.py"):
                return ""
            return self._home.get(Path(f"/proc/{pid}/ns/net").stat().st_ino, "")
        except OSError:
            return ""
