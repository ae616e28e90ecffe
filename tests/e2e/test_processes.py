"""Processes that die: whoever of a member is killed, never two schedulers, and soon one again."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.faults import HowLong, proves
from tests.e2e.host import Part
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]


def cgroup_writable() -> bool:
    """Whether there is a cgroup v2 hierarchy to make groups in."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return any(m[2] == "cgroup2" and "rw" in m[3].split(",") for m in mounts)


@proves("all_start")
def test_cold_start(build: Build, mode: str) -> None:
    """Three members started together have one leader and one scheduler, and keep them."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.one()
    assert len(lab.controllees()) == 1
    assert len(lab.journal.runs()) == 1
    assert lab.ran().member == leader.name
    lab.never_two()


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(Part.DAEMON, marks=proves("daemon_killed")),
        pytest.param(Part.SUPERVISOR, marks=proves("supervisor_killed")),
        pytest.param(Part.INIT, marks=proves("init_killed")),
    ],
    ids=lambda part: part.value,
)
def test_a_part_of_the_leader_is_killed(build: Build, mode: str, part: Part) -> None:
    """SIGKILL of any part of the leader takes its scheduler with it before another one starts; and
    that is soon: whoever waited for the lease would come later than this.
    """
    lab = build(Pool(mode, preset=""))
    lab.start()
    leader = lab.settled()
    before, doomed = lab.ran(), leader.controllees()
    leader.kill(part)
    after = lab.moved(before)
    if part is Part.DAEMON:
        assert after.member != leader.name, "a leader whose daemon died gives way"
    lab.never_none_for(HowLong.AT_ONCE.leases * lab.pool.lease)
    lab.one(still=1)
    assert not set(doomed) & set(lab.controllees())
    lab.never_two()


@proves("daemon_and_supervisor_killed")
def test_daemon_and_supervisor_are_killed(build: Build, mode: str) -> None:
    """SIGKILL of both: the kernel kills the tree, nobody gives notice, a lease decides."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before, doomed = lab.ran(), leader.controllees()
    leader.kill(Part.DAEMON, Part.SUPERVISOR)
    after = lab.moved(before)
    assert after.member != leader.name
    lab.one()
    assert not set(doomed) & set(lab.controllees())
    lab.never_two()


@proves("controllee_killed")
def test_the_scheduler_is_killed(build: Build, mode: str) -> None:
    """A scheduler that ends by itself is started again where it was: no move without need."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.kill(Part.CONTROLLEE)
    again = lab.moved(before)
    assert (again.member, again.term) == (before.member, before.term)
    assert lab.one() is leader
    lab.never_two()


@proves("escaping_controllee")
@pytest.mark.parametrize("manner", ["changes_uid", "double_forks", "daemonises"])
def test_no_manner_outlives_its_supervisor(build: Build, mode: str, manner: str) -> None:
    """A scheduler that changes uid, double-forks or daemonises still dies with its supervisor."""
    lab = build(Pool(mode, manner=manner))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.kill(Part.SUPERVISOR)
    lab.moved(before)
    new = lab.one()
    assert new is not leader
    assert not leader.controllees()
    lab.never_two()


@proves("no_pid_namespaces", mode="majority")
@pytest.mark.parametrize("part", [Part.DAEMON, Part.SUPERVISOR], ids=lambda part: part.value)
@pytest.mark.parametrize("fence", ["subreaper", *(["cgroup"] if cgroup_writable() else [])])
def test_without_pid_namespaces(build: Build, fence: str, part: Part) -> None:
    """Fenced by a cgroup, or a subreaper alone, a tree that double-forks dies with its member."""
    settings = (("HAD_FENCE_TREE", fence), ("HAD_ALLOW_UNFENCED", "true"))
    lab = build(Pool("majority", manner="double_forks", more=settings))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.signal(signal.SIGKILL, part)
    assert lab.moved(before).member != leader.name
    lab.one()
    assert not leader.controllees()
    lab.never_two()


@proves("daemon_and_supervisor_killed")
def test_a_killed_member_comes_back_as_a_standby(build: Build, mode: str) -> None:
    """What was killed and is started again joins quietly: the new leader keeps its scheduler."""
    lab = build(Pool(mode))
    lab.start()
    old = lab.settled()
    before = lab.ran()
    old.kill(Part.DAEMON, Part.SUPERVISOR)
    lab.moved(before)
    new = lab.settled()
    after = lab.ran()
    old.start()
    assert lab.one() is new
    assert lab.ran().pid == after.pid
    lab.never_two()


@proves("standby_killed")
def test_a_killed_standby_moves_nobody(build: Build, mode: str) -> None:
    """A standby that is killed and started again is no reason to touch the scheduler."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    standby = lab.peers(leader)[0]
    standby.power_off()
    assert lab.one(leader, lab.peers(leader)[1]) is leader
    standby.start()
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()


@proves("all_machines_lost")
def test_all_are_killed_and_restarted(build: Build, mode: str) -> None:
    """After the whole pool lost power it has one scheduler again, under a higher term."""
    lab = build(Pool(mode))
    lab.start()
    lab.settled()
    before = lab.ran()
    for host in lab.hosts:
        host.power_off()
    lab.start()
    lab.moved(before, within=lab.pool.bound + lab.pool.lease)
    lab.one()
    assert lab.ran().term > before.term
    lab.never_two()


@proves("one_of_two_and_witness")
def test_two_members_and_a_witness(build: Build, mode: str) -> None:
    """With one of two members lost, the other leads; the witness votes and never leads."""
    lab = build(Pool(mode, witnesses=1))
    lab.start()
    old = lab.settled()
    first, second, witness = lab.hosts
    assert old is not witness
    before = lab.ran()
    old.power_off()
    lab.moved(before)
    assert lab.one() is (second if old is first else first)
    assert not witness.controllees()
    lab.never_two()


@proves("majority_lost", mode="majority")
def test_two_of_three_are_enough_and_one_is_not(build: Build) -> None:
    """In mode majority one of three waits, two of three lead."""
    lab = build(Pool("majority"))
    lab.start(lab[2])
    with pytest.raises(AssertionError, match="did not settle"):
        lab.settled(within=3 * lab.pool.lease)
    assert not lab.journal.runs()
    lab.start(lab[1])
    lab.one()
    lab.never_two()


@proves("all_but_one_lost", mode="none")
def test_one_of_three_leads_in_mode_none(build: Build) -> None:
    """In mode none (HTCondor's semantics) the pool survives the loss of all but one."""
    lab = build(Pool("none"))
    lab.start(lab[2])
    assert lab.one() is lab[2]
    lab.never_two()


@proves("leaders_killed_in_a_row")
def test_a_leader_killed_twice_in_a_row(build: Build, mode: str) -> None:
    """Leader after leader is killed at once after it started; the last one standing by holds on."""
    lab = build(Pool(mode))
    lab.start()
    lab.settled()
    for _ in range(3):
        before = lab.ran()
        lab.host(before.member).signal(signal.SIGKILL, Part.DAEMON)
        lab.moved(before)
    lab.one()
    lab.never_two()
