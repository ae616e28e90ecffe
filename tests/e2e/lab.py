"""The lab: hosts on a network, one pool configuration, one journal, and conditions to wait for.

Law 1: a story waits for conditions with a deadline; it sleeps only where a time is the story.
Law 2: deadlines are generous (machines are noisy), "never two" is absolute.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hadelect.cli.journal import Run
from tests.e2e.disks import Disk
from tests.e2e.host import HTTP_PORT, Host
from tests.e2e.judge import Journal, never_none_for, never_two, terms_rise, told
from tests.e2e.lan import Lan
from tests.e2e.weather import StormyLan, Weather

SCHEDULER = Path(__file__).with_name("scheduler.py")
T = TypeVar("T")
STORY = pytest.StashKey[Callable[[], str]]()  # What is told of a test that failed.
# What a busy machine may add to any bound, in seconds.
PATIENCE = float(os.environ.get("HADELECT_PATIENCE", "6"))


@dataclass(frozen=True, slots=True)
class Pool:
    """How a pool is set up."""

    mode: str = "majority"
    hosts: int = 3
    witnesses: int = 0  # The last so many hosts.
    preset: str = "fast"  # Empty: default timing.
    manner: str = "plain"
    weather: Weather | None = None  # None: fine.
    more: tuple[tuple[str, object], ...] = ()  # Further configuration.

    @property
    def lease(self) -> float:
        return 1.0 if self.preset == "fast" else 3.0

    @property
    def bound(self) -> float:
        """Within this a healed pool has one scheduler: silence, two rounds, and patience."""
        return self.lease * 1.01 + 2 * 0.5 + PATIENCE


class Lab:
    def __init__(self, home: Path, pool: Pool) -> None:
        self.pool = pool
        home.mkdir(parents=True)
        self.journal = Journal(home / "journal")
        self.net = StormyLan(pool.hosts, pool.weather) if pool.weather else Lan(pool.hosts)
        self._disks: list[Disk] = []
        self.hosts = [Host(self.net, n, home / f"host{n}") for n in self.net.numbers]
        for host in self.hosts:
            host.configure(self.settings(host))

    def __getitem__(self, index: int) -> Host:
        return self.hosts[index]

    def disk(self) -> Disk:
        """A disk that fails on demand; a host gets it as part of its configuration."""
        self._disks.append(Disk())
        return self._disks[-1]

    def close(self) -> None:
        for disk in self._disks:
            disk.repair()
        self.net.close()
        for host in self.hosts:
            host.reap()
        for disk in self._disks:
            disk.close()

    def settings(self, host: Host) -> dict[str, object]:
        """The configuration of one host, as an administrator would write it."""
        leaders = len(self.hosts) - self.pool.witnesses
        preset = {"HAD_PRESET": self.pool.preset} if self.pool.preset else {}
        return {
            "HAD_LIST": ", ".join(h.name for h in self.hosts[:leaders]),
            "HAD_WITNESS_LIST": ", ".join(h.name for h in self.hosts[leaders:]),
            "HAD_ARBITRATION": self.pool.mode,
            **preset,
            "HAD_STATE_DIR": host.home / "state",
            "HAD_HTTP_ADDRESS": f":{HTTP_PORT}",
            "HAD_ALLOW_INSECURE": "true",
            "HAD_DEBUG": "D_FULLDEBUG",
            "NEGOTIATOR": sys.executable,
            "NEGOTIATOR_ARGS": f"-I -S -E {SCHEDULER} {self.journal.path} {self.pool.manner}",
            **dict(self.pool.more),
        }

    # --- the pool ------------------------------------------------------------------------------

    def start(self, *hosts: Host) -> None:
        for host in hosts or self.hosts:
            host.start()

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def peers(self, host: Host) -> list[Host]:
        return [other for other in self.hosts if other is not host]

    def controllees(self) -> list[int]:
        return [pid for host in self.hosts for pid in host.controllees()]

    def settled(self, *among: Host, within: float | None = None) -> Host:
        """Wait until these hosts (default: all that are up) hear each other and follow one of them
        whose scheduler runs: the answer.
        """
        chosen = among or tuple(host for host in self.hosts if host.up)
        views: list[dict[str, Any] | None] = []

        def agree() -> Host | None:
            views[:] = [host.status() for host in chosen]
            return self._agreed(chosen, views)

        return until(agree, self.pool.bound if within is None else within, self._puzzled(views))

    def _agreed(
        self, chosen: Sequence[Host], views: Sequence[dict[str, Any] | None]
    ) -> Host | None:
        names = {host.name for host in chosen}
        leaders = {view["leader"] if view else None for view in views}
        if len(leaders) != 1 or (name := leaders.pop()) not in names:
            return None
        for view in views:
            assert view is not None
            told_of = {m["member"]: m for m in view["members"]}
            if not all(told_of[n]["reachable"] for n in names):
                return None
            if not all(m["fit"] for n, m in told_of.items() if n in names and not m["witness"]):
                return None
        assert name is not None
        leader = self.host(name)
        view = views[chosen.index(leader)]
        assert view is not None
        state = next(m["controllee"]["state"] for m in view["members"] if m["member"] == name)
        writes = [r.member for r in self.journal.running() if r.member in names] == [name]
        return leader if state == "running" and writes else None

    def _puzzled(self, views: list[dict[str, Any] | None]) -> Callable[[], str]:
        return lambda: "the pool did not settle:\n" + "\n".join(map(_brief, views))

    # --- the journal ---------------------------------------------------------------------------

    def ran(self) -> Run:
        """The scheduler that began last; it runs, or was the last to run."""
        return self.journal.newest()

    def moved(self, before: Run, within: float | None = None) -> Run:
        """Wait for a scheduler that began after `before`; the newest."""

        def begun() -> Run | None:
            newest = self.journal.newest()
            return newest if newest.pid > before.pid else None

        return until(
            begun, self.pool.bound if within is None else within, lambda: "no scheduler began"
        )

    def one(self, *among: Host, still: float | None = None) -> Host:
        """Exactly one scheduler in the end: settled, then one lease without a change."""
        leader = self.settled(*among)
        before = self.alone()
        time.sleep(self.pool.lease if still is None else still)
        assert [run.pid for run in self.journal.running()] == [before.pid], "moved again"
        return leader

    def alone(self) -> Run:
        """Wait until one scheduler writes and no other; one that died counts for a moment."""

        def only() -> Run | None:
            writing = self.journal.running()
            return writing[0] if len(writing) == 1 else None

        return until(only, self.pool.bound, lambda: f"not one scheduler: {self.journal.running()}")

    def never_none_for(self, seconds: float) -> None:
        """Between any two schedulers of the journal passed less than this."""
        never_none_for(self.journal, seconds)

    def never_two(self) -> None:
        never_two(self.journal)
        terms_rise(self.journal, self.pool.mode)

    def story(self) -> str:
        logs = (f"--- {host} ---\n{host.tail()}" for host in self.hosts)
        return "\n".join([told(self.journal.verdict()), *logs])


def until(condition: Callable[[], T | None], within: float, otherwise: Callable[[], str]) -> T:
    """Wait for a condition to give something; fail after `within` seconds with what is wrong."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {within:.1f} s: {otherwise()}"
        time.sleep(0.02)
    return found


def _brief(view: dict[str, Any] | None) -> str:
    if view is None:
        return "  (no answer)"
    members = ", ".join(
        f"{m['member']}={m['role']}{'' if m['fit'] else ' unfit'}"
        f"{'' if m['reachable'] else ' unreachable'}"
        for m in view["members"]
    )
    return f"  {view['answered_by']}: leader {view['leader'] or '-'}; {members}"
