"""The flight recorder in real daemons: a failover, recorded, decides the same again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tests.e2e.host import Part
from tests.e2e.lab import Lab, Pool

Build = Callable[[Pool], Lab]
ROOT = Path(__file__).parents[2]


def replay(flight: Path, code: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """`hadelect replay`, with the core that lies in `code`."""
    command = [sys.executable, "-P", "-m", "hadelect.cli.main", "replay", str(flight)]
    env = {**os.environ, "PYTHONPATH": str(code)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def mutated(home: Path) -> Path:
    """A copy of the code whose leader forgets the margin before its authority ends."""
    shutil.copytree(ROOT / "hadelect", home / "hadelect")
    path = home / "hadelect" / "core" / "leading.py"
    whole = path.read_text()
    without = whole.replace("- rules.margin_ms", "")
    assert without != whole
    path.write_text(without)
    return home


def test_a_failover_is_recorded_and_decides_the_same(build: Build, tmp_path: Path) -> None:
    """The leader's daemon is killed; every member's record, the dead daemon's too, is replayed.

    A core with a fault is found out at the decision where it differs.
    """
    lab = build(Pool("majority"))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.kill(Part.DAEMON)
    after = lab.moved(before)
    lab.settled()
    for host in lab.hosts:
        assert host.end() == 0
    for host in lab.hosts:
        done = replay(host.home / "state" / "flight")
        assert done.returncode == 0, f"{host}: {done.stdout}{done.stderr}"
        assert "the same decisions as recorded" in done.stderr
        if host.name == after.member:
            assert "ELECTION (was PASSIVE)" in done.stdout
            told = host.cli("history", "--format", "json", "--since", "1h").stdout.splitlines()
            won = next(e for e in map(json.loads, told) if e["term"] == after.term)
            shown = next(line for line in done.stdout.splitlines() if won["because"] in line)
            assert abs(seconds(shown[:24]) - seconds(won["time"])) < 0.1, "one wall clock"
            assert f"LEADER (was ELECTION), term {after.term}: votes of" in done.stdout
    found = replay(lab.host(after.member).home / "state" / "flight", mutated(tmp_path / "mutated"))
    assert found.returncode == 1
    assert "DIFFERENT" in found.stdout
    assert "Start" in found.stdout
    lab.never_two()
