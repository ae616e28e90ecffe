"""Pools whose scheduler another manager runs, on each host its own: never two, and soon one."""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hadelect.supervisor import fence
from tests.e2e import lan
from tests.e2e.faults import proves
from tests.e2e.host import Host, Part, environment
from tests.e2e.lab import SCHEDULER, Lab, Pool, until
from tests.e2e.test_life import PROBE, check_of
from tests.supervisor.harness import remove_cgroup
from tests.supervisor.outside import has_cgroup

Build = Callable[[Pool], Lab]
MANAGER = Path(__file__).parents[1] / "supervisor" / "other_manager.py"
PYTHON = [sys.executable, "-I", "-S", "-E"]
# KILL starts a Python: a busy machine does not do that within the margin of the fast preset.
TIMES = {"HAD_LEASE_DURATION": "3", "HAD_LEASE_MARGIN": "1.4"}


class Outside:
    """A lab whose hosts each have another manager beside their HAD."""

    def __init__(self, lab: Lab, guard: str) -> None:
        self.lab = lab
        self._cgroups: list[str] = []
        self._guard = guard
        for host in lab.hosts:
            self._add(host)

    def _add(self, host: Host) -> None:
        home = host.home / "manager"
        home.mkdir()
        cgroup = ""
        if self._guard == "unit":
            cgroup = fence.cgroup_path(f"unit-{uuid.uuid4().hex}")
            self._cgroups.append(cgroup)
        service = [*PYTHON, str(SCHEDULER), str(self.lab.journal.path), "plain"]
        host.service(*PYTHON, str(MANAGER), "serve", str(home), cgroup or "-", *service)
        until((home / "socket").exists, 10, lambda: f"no manager on {host}:\n{host.tail()}")
        words = {
            name: " ".join([*PYTHON, str(MANAGER), word, str(home)])
            for name, word in (("START", "start"), ("STOP", "stop"), ("STATUS", "status"))
        }
        if cgroup:
            words["UNIT"] = cgroup
        else:
            words["KILL"] = " ".join([*PYTHON, str(MANAGER), "kill", str(home)])
        settings = {
            name: value
            for name, value in self.lab.settings(host).items()
            if not name.startswith("NEGOTIATOR")
        }
        commands = {f"NEGOTIATOR_{name}": value for name, value in words.items()}
        host.configure({**settings, **({} if cgroup else TIMES), **commands})

    def close(self) -> None:
        self.lab.close()
        for cgroup in self._cgroups:
            fence.remove_cgroup(cgroup)
        for host in self.lab.hosts:
            remove_cgroup(host.home / "state")

    def do(self, host: Host, word: str) -> None:
        """As an administrator of that host would, by hand."""
        subprocess.run(
            [*host.inside(), *PYTHON, str(MANAGER), word, str(host.home / "manager")],
            env=environment(),
            check=True,
        )

    def pid(self, host: Host) -> int:
        """Of the manager."""
        words = [*PYTHON, str(MANAGER), "serve", str(host.home / "manager")]
        (found,) = (
            pid
            for pid in lan.inhabitants(host.namespace)
            if Path(f"/proc/{pid}/cmdline").read_text().split("\0")[: len(words)] == words
        )
        return found

    def asked(self, host: Host) -> list[str]:
        return (host.home / "manager" / "asked").read_text().splitlines()


@pytest.fixture(params=["kill", *(["unit"] if has_cgroup() else [])])
def guard(request: pytest.FixtureRequest) -> str:
    """The sure way to kill: the KILL command, or, where there is a cgroup v2, the unit."""
    return str(request.param)


@pytest.fixture
def outside(build: Build, mode: str, guard: str) -> Iterator[Outside]:
    """Three members in this mode, all started and settled."""
    made = Outside(build(Pool(mode, preset="fast" if guard == "unit" else "")), guard)
    try:
        made.lab.start()
        made.lab.settled(within=30)  # The stand-ins are slow to start on a busy machine.
        yield made
        made.lab.never_two()
    finally:
        made.close()


@proves("external_dies")
def test_deaths(outside: Outside) -> None:
    """Its own death is a restart where it was; the daemon's, then the supervisor's, moves it."""
    lab = outside.lab
    first = lab.ran()
    outside.do(lab.host(first.member), "kill")
    again = lab.moved(first)
    assert (again.member, again.term) == (first.member, first.term)
    for part in (Part.DAEMON, Part.SUPERVISOR):
        leader, before = lab.settled(), lab.ran()
        leader.kill(part)
        assert lab.moved(before).member != leader.name
    lab.one()


@proves("external_moves")
def test_planned_moves(outside: Outside) -> None:
    """A handover and a SIGTERM stop it by STOP, and it starts elsewhere afterwards: never two."""
    lab = outside.lab
    leader, before = lab.settled(), lab.ran()
    assert leader.cli("handover", "--reason", "upgrade").returncode == 0
    assert lab.moved(before).member != leader.name
    assert f"stop {before.term}" in outside.asked(leader)
    leader, before = lab.settled(), lab.ran()
    assert leader.end() == 0
    assert lab.moved(before).member != leader.name
    assert f"stop {before.term}" in outside.asked(leader)
    lab.one()


@proves("external_hangs")
@pytest.mark.parametrize("guard", ["kill", "unit"], indirect=True)
@pytest.mark.parametrize("mode", ["majority"], indirect=True)
def test_a_probe(outside: Outside) -> None:
    """One that hangs under its own manager is ended by STOP and the sure way, and started again
    where it was; the probe came with a reload.
    """
    lab = outside.lab
    leader, before = lab.settled(), lab.ran()
    probe = leader.home / "probe.py"
    probe.write_text(PROBE)
    lines = {
        "CHECK": f"{sys.executable} -I -S {probe} {lab.journal.path}",
        "CHECK_INTERVAL": "0.3",
        "CHECK_FAILURES": "2",
        "STOP_TIMEOUT": "1",
        "START_GRACE": "10",
    }
    text = "".join(f"NEGOTIATOR_{name} = {value}\n" for name, value in lines.items())
    leader.config.write_text(f"{leader.config.read_text()}\n{text}")
    assert leader.cli("reload").returncode == 0
    until(lambda: check_of(leader)["state"] == "passing", 20, leader.tail)
    assert lab.ran().pid == before.pid
    manager = outside.pid(leader)
    for pid in leader.controllees():
        if pid != manager:  # Its command line names the service.
            os.kill(pid, signal.SIGSTOP)
    again = lab.moved(before)
    assert (again.member, again.term) == (before.member, before.term)
    assert "NEGOTIATOR hangs: 2 probes in a row failed" in leader.log.read_text()
    assert leader.metric("hadelect_controllee_restarts_total", cause="check") == 1
    lab.one()


@proves("external_by_hand")
def test_started_by_hand_on_a_standby(outside: Outside) -> None:
    """An administrator's mistake: what was started beside the leader's is killed, the leader's is
    not touched.
    """
    lab = outside.lab
    leader, before = lab.settled(), lab.ran()
    standby = lab.peers(leader)[0]
    outside.do(standby, "start")

    def is_killed() -> bool:
        return "although this member does not lead" in standby.log.read_text()

    until(is_killed, 20, lambda: "nobody noticed")
    assert lab.one() is leader
    assert lab.alone().pid == before.pid
    lab.journal.forget()  # Until it was noticed two did run: that is the mistake.


@proves("external_cut_off")
@pytest.mark.parametrize("mode", ["majority"], indirect=True)
def test_the_leader_is_cut_off(outside: Outside) -> None:
    """Cut off, the leader kills it before another member may start one; frozen, too."""
    lab = outside.lab
    leader, before = lab.settled(), lab.ran()
    lab.net.cut(leader.number)
    lab.moved(before)
    lab.net.mend(leader.number)
    leader, before = lab.settled(), lab.ran()
    leader.signal(signal.SIGSTOP, Part.DAEMON)
    lab.moved(before)
    leader.signal(signal.SIGCONT, Part.DAEMON)
    lab.one()


def test_majority_needs_a_sure_way(build: Build) -> None:
    """Mode majority without UNIT and KILL ends with 78 and names the remedy."""
    lab = build(Pool("majority"))
    host = lab[0]
    settings = {n: v for n, v in lab.settings(host).items() if not n.startswith("NEGOTIATOR")}
    command = shutil.which("true")
    for name in ("START", "STOP", "STATUS"):
        settings[f"NEGOTIATOR_{name}"] = command
    host.configure(settings)
    host.start()
    assert host.had is not None
    assert host.had.wait(15) == 78
    assert "set NEGOTIATOR_UNIT to its systemd unit, or NEGOTIATOR_KILL" in host.log.read_text()
