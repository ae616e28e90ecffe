"""Processes that freeze and thaw: a frozen leader has lost its scheduler before another starts."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.e2e.faults import proves
from tests.e2e.host import Part
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]

ANY_PART = pytest.mark.parametrize(
    "part", [Part.DAEMON, Part.SUPERVISOR, Part.INIT], ids=lambda part: part.value
)
AWAKE = 0.5  # What a machine that wakes may take until its old scheduler is dead.
EACH_PART = pytest.mark.parametrize(
    "part",
    [
        pytest.param(Part.DAEMON, marks=proves("daemon_frozen")),
        pytest.param(Part.SUPERVISOR, marks=proves("supervisor_frozen")),
        pytest.param(Part.INIT, marks=proves("init_frozen")),
    ],
    ids=lambda part: part.value,
)


def freeze(lab: Lab, part: Part, leases: float) -> None:
    """SIGSTOP one part of the leader for so many leases, then SIGCONT."""
    leader = lab.host(lab.ran().member)
    leader.signal(signal.SIGSTOP, part)
    time.sleep(leases * lab.pool.lease)
    if (
        part is not Part.INIT
    ):  # A frozen init may have been replaced by now: that is a way to be safe.
        leader.signal(signal.SIGCONT, part)
    lab.one()
    lab.never_two()


@proves("short_freeze")
@ANY_PART
def test_frozen_for_half_a_lease(build: Build, mode: str, part: Part) -> None:
    """A pause of half a lease: whoever runs afterwards, never two."""
    lab = build(Pool(mode))
    lab.start()
    lab.settled()
    freeze(lab, part, 0.5)


@EACH_PART
def test_frozen_for_three_leases(build: Build, mode: str, part: Part) -> None:
    """A pause of three leases: others take over, and what thaws finds its scheduler gone."""
    lab = build(Pool(mode))
    lab.start()
    lab.settled()
    freeze(lab, part, 3)


@proves("short_freeze")
def test_a_short_pause_of_the_daemon_moves_nobody(build: Build, mode: str) -> None:
    """At default timing a daemon paused for half its lease keeps its scheduler."""
    lab = build(Pool(mode, preset=""))
    lab.start()
    lab.settled()
    before = lab.ran()
    freeze(lab, Part.DAEMON, 0.5)
    assert lab.ran().pid == before.pid


@proves("standby_frozen")
def test_a_frozen_standby_moves_nobody(build: Build, mode: str) -> None:
    """A standby frozen for three leases comes back to the same leader and the same scheduler."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    standby = lab.peers(leader)[0]
    standby.signal(signal.SIGSTOP, Part.DAEMON)
    time.sleep(3 * lab.pool.lease)
    standby.signal(signal.SIGCONT, Part.DAEMON)
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()


@proves("daemon_and_supervisor_frozen")
def test_daemon_and_supervisor_frozen(build: Build, mode: str) -> None:
    """Both stopped for three leases: the init alone keeps the deadline, and another leads."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before, doomed = lab.ran(), leader.controllees()
    leader.signal(signal.SIGSTOP, Part.DAEMON, Part.SUPERVISOR)
    assert lab.moved(before).member != leader.name
    assert not set(doomed) & set(leader.controllees())
    time.sleep(2 * lab.pool.lease)
    os.kill(leader.pid(Part.SUPERVISOR), signal.SIGCONT)
    for daemon in leader.daemons():
        os.kill(daemon, signal.SIGCONT)
    lab.one()
    lab.never_two()


@proves("machine_suspended")
def test_the_leaders_machine_sleeps(build: Build, mode: str) -> None:
    """Every process of the leader's machine is stopped for three leases: another leads; when it
    wakes, its scheduler dies at once. For that moment there may be two, which is said in the page.
    """
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    with leader.suspended():
        assert lab.moved(before).member != leader.name
        time.sleep(2 * lab.pool.lease)
        wakes = time.monotonic_ns()
    lab.one()
    old = next(run for run in lab.journal.runs() if run.pid == before.pid)
    beside = max(0, old.last - wakes) / 1e9  # It wrote nothing while it slept.
    print(f"two for {beside * 1000:.0f} ms after the machine woke")
    assert beside < AWAKE, lab.story()
