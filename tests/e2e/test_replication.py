"""The scheduler's state is there, whole and newest, wherever it starts."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.e2e.faults import proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import PATIENCE, until
from tests.e2e.replicas import PORT, Replicas

Replicated = Callable[..., Replicas]
# Seconds of jobs that a crash may cost: the wait for a pause between jobs, a copy, a busy machine.
LAG = 1.5


@proves("state_moved", "state_restored", mode="majority")
def test_a_planned_move_loses_no_job(replicated: Replicated) -> None:
    """Handed over, handed back, and stopped by SIGTERM: each scheduler finds all jobs of the one
    before it, and goes on with the next number. In the end an operator goes back to an old version.
    """
    pool = replicated("majority", REPLICATION_KEEP=100)
    pool.start_all()
    leader = pool.current()
    for target in (pool.lab.hosts[2], pool.lab.hosts[0]):
        pool.grown()
        answer = leader.cli("handover", "--to", target.name, "--reason", "maintenance")
        assert answer.returncode == 0, answer.stderr
        leader = pool.current()
        assert leader is target
        pool.lost_nothing()
    pool.grown()
    before = pool.lab.ran()
    assert leader.end() == 0, leader.tail()
    pool.lab.moved(before)
    pool.current(*pool.lab.peers(leader))
    pool.lost_nothing()
    assert not pool.asides(*pool.lab.peers(leader))
    goes_back(pool, *pool.lab.peers(leader))
    pool.lab.never_two()


def goes_back(pool: Replicas, *members: Host) -> None:
    """An operator wants what was there before the last jobs; while a scheduler runs he is told how
    to get it, and when none does he gets it.
    """
    leader = pool.current(*members)
    with pool.quiet(*members) as (version, jobs):
        pass
    pool.grown()
    wanted = ("state", "restore", version, "--reason", "jobs were deleted by mistake")
    refused = leader.cli(*wanted)
    assert refused.returncode == 1
    assert "stop the HADs of all members" in refused.stderr
    before = pool.lab.ran()
    standby = next(host for host in members if host is not leader)
    for host in (standby, leader):
        assert host.end() == 0
    assert leader.cli("state", "show", version).returncode == 0
    assert "restore it there" in standby.cli(*wanted).stderr
    answer = leader.cli(*wanted)
    assert answer.returncode == 0, answer.stderr
    pool.lab.start(*members)
    pool.lab.moved(before)
    assert pool.found() == jobs, "not what the version held"


@proves("state_leader_cut", mode="majority")
def test_the_leaders_machine_is_lost(replicated: Replicated) -> None:
    """A power cut costs the jobs of the last moment, not more; what the lost machine took alone is
    kept aside when it is back.
    """
    pool = replicated("majority")
    pool.start_all()
    leader = pool.current()
    before, known = pool.lab.ran(), pool.grown()
    pool.power_off(leader)
    pool.lab.moved(before)
    pool.lost_at_most(LAG, known)
    pool.start_all(leader)
    pool.current()
    pool.everywhere(pool.ledger.taken())
    pool.lab.never_two()


@proves("state_split")
def test_a_cut_leader_takes_jobs_alone(replicated: Replicated, mode: str) -> None:
    """The side that leads in the end goes on with its jobs, on all members; what the other side
    took meanwhile is kept aside where it was taken, and shown, until an operator forgets it, or
    goes on with it by putting its files in the place of the newest ones.
    """
    pool = replicated(mode)
    pool.start_all()
    old = pool.current()
    before, known = pool.lab.ran(), pool.grown()
    old.net.cut(old.number)
    pool.lab.moved(before)
    pool.lost_at_most(LAG, known)
    pool.grown()
    old.net.mend(old.number)
    leader = pool.current()
    assert mode == "none" or leader is not old
    pool.everywhere(pool.ledger.taken())
    kept = [copy for copy in pool.asides(*pool.lab.peers(leader)) if list(copy[2].rglob("jobs"))]
    assert kept, f"no jobs were kept aside: {pool.asides(*pool.lab.hosts)}"
    host, aside, path = kept[0]
    for name in ("hadelect_replica_conflicts_total", "hadelect_replica_asides"):
        until(partial(host.metric, name), PATIENCE, lambda: "it is not counted")
    assert "what was here is kept in" in host.cli("history").stdout
    assert "aside" in leader.cli("check", "pool").stdout
    if mode == "none":
        before = pool.lab.ran()
        goes_on_with(pool, leader, next(path.rglob("jobs")).parent)
        pool.lab.moved(before)
        assert pool.found() == len((path / "0.state/jobs").read_text().split())
    assert host.cli("state", "forget", aside, "--reason", "looked at").returncode == 0
    assert aside not in [name for _, name, _ in pool.asides(host)]
    if mode == "majority":
        pool.lab.never_two()


def goes_on_with(pool: Replicas, leader: Host, files: Path) -> None:
    """An operator prefers these. While he puts them where the newest were no scheduler runs, and no
    replication daemon, which would take missing files for a damage that it can repair.
    """
    for host in (*pool.lab.peers(leader), leader):
        assert host.end() == 0
    pool.kill(leader)
    shutil.rmtree(pool.state(leader))
    shutil.copytree(files, pool.state(leader))
    pool.start_all(leader)
    pool.lab.start(*pool.lab.peers(leader))


@proves("replication_daemon_killed", mode="majority")
def test_either_daemon_may_die_alone(replicated: Replicated) -> None:
    """The replication daemon of the leader killed, frozen and started again, then that of a
    standby, then the HAD of a standby: the scheduler stays where it is, and copies are fresh again.
    """
    pool = replicated("majority")
    pool.start_all()
    leader = pool.current()
    before, standby = pool.lab.ran(), pool.lab.peers(leader)[0]
    pool.kill(leader)
    until(lambda: pool.problem(leader), PATIENCE + 3, lambda: "nobody says that it does not answer")
    assert leader.metric("hadelect_replica_problem") == 1
    check = standby.cli("check", "pool")
    assert check.returncode == 1
    assert f"the replication daemon {leader.address}:{PORT} does not answer here" in check.stdout
    pool.start(leader)
    assert pool.current() is leader
    with pool.frozen(leader):
        until(lambda: pool.problem(leader), PATIENCE + 3, lambda: "nobody says that it hangs")
    pool.kill(standby)
    pool.start(standby)
    standby.kill(Part.DAEMON)
    assert pool.current() is leader
    assert pool.lab.ran().pid == before.pid, "the scheduler was touched"
    pool.grown()
    answer = leader.cli("handover", "--to", standby.name, "--reason", "it all works")
    assert answer.returncode == 0, answer.stderr
    pool.current()
    pool.lost_nothing()
    pool.lab.never_two()


@proves("state_cold_start", mode="majority")
def test_a_cold_start_finds_the_newest_copy(replicated: Replicated) -> None:
    """All machines are lost when only the last in HAD_LIST has the newest jobs, and one has lost
    its files: whoever leads then starts on all of them.
    """
    pool = replicated("majority")
    pool.start_all()
    first, second, last = pool.lab.hosts
    leader = pool.current()
    assert leader.cli("handover", "--to", last.name, "--reason", "test").returncode == 0
    assert pool.current() is last
    for behind in (first, second):
        pool.kill(behind)
    pool.grown(10)
    before = pool.lab.ran()
    pool.power_off()
    pool.lose_live(second)
    pool.start_all()
    pool.lab.moved(before)
    pool.lost_nothing()
    pool.current()
    pool.everywhere(pool.ledger.taken())
    pool.lab.never_two()


@proves("state_gone", mode="majority")
def test_state_that_is_gone_everywhere_starts_nothing(replicated: Replicated) -> None:
    """Where jobs were known and nobody has them, no scheduler starts on nothing, until an operator
    consents and says why.
    """
    pool = replicated("majority")
    pool.start_all()
    pool.current()
    pool.everywhere(pool.grown())
    before = pool.lab.ran()
    with pool.quiet():
        pool.power_off()
    pool.lose_all(*pool.lab.hosts)
    pool.start_all()
    host = pool.lab.hosts[1]
    wants = "--accept-empty-state"
    until(lambda: wants in pool.problem(host), 20, lambda: f"{pool.copies(host)}")
    assert pool.lab.ran().pid == before.pid, "it was started on nothing"
    assert wants in host.cli("explain").stdout
    assert host.cli("status").returncode == 2
    answer = host.cli("state", "accept", wants, "--reason", "the array burnt")
    assert answer.returncode == 0, answer.stderr
    pool.lab.moved(before)
    pool.current()
    assert pool.ledger.began()[-1].number == 0
    assert "the array burnt" in host.log.read_text()
    pool.everywhere(pool.grown())
    pool.lab.never_two()
