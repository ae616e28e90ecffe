"""What keeps a copy of the state from being current: it is said, and nothing is started on it."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.disks import Failure
from tests.e2e.faults import proves
from tests.e2e.host import Host
from tests.e2e.lab import PATIENCE, until
from tests.e2e.replicas import Replicas

Replicated = Callable[..., Replicas]
MAX_LAG = 2.0


@proves("state_newest_lost", mode="majority")
def test_much_would_be_lost(replicated: Replicated) -> None:
    """The leader's replication daemon hung for longer than REPLICATION_MAX_LAG when its machine is
    lost: no scheduler starts on what is that old, until an operator gives up what lies between.
    """
    pool = replicated("majority", REPLICATION_MAX_LAG=MAX_LAG)
    pool.start_all()
    leader = pool.current()
    before, standbys = pool.lab.ran(), pool.lab.peers(leader)
    with pool.frozen(leader):
        time.sleep(MAX_LAG + 0.5)
        assert leader.cli("handover", "--to", standbys[0].name, "--reason", "x").returncode == 1
        pool.power_off(leader)
    wants = "--accept-loss"
    until(
        lambda: any(wants in host.cli("explain").stdout for host in standbys),
        pool.lab.pool.bound,
        lambda: f"nobody says so: {[host.cli('explain').stdout for host in standbys]}",
    )
    assert pool.lab.ran().pid == before.pid, "it was started on old state"
    refusing = next(host for host in standbys if wants in host.cli("explain").stdout)
    assert refusing.cli("status").returncode == 2
    answer = refusing.cli("state", "accept", wants, "--reason", "its disk burnt")
    assert answer.returncode == 0, answer.stderr
    pool.lab.moved(before)
    pool.lost_at_most(MAX_LAG + 3, pool.jobs(leader))
    assert "its disk burnt" in refusing.cli("history").stdout
    pool.start_all(leader)
    pool.current()
    assert pool.asides(leader), "what it alone had is kept"
    pool.lab.never_two()


@proves("replica_disk_full", "replica_disk_read_only", mode="majority")
def test_a_disk_takes_no_copy(replicated: Replicated) -> None:
    """On a standby whose disk is full, then read-only, the old version stays whole; it says what is
    wrong, is not handed over to, and is current again when there is room.
    """
    pool = replicated("majority")
    disk = pool.lab.disk()
    broken = pool.lab.hosts[2]
    pool.on_disk(broken, disk.path)
    pool.start_all()
    leader = pool.current()
    before = pool.lab.ran()
    pool.everywhere(pool.grown())
    disk.fail(Failure.FULL)
    (pool.state(leader) / "big").write_bytes(b"\1" * (1 << 20))
    stands(pool, leader, broken, "make room")
    disk.repair()
    pool.current()
    assert (pool.state(broken) / "big").exists()
    remount(disk.path, "ro")
    stands(pool, leader, broken, "mount it read-write")
    remount(disk.path, "rw")
    pool.current()
    pool.everywhere(pool.grown())
    assert pool.lab.ran().pid == before.pid, "the scheduler was touched"
    pool.lab.never_two()


def says_it(pool: Replicas, host: Host, other: Host, said: str) -> None:
    until(
        lambda: said in pool.trouble(host, other),
        pool.lab.pool.bound,
        lambda: f"it does not say it: {pool.listed(host)['peers']}",
    )


def stands(pool: Replicas, leader: Host, broken: Host, remedy: str) -> None:
    """One copy goes no further than it was, whole, and everybody can know it."""
    pool.grown()
    until(
        lambda: remedy in pool.problem(broken),
        pool.lab.pool.bound + 10,
        lambda: f"it does not say it: {pool.copies(broken)}",
    )
    assert not pool.torn(broken)
    assert broken.metric("hadelect_replica_problem") == 1
    until(
        lambda: leader.metric("hadelect_peer_replica_problem", peer=broken.name) == 1,
        PATIENCE,
        lambda: "its peers do not know",
    )
    for host, question in ((leader, ("status",)), (broken, ("state", "list"))):
        assert remedy in " ".join(host.cli(*question).stdout.split())
    refused = leader.cli("handover", "--to", broken.name, "--reason", "x")
    assert refused.returncode == 1, refused.stdout


def remount(path: Path, how: str) -> None:
    """Until nobody writes at this moment."""

    def done() -> bool:
        command = ["mount", "-o", f"remount,{how}", str(path)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    until(done, 10, lambda: f"{path} cannot be remounted {how}")


@proves("replication_key_differs", mode="majority")
def test_another_key_is_no_member(replicated: Replicated) -> None:
    """A standby with another REPLICATION_KEY_FILE gets nothing and gives nothing: all say so, the
    others go on; with the right key it catches up.
    """
    pool = replicated("majority")
    right, wrong = b"sixteen bytes at least", b"something else, as long"
    pool.keyed(right)
    stranger = pool.lab.hosts[2]
    pool.key(stranger).write_bytes(wrong)
    pool.start_all()
    # A start waits for the word of all daemons, and a little for one that is not there.
    leader = pool.current(*pool.lab.hosts[:2], within=pool.lab.pool.bound + 5)
    before = pool.lab.ran()
    said = "has another key; make REPLICATION_KEY_FILE the same"
    for host, other in ((leader, stranger), (stranger, leader)):
        says_it(pool, host, other, said)
    assert pool.jobs(stranger) == -1
    pool.key(stranger).write_bytes(right)
    pool.kill(stranger)
    pool.start(stranger)
    pool.current()
    pool.everywhere(pool.grown())
    assert pool.lab.ran().pid == before.pid, "the scheduler was touched"
