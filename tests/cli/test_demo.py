"""The demo and the commands against members that are real from end to end, on loopback."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadelect.cli.demo_stage import Stage
from hadelect.cli.failures import Exit
from hadelect.cli.journal import judge

ROOT = Path(__file__).parent.parent.parent
SETTLED_SECONDS = 60.0


def typed(*words: str, within: float = 60.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "hadelect.cli.main", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )


@pytest.mark.parametrize("arbitration", ["majority", "none"])
def test_the_demo(arbitration: str) -> None:
    """Each kind of blow is answered by a failover, never two schedulers, and nothing is left."""
    words = ("--for", "20", "--kill-every", "1", "--arbitration", arbitration)
    answer = typed("demo", *words, within=110)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "overlaps of two schedulers: 0" in answer.stdout
    found = re.search(r"(\d+) blows, (\d+) failovers", answer.stdout)
    assert found is not None
    assert found[1] == found[2]
    for blow in ("SIGKILL to the daemon", "SIGKILL to the supervisor"):
        assert f"  {blow} (" in answer.stdout
    told = re.search(r"hadelect status --config (\S+)/cm1.conf", answer.stdout)
    assert told is not None
    assert not Path(told[1]).exists()


def test_the_demo_interrupted() -> None:
    """Ctrl-C ends the demo and all its members, and leaves no directory."""
    demo = subprocess.Popen(
        [sys.executable, "-u", "-P", "-m", "hadelect.cli.main", "demo"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    with demo.stdout as lines:
        told = "".join(_until_leads(lines))
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == Exit.INTERRUPTED
    config = re.search(r"--config (\S+)", told)
    assert config is not None
    assert not Path(config[1]).parent.exists()


def _until_leads(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if " leads: " in line:
            return


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Three members that have settled on a leader."""
    with Stage(3, "majority", ()) as made:
        made.start()
        settled(made)
        yield made


def settled(stage: Stage) -> str:
    """Wait until all is well; the leader."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        answer = typed("status", "--format", "json", "--config", str(stage.members[0].config))
        if answer.returncode == Exit.OK:
            return str(json.loads(answer.stdout)["leader"])
        assert time.monotonic() < deadline, answer.stdout + answer.stderr
        time.sleep(0.2)


def test_the_commands_against_real_members(stage: Stage) -> None:
    """Status, leader, handover, drain: asked of any member, done by the one it is meant for."""
    configs = [str(member.config) for member in stage.members]
    before = settled(stage)
    assert {typed("leader", "--config", config).stdout for config in configs} == {f"{before}\n"}
    after = next(member.name for member in stage.members if member.name != before)
    words = ("--to", after, "--reason", "test", "--config", configs[0])
    assert typed("handover", "--dry-run", *words).returncode == Exit.OK
    moved = typed("handover", *words)
    assert moved.returncode == Exit.OK, moved.stderr
    assert typed("leader", "--config", configs[2]).stdout == f"{after}\n"
    settled(stage)
    drained = typed("drain", after, "--reason", "test", "--config", configs[1])
    assert drained.returncode == Exit.OK, drained.stderr
    new = typed("leader", "--wait", "20", "--config", configs[0]).stdout.strip()
    assert new != after
    status = typed("status", "--config", configs[0])
    assert status.returncode == Exit.DEGRADED
    assert f"{after} is drained" in status.stdout
    refused = typed("handover", "--to", after, "--config", configs[0])
    assert refused.returncode == Exit.REFUSED
    assert refused.stderr.startswith("hadelect: refused: ")
    assert typed("undrain", after, "--config", configs[0]).returncode == Exit.OK
    settled(stage)
    stage.end()
    assert judge(stage.journal.read_text()).overlaps == ()


DEAD = ["UNREACHABLE"] * 2


def roles_of_others(answer: subprocess.CompletedProcess[str], last: str) -> list[str]:
    """Of the two that are not the last one alive, as it sees them."""
    rows = json.loads(answer.stdout)["members"]
    return [row["role"] for row in rows if row["member"] != last]


def test_two_of_three_down_for_real(stage: Stage) -> None:
    """With two of three members dead, and one's socket gone, the third tells it within 2 s."""
    leader = settled(stage)
    standbys = [member for member in stage.members if member.name != leader]
    last = standbys[0]
    for member in stage.members:
        if member is not last:
            daemon = member.daemon()
            os.kill(member.supervisor, signal.SIGKILL)
            if daemon is not None:
                os.kill(daemon, signal.SIGKILL)
    dead = next(member for member in stage.members if member is not last)
    start = time.monotonic()
    answer = typed("status", "--format", "json", "--config", str(dead.config))
    assert time.monotonic() - start < 2.0
    told = json.loads(answer.stdout)
    assert told["answered_by"] == last.name
    deadline = time.monotonic() + SETTLED_SECONDS
    while answer.returncode != Exit.NO_LEADER or roles_of_others(answer, last.name) != DEAD:
        assert time.monotonic() < deadline, answer.stdout
        answer = typed("status", "--format", "json", "--config", str(dead.config))


def test_a_configuration_that_had_refuses(stage: Stage) -> None:
    """`hadelect had` passes 78 on, with the error on one line."""
    config = str(stage.members[0].config)
    answer = typed("had", "--config", config, "--set", "HAD_LEASE_DURATION=0.1")
    assert answer.returncode == Exit.CONFIG
    assert "HAD_LEASE_DURATION" in answer.stderr
    assert "Traceback" not in answer.stderr
