"""Controllees that are hard to end, and pids that are not what they were: never two."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hadelect.supervisor import earlier, slots
from tests.e2e.disks import Disk, Failure
from tests.e2e.faults import HowLong, proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]


@pytest.mark.parametrize(
    "manner",
    [
        pytest.param("fork_bomb", marks=proves("fork_bomb")),
        pytest.param("huge", marks=proves("huge_controllee")),
    ],
)
def test_a_big_tree_dies_with_its_daemon(build: Build, mode: str, manner: str) -> None:
    """A fork bomb, or 1 GiB of memory: all of it is gone before another scheduler starts."""
    lab = build(Pool(mode, manner=manner))
    lab.start()
    leader = lab.settled()
    before, doomed = lab.ran(), set(leader.controllees())
    leader.kill(Part.DAEMON)
    assert lab.moved(before, HowLong.LEASE.within(lab.pool)).member != leader.name
    assert not doomed & set(leader.controllees())
    lab.alone()
    lab.never_two()


@pytest.fixture
def stuck(build: Build, mode: str) -> tuple[Lab, Disk]:
    """A lab whose schedulers write to a disk that is about to hang."""
    lab = build(Pool(mode, manner="writes_to_a_disk"))
    disk = lab.disk()
    for host in lab.hosts:
        file = disk.path / str(host.number)
        host.configure({**lab.settings(host), "NEGOTIATOR_ENVIRONMENT": f"DISK={file}"})
    lab.start()
    return lab, disk


def says_stop_failed(host: Host) -> bool:
    """Whether its status, or its log while it is in PRE, says that something cannot be killed."""
    return "stop_failed" in json.dumps(host.status()) or "stop_failed" in host.log.read_text()


@proves("unkillable_crash")
def test_a_crash_with_a_tree_in_state_d(stuck: tuple[Lab, Disk]) -> None:
    """A scheduler that not even SIGKILL ends, and a daemon that dies: another leads by the lease,
    the old member says `stop_failed` until it is over.
    """
    lab, disk = stuck
    leader = lab.settled()
    before, doomed = lab.ran(), set(leader.controllees())
    disk.fail(Failure.HUNG)
    leader.kill(Part.DAEMON)
    # The new one hangs on the same disk soon, but it began.
    assert lab.moved(before, HowLong.LEASE.within(lab.pool)).member != leader.name
    assert doomed & set(leader.controllees()), "it should be in state D"
    until(lambda: says_stop_failed(leader), lab.pool.bound, lambda: f"{leader} says nothing")
    disk.repair()
    lab.one()
    lab.never_two()


@proves("unkillable_handover")
def test_a_handover_with_a_tree_in_state_d(stuck: tuple[Lab, Disk]) -> None:
    """While its scheduler cannot be killed a leader keeps its lease: nobody starts beside it."""
    lab, disk = stuck
    leader = lab.settled()
    before, target = lab.ran(), lab.peers(leader)[0]
    disk.fail(Failure.HUNG)
    order = subprocess.Popen(
        leader.command("handover", "--to", target.name, "--wait", "30"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: says_stop_failed(leader), 15 + lab.pool.bound, lambda: f"{leader} says nothing")
    time.sleep(2 * lab.pool.lease)
    assert lab.ran().pid == before.pid, "nobody starts beside it"
    disk.repair()
    assert lab.moved(before).member == target.name
    order.wait(40)
    lab.one()
    lab.never_two()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@proves("pid_reused", mode="majority")
def test_a_reused_pid_is_not_touched(build: Build, bystander: subprocess.Popen[bytes]) -> None:
    """A record of this boot that names a pid that is somebody else's by now: not killed."""
    lab = build(Pool("majority"))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.power_off()
    record = leader.home / "state" / earlier.FILE
    named = earlier.read(str(record))
    assert named["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    slots.create(str(record), json.dumps({**named, "pid": bystander.pid}).encode())
    lab.moved(before)
    leader.start()
    lab.one()
    assert bystander.poll() is None
    lab.never_two()
