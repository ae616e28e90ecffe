"""The controllee's whole life: one that hangs, one that cannot live here, hooks, the fence."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults import proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]

HOOKS = ("HAD_PRE_START", "HAD_POST_START", "HAD_PRE_STOP", "HAD_POST_STOP", "HAD_ON_LEADER_CHANGE")
# Well while a line of this member's scheduler in the journal is younger than a second.
PROBE = """
import os, sys, time
with open(sys.argv[1], "rb") as journal:
    journal.seek(max(0, os.fstat(journal.fileno()).st_size - 65536))
    mine = [line.split() for line in journal.read().decode().splitlines()[1:]]
newest = max(int(l[0]) for l in mine if l[-1] == os.environ["HADELECT_MEMBER"])
sys.exit(time.monotonic_ns() - newest > 10**9)
"""
HOOK = """#!/bin/sh
echo "$HADELECT_HOOK $HADELECT_CAUSE $HADELECT_TERM $HADELECT_MEMBER" >> {told}
case $HADELECT_HOOK in HAD_PRE_START) [ ! -e {veto} ];; esac
"""


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def with_hooks(lab: Lab) -> Path:
    """All hooks of all hosts tell it in one file; `veto` beside a host's script makes it veto."""
    told = lab.hosts[0].home.parent / "told"
    for host in lab.hosts:
        hook = script(host.home / "hook", HOOK.format(told=told, veto=host.home / "veto"))
        host.configure({**lab.settings(host), **dict.fromkeys(HOOKS, hook)})
    return told


def hooks_told(told: Path, *names: str) -> list[list[str]]:
    lines = [line.split() for line in told.read_text().splitlines()]
    return [line for line in lines if line[0] in names]


def check_of(host: Host) -> dict[str, Any]:
    """What this member's status says of its probe."""
    view = host.status()
    assert view is not None
    (own,) = (row for row in view["members"] if row["member"] == host.name)
    check: dict[str, Any] = own["controllee"]["check"]
    return check


@proves("controllee_frozen")
def test_a_scheduler_that_hangs(build: Build, mode: str, tmp_path: Path) -> None:
    """SIGSTOP for the scheduler: its probe fails, it is started again where it was; a probe that
    cannot be run on another member moves nothing.
    """
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    lab = build(Pool(mode))
    more = {
        "NEGOTIATOR_CHECK": f"{sys.executable} -I -S {probe} {lab.journal.path}",
        "NEGOTIATOR_CHECK_INTERVAL": 0.3,
        "NEGOTIATOR_CHECK_FAILURES": 2,
        "NEGOTIATOR_START_GRACE": 5,
    }
    for host in lab.hosts:
        host.configure({**lab.settings(host), **more})
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.signal(signal.SIGSTOP, Part.CONTROLLEE)
    again = lab.moved(before)
    assert (again.member, again.term) == (before.member, before.term)
    assert lab.one() is leader
    assert "NEGOTIATOR hangs: 2 probes in a row failed" in leader.tail(400)
    assert leader.metric("hadelect_controllee_restarts_total", cause="check") == 1
    assert leader.metric("hadelect_controllee_check_failures_total") >= 2
    until(lambda: check_of(leader)["state"] == "passing", 10, leader.tail)
    lab.never_two()


@proves("failing_controllee")
def test_negotiator_churn(build: Build, mode: str) -> None:
    """F1: a primary whose scheduler always fails is unfit after its restarts; the other one leads
    and is left alone, and status says why.
    """
    lab = build(Pool(mode, more=(("HAD_USE_PRIMARY", "true"), ("HAD_RESTART_LIMIT", 2))))
    first = lab[0]
    broken = {"NEGOTIATOR_ARGS": "-I -S -E -c 'raise SystemExit(1)'"}
    first.configure({**lab.settings(first), **broken})
    lab.start()

    def unfit() -> bool:
        view = lab[1].status()
        if view is None or view["leader"] != lab[1].name:
            return False
        return not next(m["fit"] for m in view["members"] if m["member"] == first.name)

    until(unfit, 2 * lab.pool.bound, lambda: f"{lab[1].status()}")
    run = lab.alone()
    assert lab.host(run.member) is lab[1]
    time.sleep(3 * lab.pool.lease)
    assert lab.alone().pid == run.pid, "the good scheduler was stopped"
    assert "NEGOTIATOR ended 2 times within HAD_RESTART_WINDOW" in lab[1].cli("status").stdout
    lab.never_two()


@proves("hooks_and_veto")
@pytest.mark.parametrize("mode", ["majority"])
def test_hooks_of_a_handover(build: Build, mode: str) -> None:
    """The old leader's HAD_POST_STOP is over before the new leader's HAD_PRE_START begins; a veto
    moves on to the next member.
    """
    lab = build(Pool(mode))
    told = with_hooks(lab)
    lab.start()
    old, new = lab.settled(), lab[1]
    assert old is lab[0]
    until(lambda: hooks_told(told, "HAD_POST_START"), 10, told.read_text)
    begun = len(hooks_told(told, *HOOKS[:4]))
    assert old.cli("handover", "--to", new.name, "--wait", "20").returncode == 0
    lab.settled()
    until(lambda: len(hooks_told(told, "HAD_POST_START")) == 2, 10, told.read_text)
    assert [(line[0], line[-1]) for line in hooks_told(told, *HOOKS[:4])[begun:]] == [
        ("HAD_PRE_STOP", old.name),
        ("HAD_POST_STOP", old.name),
        ("HAD_PRE_START", new.name),
        ("HAD_POST_START", new.name),
    ]
    before = lab.ran()
    (old.home / "veto").touch()
    new.kill(Part.DAEMON)
    assert lab.moved(before).member == lab[2].name
    assert old.metric("hadelect_hook_failures_total", hook="pre_start") == 1
    changes = hooks_told(told, "HAD_ON_LEADER_CHANGE")
    assert {line[-1] for line in changes} == {host.name for host in lab.hosts}
    lab.never_two()


@proves("hook_hangs", mode="majority")
def test_a_hook_that_hangs_at_pre_stop(build: Build) -> None:
    """A clean stop waits for it, no longer than HAD_HOOK_TIMEOUT."""
    lab = build(Pool("majority"))
    for host in lab.hosts:
        hook = script(host.home / "hook", "#!/bin/sh\ntrap '' TERM\nexec sleep 60\n")
        host.configure({**lab.settings(host), "HAD_PRE_STOP": hook, "HAD_HOOK_TIMEOUT": 1.5})
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    began = time.monotonic()
    assert leader.end() == 0
    assert time.monotonic() - began > 1.4
    assert lab.moved(before).member != leader.name
    lab.never_two()


@proves("fence_refuses", mode="none")
def test_fence_command(build: Build) -> None:
    """Mode none: as long as HAD_FENCE_COMMAND refuses nobody takes over from a silent leader; once
    it permits somebody does.
    """
    lab = build(Pool("none"))

    def fenced(host: Host) -> Path:
        return host.home / "fenced"

    for host in lab.hosts:
        fence = script(host.home / "fence", f"#!/bin/sh\ntest -e {fenced(host)}\n")
        host.configure({**lab.settings(host), "HAD_FENCE_COMMAND": fence})
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.power_off()
    refused = "HAD_FENCE_COMMAND failed"
    others = lab.peers(leader)
    until(lambda: any(refused in host.tail(400) for host in others), 15, lab.story)
    time.sleep(2 * lab.pool.lease)
    assert lab.ran().pid == before.pid
    for host in others:
        fenced(host).touch()
    assert lab.moved(before, 30).member != leader.name
    lab.never_two()
