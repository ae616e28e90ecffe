"""Debian's Slurm under hadelect: its jobs outlive its head nodes, which share no disk.

The configuration is that of deploy/slurm, byte by byte; docs/slurm.md is the recipe.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import slurm
from tests.e2e.lab import STORY
from tests.e2e.slurm import Pool

HELD = ("--hold", "--wrap=true")


@pytest.fixture
def pool(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pool]:
    if reason := slurm.unavailable():
        pytest.skip(reason)
    pool = Pool(tmp_path)
    request.node.stash[STORY] = pool.story
    yield pool
    pool.close()


def test_no_job_is_lost(pool: Pool) -> None:
    """A pool of three head nodes loses the leader's machine, hands over, and is switched off as a
    whole; then the member with the oldest state is the first to come back and leads. Every job that
    was there is there, one that runs runs on, and no number is given twice.
    """
    cm1, cm2, cm3 = pool.heads
    pool.boot()
    assert pool.leader() is cm1
    go = pool.node.home / "run" / "go"
    (running,) = pool.submit(
        1, "--output=/run/said", "--wrap=until [ -e /run/go ]; do sleep 0.1; done; echo done"
    )
    jobs = {running, *pool.submit(20, *HELD)}
    pool.replicated(max(jobs), *pool.heads)
    assert [head.metric("hadelect_replica_asides") for head in pool.heads] == [0, 0, 0]

    pool.cut(cm1)
    assert pool.leader() is cm2
    assert set(pool.jobs()) == jobs
    assert pool.jobs()[running] == "RUNNING"
    after_the_cut = pool.submit(5, *HELD)
    assert min(after_the_cut) == max(jobs) + 1
    jobs |= {*after_the_cut}

    # slurmctld has not saved these by itself yet: the handover does.
    assert cm2.next_job() <= max(jobs)
    moved = cm2.cli(
        "handover", "--to", cm3.name, "--wait", "30", "--reason", "kernel upgrade", within=60
    )
    assert moved.returncode == 0, moved.stdout + moved.stderr
    assert pool.leader() is cm3
    assert set(pool.jobs()) == jobs
    after_the_handover = pool.submit(5, *HELD)
    assert min(after_the_handover) == max(jobs) + 1
    jobs |= {*after_the_handover}
    pool.replicated(max(jobs), cm2, cm3)
    assert cm1.next_job() <= min(after_the_cut), "the oldest state should be on cm1"

    for head in (cm2, cm3):
        head.power_off()
    pool.net.mend(cm1.number)
    for head in pool.heads:
        head.boot()
    assert pool.leader() is cm1
    assert set(pool.jobs()) == jobs
    assert pool.jobs()[running] == "RUNNING"
    (last,) = pool.submit(1, *HELD)
    assert last == max(jobs) + 1
    go.touch()
    hooks = [re.findall(r"HAD_\w+ failed.*", head.log.read_text()) for head in pool.heads]
    assert not any(hooks), hooks
