"""A thousand status watchers of one member hear of a leader change, and no Alive waits for them.

Law: the watchers sit on a host of their own; the member they watch leads every other time, so that
it has both to tell them and to say that it is alive.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.alives import Alive, Listener, lateness
from tests.bench.system import SETTLING
from tests.bench.system_hadelect import AS_SHIPPED, running
from tests.bench.table import Goal, Row, row
from tests.e2e.host import PORT, Host, Part, environment
from tests.e2e.lab import Lab, Pool

CROWD = Path(__file__).with_name("crowd.py")
MEMBERS = 3
HEARTBEAT_MS = 500.0
AFTERMATH = 1.6  # Three Alives.
IN_TIME = Goal(median=20, p99=20)


@dataclass(slots=True)
class Told:
    crash: list[float] = field(default_factory=list)  # Blow -> the last watcher told, ms.
    spread: list[float] = field(default_factory=list)  # First -> last watcher told, ms.
    busy: list[float] = field(default_factory=list)  # How late Alives left meanwhile, ms.
    calm: list[float] = field(default_factory=list)  # The same while nothing happened.
    lags: list[float] = field(default_factory=list)  # Times the loop was > 25 ms late.


def measure(trials: int, watchers: int = 1000) -> list[Row]:
    found = Told()
    entries = ", ".join(f"10.77.0.{number}:{PORT}" for number in range(1, MEMBERS + 1))
    pool = Pool("majority", hosts=MEMBERS + 1, preset="", more=(*AS_SHIPPED, ("HAD_LIST", entries)))
    with running(pool, started=MEMBERS) as lab, crowd(lab, watchers) as sitting:
        for _ in range(trials):
            _round(lab, sitting, found)
    return [
        row(f"{watchers} watchers: daemon killed -> all told", "ms", found.crash, Goal(median=250)),
        row(
            f"{watchers} watchers: handover, first told -> last told",
            "ms",
            found.spread,
            Goal(median=250),
        ),
        row("  Alives late meanwhile", "ms", found.busy, IN_TIME),
        row("  Alives late when nothing happens", "ms", found.calm),
        row("  loop late by more than 25 ms, times", "", found.lags),
    ]


@contextmanager
def crowd(lab: Lab, watchers: int) -> Iterator[subprocess.Popen[str]]:
    """Watchers of the first member, on the last host."""
    watched, seats = lab[0], lab[MEMBERS]
    words = (sys.executable, str(CROWD), watched.address, str(PORT), str(watchers))
    with subprocess.Popen(
        [*seats.inside(), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as sitting:
        assert sitting.stdout is not None
        assert sitting.stdout.readline() == "seated\n", "not every watcher was given a seat"
        yield sitting
        assert sitting.stdin is not None
        sitting.stdin.close()


def _round(lab: Lab, sitting: subprocess.Popen[str], found: Told) -> None:
    """Away from the watched member, and back to it by a crash."""
    watched, other, deaf_to = lab[0], lab[1], lab[MEMBERS].address
    lab.settled(within=SETTLING)
    with (
        Listener(watched.namespace, watched.address, deaf_to) as by_watched,
        Listener(other.namespace, other.address, deaf_to) as by_other,
    ):
        if lab.ran().member != watched.name:
            watched.cli("handover", "--to", watched.name, "--reason", "bench").check_returncode()
            lab.settled(within=SETTLING)
        before = _lags(watched)
        _expect(sitting, other)
        moved = time.time_ns()
        watched.cli("handover", "--to", other.name, "--reason", "bench").check_returncode()
        told = _told(sitting)
        found.spread.append((max(told) - min(told)) / 1e6)
        time.sleep(AFTERMATH)
        calm = time.time_ns()
        lab.settled(within=SETTLING)
        time.sleep(AFTERMATH)
        killed = time.time_ns()
        _expect(sitting, watched)
        pid, struck = other.pid(Part.DAEMON), time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        found.crash.append((max(_told(sitting)) - struck) / 1e6)
        time.sleep(AFTERMATH)
        found.lags.append(_lags(watched) - before)
    heard = [*by_watched.heard, *by_other.heard]
    found.busy += lateness(_between(heard, moved, calm), HEARTBEAT_MS)
    found.calm += lateness(_between(heard, calm, killed), HEARTBEAT_MS)
    found.busy += lateness(_between(heard, killed, time.time_ns()), HEARTBEAT_MS)


def _between(alives: list[Alive], start: int, end: int) -> list[Alive]:
    return [alive for alive in alives if start <= alive.at <= end]


def _expect(sitting: subprocess.Popen[str], leader: Host) -> None:
    """From now on a reply is awaited that names this leader (StatusReply.leader, field 2)."""
    assert sitting.stdin is not None
    name = leader.name.encode()
    sitting.stdin.write((b"\x12" + bytes([len(name)]) + name).hex() + "\n")
    sitting.stdin.flush()
    time.sleep(0.1)  # It reads this before anything changes.


def _told(sitting: subprocess.Popen[str]) -> list[int]:
    assert sitting.stdout is not None
    instants: list[int] = json.loads(sitting.stdout.readline())
    return instants


def _lags(host: Host) -> float:
    """How often its loop was woken more than 25 ms late."""
    late = host.metric("hadelect_loop_lag_seconds_count")
    return late - host.metric("hadelect_loop_lag_seconds_bucket", le="0.025")
