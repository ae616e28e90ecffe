"""Failovers, measured: three hosts of their own, default timing, instants from the kernel.

Law: a trial begins in a settled pool at a random phase; what is measured are exec and exit of the
schedulers; overlaps are looked for in the journal of every trial.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.proc_events import ProcEvents
from tests.bench.table import INFINITY, Row, row
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool

Strike = Callable[[], None]
Aim = Callable[[Lab, Host], Strike]  # Finds what to hit before the clock starts.

DICE = random.Random(1)
SETTLING = 60.0  # Between trials nobody hurries.


@dataclass(slots=True)
class Moves:
    """What one kind of trial gave, in ms."""

    failover: list[float] = field(default_factory=list)  # From the blow to the new exec.
    gap: list[float] = field(default_factory=list)  # From the old exit to the new exec.
    overlap: list[float] = field(default_factory=list)  # Two at once, by the journal.


@contextmanager
def running(pool: Pool) -> Iterator[Lab]:
    """A settled pool in a lab that is gone afterwards."""
    with TemporaryDirectory(prefix="hadelect-bench-") as home:
        lab = Lab(Path(home) / "lab", pool)
        try:
            lab.start()
            lab.settled(within=SETTLING)
            yield lab
        finally:
            lab.close()


def moves(lab: Lab, events: ProcEvents, aim: Aim, trials: int) -> Moves:
    found = Moves()
    for _ in range(trials):
        old = lab.settled(within=SETTLING)
        lab.journal.forget()
        _trial(lab, events, aim(lab, old), found)
        if aim is terminate:
            assert old.had is not None
            assert old.had.wait(15) == 0, old.tail()
        _repair(lab, old)
    return found


def _trial(lab: Lab, events: ProcEvents, strike: Strike, found: Moves) -> None:
    time.sleep(DICE.uniform(0.3, 1.3))  # Any phase of the heartbeat.
    before = lab.ran()
    pid = lab.host(before.member).pid(Part.CONTROLLEE)
    struck = time.monotonic_ns()
    strike()
    heir = lab.host(lab.moved(before, within=SETTLING).member)
    began = events.began(heir.pid(Part.CONTROLLEE))
    ended = events.ended(pid)
    found.failover.append((began - struck) / 1e6)
    found.gap.append((began - ended) / 1e6)
    found.overlap.append(max(lab.journal.verdict().overlap_ns / 1e6, (ended - began) / 1e6, 0.0))


def _repair(lab: Lab, old: Host) -> None:
    lab.net.mend(old.number)
    if not old.up:
        old.start()


def kill_daemon(lab: Lab, host: Host) -> Strike:
    pid = host.pid(Part.DAEMON)
    return lambda: os.kill(pid, signal.SIGKILL)


def cut_link(lab: Lab, host: Host) -> Strike:
    return lambda: lab.net.cut(host.number)


def terminate(lab: Lab, host: Host) -> Strike:
    return lambda: os.kill(host.pid(Part.SUPERVISOR), signal.SIGTERM)


def hand_over(lab: Lab, host: Host) -> Strike:
    target = DICE.choice(lab.peers(host)).name
    return lambda: host.cli("handover", "--to", target, "--reason", "bench").check_returncode()


def measure(events: ProcEvents, trials: int) -> list[Row]:
    rows: list[Row] = []
    for mode in ("none", "majority"):
        with running(Pool(mode, preset="")) as lab:
            found = moves(lab, events, kill_daemon, trials)
            rows += [
                row(f"SIGKILL of the daemon -> new exec, {mode}", "ms", found.failover, (15, 100)),
                row("  without a scheduler", "ms", found.gap, None),
                row("  overlap", "ms", found.overlap, (0, 0)),
            ]
            for name, aim in (("SIGTERM", terminate), ("handover", hand_over)):
                found = moves(lab, events, aim, trials)
                rows += [
                    row(f"{name}: without a scheduler, {mode}", "ms", found.gap, (15, INFINITY)),
                    row("  overlap", "ms", found.overlap, (0, 0)),
                ]
    with running(Pool("majority", preset="")) as lab:
        found = moves(lab, events, cut_link, trials)
        bound = lab.pool.lease * 1010 + 500
        rows += [
            row("link cut -> new exec, majority", "ms", found.failover, (bound, INFINITY)),
            row("  overlap", "ms", found.overlap, (0, 0)),
        ]
    return rows
