"""Disks that fail under a member: a leader goes on, nobody is held up, never two."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable

import pytest

from tests.e2e.disks import Disk, Failure
from tests.e2e.faults import proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]

EVERY_FAILURE = pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Failure.FULL, marks=proves("state_full")),
        pytest.param(Failure.READ_ONLY, marks=proves("state_read_only")),
        pytest.param(Failure.HUNG, marks=proves("state_hung")),
        pytest.param(Failure.REMOVED, marks=proves("state_removed")),
    ],
    ids=lambda failure: failure.value,
)


def on_disks(lab: Lab) -> dict[Host, Disk]:
    """Each host's state directory on a disk of its own."""
    disks = {host: lab.disk() for host in lab.hosts}
    for host, disk in disks.items():
        host.configure({**lab.settings(host), "HAD_STATE_DIR": disk.state})
    return disks


@EVERY_FAILURE
def test_the_leaders_state_directory_fails(build: Build, mode: str, failure: Failure) -> None:
    """A leader whose state directory fails goes on; when its daemon dies another one leads."""
    lab = build(Pool(mode))
    disks = on_disks(lab)
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    disks[leader].fail(failure)
    time.sleep(3 * lab.pool.lease)
    assert lab.alone().pid == before.pid, "a leader goes on"
    leader.kill(Part.DAEMON)
    assert lab.moved(before).member != leader.name
    lab.settled(*lab.peers(leader))
    disks[leader].repair()
    if failure is Failure.READ_ONLY:
        leader.power_off()
        disks[leader].replace()
        leader.start()
    lab.one()
    lab.never_two()


@EVERY_FAILURE
def test_a_standbys_state_directory_fails(build: Build, mode: str, failure: Failure) -> None:
    """A standby whose state directory fails moves nobody, and keeps no other from leading."""
    lab = build(Pool(mode))
    disks = on_disks(lab)
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    broken = lab.peers(leader)[0]
    disks[broken].fail(failure)
    time.sleep(2 * lab.pool.lease)
    assert lab.alone().pid == before.pid
    leader.kill(Part.DAEMON)
    after = lab.moved(before)
    if failure in (Failure.READ_ONLY, Failure.HUNG):
        assert after.member != broken.name, "who cannot remember its vote cannot lead"
    lab.alone()
    lab.never_two()


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(Failure.FULL, marks=proves("state_full_restart")),
        pytest.param(Failure.READ_ONLY, marks=proves("state_read_only_restart")),
    ],
    ids=lambda failure: failure.value,
)
def test_a_controllee_ends_on_a_failed_disk(build: Build, mode: str, failure: Failure) -> None:
    """The leader's controllee ends while its state directory is full: it is started again in its
    place. While it is read-only: another member leads at once, and the reason is said.
    """
    lab = build(Pool(mode))
    disks = on_disks(lab)
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    disks[leader].fail(failure)
    leader.kill(Part.CONTROLLEE)
    after = lab.moved(before)
    if failure is Failure.FULL:
        assert after.member == leader.name
    else:
        assert after.member != leader.name
        assert "cannot be started here again" in leader.log.read_text()
    lab.alone()
    lab.never_two()


@proves("stderr_hung")
def test_nobody_reads_stderr(build: Build, mode: str) -> None:
    """Stderr of every member is a pipe that is full and that nobody reads, HAD_LOG is not set:
    nobody moves for three leases; the leader's daemon is killed, and another one leads.
    """
    lab = build(Pool(mode))
    with contextlib.ExitStack() as pipes:
        for host in lab.hosts:
            read_end, host.stderr = pipe_of_one_page()
            pipes.callback(os.close, host.stderr)
            pipes.callback(os.close, read_end)
            fill(host.stderr)
        lab.start()
        leader = lab.settled()
        before = lab.ran()
        time.sleep(3 * lab.pool.lease)
        assert lab.settled() is leader
        assert lab.alone().pid == before.pid
        leader.kill(Part.DAEMON)
        assert lab.moved(before).member != leader.name
        lab.one()
        for host in lab.hosts:
            assert host.end() == 0
    lab.never_two()


def pipe_of_one_page() -> tuple[int, int]:
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    return read_end, write_end


def fill(pipe: int) -> None:
    """To the last byte; whoever writes to it then waits, as the pipe is not non-blocking."""
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(pipe, b"x")
    os.set_blocking(pipe, True)


@proves("log_hung")
def test_the_log_hangs(build: Build, mode: str) -> None:
    """Logs of all members on hung disks for three leases: nobody is held up, nobody moves; and the
    leader's daemon, whose log thread waits in the kernel, is killed: another one leads.
    """
    lab = build(Pool(mode))
    disks = {host: lab.disk() for host in lab.hosts}
    for host, disk in disks.items():
        host.configure({**lab.settings(host), "HAD_LOG": disk.path / "had.log"})
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    for disk in disks.values():
        disk.fail(Failure.HUNG)
    time.sleep(3 * lab.pool.lease)
    assert lab.settled() is leader
    assert lab.ran().pid == before.pid
    leader.kill(Part.DAEMON)
    assert lab.moved(before).member != leader.name
    for disk in disks.values():
        disk.repair()
    lab.one()
    lab.never_two()
