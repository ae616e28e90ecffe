"""Wall clocks that jump: people read them, nothing decides by them."""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.faults import proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]

# Debian's faketime: it answers in place of the kernel when a process asks for the time of day.
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
HOUR = 3600


def has_its_hour(host: Host, ahead: int) -> bool:
    """Whether the newest line of its log is stamped so many seconds ahead of our clock."""
    stamps = [line.split(" ")[0] for line in host.log.read_text().splitlines() if "Z " in line]
    newest = datetime.strptime(stamps[-1], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return abs((newest - datetime.now(UTC)).total_seconds() - ahead) < HOUR / 6


@proves("wall_clock")
def test_the_wall_clock_jumps(build: Build, mode: str) -> None:
    """An hour ahead, then two back, on all members: nobody moves, and the log shows the jump."""
    if not LIBRARIES:
        pytest.skip("not installed: libfaketime (Debian: faketime)")
    lab = build(Pool(mode))
    clock = lab[0].home / "clock"
    clock.write_text("+0\n")
    for host in lab.hosts:
        host.configure({**lab.settings(host), "NEGOTIATOR_ENVIRONMENT": "LD_PRELOAD="})
        host.environment = {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
            # With the "fix" a timed wait for Python's lock ends at once, and all threads spin.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    for ahead in (HOUR, -HOUR):
        fresh = clock.with_suffix(".new")  # Exchanged at once: it is read all the time.
        fresh.write_text(f"{ahead:+d}\n")
        fresh.replace(clock)
        for host in lab.hosts:
            host.signal(signal.SIGHUP, Part.SUPERVISOR)  # It says so in its log.
            until(lambda: has_its_hour(host, ahead), lab.pool.bound, lambda: f"{host}: no jump")  # noqa: B023
        time.sleep(2 * lab.pool.lease)
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()
