"""`hadelect check pool` against real servers: what is wrong with a running pool, in one answer."""

from hadelect.pb.control_pb2 import ReplicaStatus
from tests.cli.conftest import Terminal
from tests.cli.pool import Pool, healthy, leading, row, view

ANSWER_SECONDS = 2.5


def replicating(pool: Pool, *replicas: ReplicaStatus | None, version: str = "0.1.0") -> None:
    """All three are up; the first leads; each has that copy; the last is of that release.
    REPLICATION_LIST names their Controls: whatever answers will do.
    """
    with pool.config.open("a") as config:
        config.write(f"HAD_USE_REPLICATION = true\nREPLICATION_LIST = {' '.join(pool.names)}\n")
    rows = [
        leading(pool.names[0], 2),
        row(pool.names[1], 1),
        row(pool.names[2], 0, version=version),
    ]
    for each, replica in zip(rows, replicas, strict=True):
        if replica is not None:
            each.replica.CopyFrom(replica)
    for place, name in enumerate(pool.names):
        pool.remote(place, view(name, rows))


def copy_of(sequence: int, digest: str = "ab", lag: float = 0, problem: str = "") -> ReplicaStatus:
    return ReplicaStatus(
        version=f"65.{sequence}", digest=digest, lag_seconds=lag, problem=problem, ready=True
    )


def test_all_well(pool: Pool, hadelect: Terminal) -> None:
    """Everybody answers for itself and the copies are named: 0."""
    replicating(pool, copy_of(5), copy_of(5), copy_of(4, lag=12))
    answer = hadelect("check pool")
    assert answer.code == 0, answer.out
    assert answer.out.splitlines() == [
        f"OK: {pool.names[0]} leads in term 7, NEGOTIATOR running",
        f"state: {pool.names[0]} holds 65.5",
        f"state: {pool.names[1]} holds 65.5",
        f"state: {pool.names[2]} holds 65.4, 12 s behind",
    ]
    assert answer.seconds < ANSWER_SECONDS


def test_what_differs_is_a_warning(pool: Pool, hadelect: Terminal) -> None:
    """A member without a copy, one whose copy is no good, another release: 1, each in words."""
    replicating(pool, copy_of(5), copy_of(5, problem="a disk died"), None, version="0.0.9")
    answer = hadelect("check pool")
    assert answer.code == 1
    one, two, three = pool.names
    assert answer.out.startswith(f"WARNING: {one} leads in term 7")
    assert f"warning: {three} replicates no state: HAD_USE_REPLICATION" in answer.out
    assert f"warning: {one}, {two} run hadelect 0.1.0" in answer.out
    assert f"warning: {three} runs hadelect 0.0.9" in answer.out
    assert f"state: {two} holds 65.5; a disk died" in answer.out


def test_two_contents_of_one_version(pool: Pool, hadelect: Terminal) -> None:
    """Critical, also for programs; a pool that runs is no comfort then."""
    replicating(pool, copy_of(5), copy_of(5, digest="cd"), copy_of(5))
    answer = hadelect("check pool", "--format", "json")
    assert (answer.code, answer.json["status"]) == (2, "critical")
    one, two, three = pool.names
    assert answer.json["critical"] == [
        f"{one} and {two} hold different states 65.5",
        f"{two} and {three} hold different states 65.5",
    ]


def test_no_leader_is_critical(pool: Pool, hadelect: Terminal) -> None:
    """And nobody's answer is unknown."""
    rows = [row(name, 2 - place) for place, name in enumerate(pool.names)]
    pool.remote(0, view(pool.names[0], rows))
    answer = hadelect("check pool")
    assert answer.code == 2
    assert answer.out.startswith("CRITICAL: NO LEADER")


def test_nobody_answers(pool: Pool, hadelect: Terminal) -> None:
    """Unknown, and why each is silent."""
    answer = hadelect("check pool")
    assert answer.code == 3
    assert answer.out.startswith("UNKNOWN: NOBODY ANSWERED")
    assert answer.out.count("connection refused") == 3


def test_a_replication_daemon_that_is_silent(pool: Pool, hadelect: Terminal) -> None:
    """Named with its entry of REPLICATION_LIST, within two seconds, whether down or frozen."""
    for place, name in enumerate(pool.names[:2]):
        pool.remote(place, healthy(pool.names, name))
    pool.deaf(2)
    with pool.config.open("a") as config:
        daemons = f"{pool.names[0]} 127.0.0.1:1 {pool.names[2]}"
        config.write(f"HAD_USE_REPLICATION = true\nREPLICATION_LIST = {daemons}\n")
    answer = hadelect("check pool")
    assert answer.seconds < ANSWER_SECONDS
    told = "warning: the replication daemon {} does not answer here: {}"
    assert told.format("127.0.0.1:1", "connection refused") in answer.out
    assert told.format(pool.names[2], "no answer in time") in answer.out
    assert f"the replication daemon {pool.names[0]}" not in answer.out


def test_a_witness_and_a_pool_without_replication(pool: Pool, hadelect: Terminal) -> None:
    """Neither is asked for a copy."""
    for place, name in enumerate(pool.names):
        rows = [leading(pool.names[0], 2), row(pool.names[1], 1), row(pool.names[2], None)]
        pool.remote(place, view(name, rows))
    answer = hadelect("check pool")
    assert answer.out == f"OK: {pool.names[0]} leads in term 7, NEGOTIATOR running\n"
