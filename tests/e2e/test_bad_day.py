"""A bad day from one seed: fault upon fault on real members, and never two schedulers.

`HADELECT_BAD_DAY=SECONDS` makes the day longer, `HADELECT_SEED=N` picks another one.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.faults import proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]
Fault = Callable[["Day", Host], None]

LENGTH = float(os.environ.get("HADELECT_BAD_DAY", "25"))
SEED = int(os.environ.get("HADELECT_SEED", "51450"))


@dataclass(slots=True)
class Day:
    """What goes wrong next, and what was done so far, for the one who reads a failure."""

    lab: Lab
    dice: random.Random
    told: list[str] = field(default_factory=list)

    def some_leases(self, most: float) -> float:
        return self.dice.uniform(0.05, most) * self.lab.pool.lease

    def note(self, what: str) -> None:
        self.told.append(f"  {time.monotonic_ns() / 1e6:.1f}  {what}")


def kill_part(day: Day, host: Host) -> None:
    part = day.dice.choice([Part.DAEMON, Part.SUPERVISOR, Part.INIT, Part.CONTROLLEE])
    day.note(f"SIGKILL {part.value} of {host}")
    host.kill(part)


def freeze_part(day: Day, host: Host) -> None:
    part = day.dice.choice([Part.DAEMON, Part.SUPERVISOR, Part.INIT])
    pid, length = host.pid(part), day.some_leases(3)
    day.note(f"freeze {part.value} of {host} for {length:.2f} s")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(length)
    with contextlib.suppress(ProcessLookupError):  # Replaced meanwhile: that is a way to be safe.
        os.kill(pid, signal.SIGCONT)


def power_off(day: Day, host: Host) -> None:
    day.note(f"power off {host}")
    host.power_off()


def stop(day: Day, host: Host) -> None:
    day.note(f"SIGTERM {host}")
    host.end()


def cut(day: Day, host: Host) -> None:
    length = day.some_leases(3)
    day.note(f"cut {host} for {length:.2f} s")
    day.lab.net.cut(host.number)
    time.sleep(length)
    day.lab.net.mend(host.number)


def one_way(day: Day, host: Host) -> None:
    peer, length = day.dice.choice(day.lab.peers(host)), day.some_leases(3)
    day.note(f"lose {host} -> {peer} for {length:.2f} s")
    day.lab.net.block(host.number, peer.number)
    time.sleep(length)
    day.lab.net.unblock(host.number, peer.number)


def one_fault(day: Day, faults: tuple[Fault, ...]) -> None:
    """Hit a member, mostly the leader; whatever is down is started again some time later."""
    leader = day.lab.host(day.lab.ran().member)
    host = leader if day.dice.random() < 0.7 else day.dice.choice(day.lab.hosts)
    # What is to be hit may not be there at this moment, e.g. no init on a standby.
    with contextlib.suppress(AssertionError, ProcessLookupError):
        day.dice.choice(faults)(day, host)
    time.sleep(day.some_leases(1.5))
    for down in [h for h in day.lab.hosts if not h.up]:
        day.note(f"start {down}")
        down.start()


@proves("bad_day")
def test_a_bad_day(build: Build, mode: str) -> None:
    """Whatever goes wrong, one thing at a time, there are never two; and one in the end."""
    # Schedulers are killed more often than any restart limit would bear.
    lab = build(Pool(mode, more=(("HAD_RESTART_LIMIT", 1000),)))
    day = Day(lab, random.Random(SEED))
    processes: tuple[Fault, ...] = (kill_part, freeze_part, power_off, stop)
    links: tuple[Fault, ...] = (cut, one_way)
    lab.start()
    lab.settled()
    evening = time.monotonic() + LENGTH
    while time.monotonic() < evening:
        one_fault(day, processes if mode == "none" else (*processes, *links))
    print("\n".join(day.told))
    lab.one()
    lab.never_two()
