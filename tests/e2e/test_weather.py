"""Bad weather for long: frames lost and late, every core busy, and nobody moves.

`HADELECT_SOAK=SECONDS` makes it longer (`make soak`: an hour), `HADELECT_SEED` picks other dice.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.faults import proves
from tests.e2e.host import Host
from tests.e2e.lab import Lab, Pool
from tests.e2e.weather import StormyLan, Weather

Build = Callable[[Pool], Lab]

LENGTH = float(os.environ.get("HADELECT_SOAK", "30"))
SEED = int(os.environ.get("HADELECT_SEED", "51450"))
FIVE_PER_CENT_AND_50_MS = Weather(loss=0.05, jitter=0.05, seed=SEED)
LOOK = 0.25


@contextlib.contextmanager
def saturated() -> Iterator[None]:
    """Every core has a process that never waits."""
    spin = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    busy = [subprocess.Popen(spin) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def lowest_lease(leader: Host, length: float) -> float:
    """Look at the leader's authority for a while: the least that was left of it."""
    lowest = float("inf")
    evening = time.monotonic() + length
    while time.monotonic() < evening:
        with contextlib.suppress(OSError):
            lowest = min(lowest, leader.metric("hadelect_lease_remaining_seconds"))
        time.sleep(LOOK)
    return lowest


@proves("bad_weather")
@pytest.mark.timeout(LENGTH + 120)
def test_bad_weather_moves_nobody(build: Build, mode: str) -> None:
    """5 % loss, up to 50 ms of jitter and every core busy, at default timing: nobody moves."""
    lab = build(Pool(mode, preset="", weather=FIVE_PER_CENT_AND_50_MS))
    lab.start()
    leader = lab.settled(within=2 * lab.pool.bound)
    before = lab.ran()
    lab.journal.forget()  # What happened while they met is not the story.
    with saturated():
        lowest = lowest_lease(leader, LENGTH)
    runs = lab.journal.runs()
    assert isinstance(lab.net, StormyLan)
    frames = lab.net.calm()
    print(f"\n{mode}: {LENGTH:.0f} s, moves {len(runs) - 1}, lowest lease {lowest:.2f} s, {frames}")
    assert [run.pid for run in runs] == [before.pid], lab.story()
    assert frames["lost"] > 0
