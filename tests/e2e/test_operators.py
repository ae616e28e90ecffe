"""What operators do on purpose: stop, hand over, drain, reload, upgrade. Never any overlap."""

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.faults import proves
from tests.e2e.host import Part
from tests.e2e.lab import Lab, Pool, until
from tests.e2e.scheduler import SLOW_STOP

Build = Callable[[Pool], Lab]


@proves("stopped")
@pytest.mark.parametrize(
    "manner",
    ["plain", "slow", pytest.param("stubborn", marks=proves("stubborn_controllee")), "daemonises"],
)
def test_sigterm_hands_over_and_exits_0(build: Build, mode: str, manner: str) -> None:
    """SIGTERM to the leader: its scheduler has stopped, then another starts; exit code 0."""
    lab = build(Pool(mode, manner=manner, more=(("NEGOTIATOR_STOP_TIMEOUT", 1.5),)))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    assert leader.end() == 0, leader.tail()
    assert not leader.controllees()
    assert lab.moved(before).member != leader.name
    lab.one()
    if manner == "slow":
        stopped = next(run for run in lab.journal.runs() if run.pid == before.pid)
        assert stopped.last - before.last > (SLOW_STOP - 0.1) * 1e9, "it was given its time"
    lab.never_two()


@proves("handed_over")
@pytest.mark.parametrize("manner", ["plain", "slow"])
def test_handover_moves_to_the_named_member(build: Build, mode: str, manner: str) -> None:
    """`handover --to` moves the scheduler there, without overlap, and exits 0 when it is done."""
    lab = build(Pool(mode, manner=manner))
    lab.start()
    leader = lab.settled()
    before, target = lab.ran(), lab.peers(leader)[-1]
    answer = leader.cli("handover", "--to", target.name, "--reason", "maintenance")
    assert answer.returncode == 0, answer.stderr
    assert lab.moved(before).member == target.name
    assert lab.one() is target
    lab.never_two()


@proves("handed_over")
def test_handover_asked_of_a_standby(build: Build, mode: str) -> None:
    """The command may be given on any member; it is carried to the leader."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before, target = lab.ran(), lab.peers(leader)[0]
    answer = target.cli("handover", "--to", target.name, "--reason", "maintenance")
    assert answer.returncode == 0, answer.stderr
    assert lab.moved(before).member == target.name
    assert lab.one() is target
    lab.never_two()


@proves("handed_over")
def test_a_handover_that_cannot_be_is_refused(build: Build, mode: str) -> None:
    """A handover to a member that is down, or as a dry run, touches nothing."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    alive, down = lab.peers(leader)
    rehearsal = leader.cli("handover", "--to", alive.name, "--dry-run")
    assert rehearsal.returncode == 0, rehearsal.stderr
    down.power_off()
    until(
        lambda: not _member(leader.status(), down.name)["reachable"],
        lab.pool.bound,
        lambda: f"{down} still reachable",
    )
    refused = leader.cli("handover", "--to", down.name)
    assert refused.returncode == 1
    assert down.name in refused.stdout + refused.stderr
    assert leader.cli("handover", "--to", "10.77.0.99:1").returncode == 1
    assert lab.one() is leader
    assert lab.ran().pid == before.pid


@proves("drained")
def test_a_drained_member_never_leads(build: Build, mode: str) -> None:
    """Drain moves the scheduler away and keeps it away, even when its new home dies."""
    lab = build(Pool(mode))
    lab.start()
    drained = lab.settled()
    before = lab.ran()
    answer = drained.cli("drain", drained.name, "--reason", "disk swap")
    assert answer.returncode == 0, answer.stderr
    assert lab.moved(before).member != drained.name
    second = lab.settled()
    assert _member(second.status(), drained.name)["drained"]
    before = lab.ran()
    second.power_off()
    third = next(host for host in lab.hosts if host not in (drained, second))
    assert lab.moved(before).member == third.name
    assert lab.one() is third
    lab.never_two()


@proves("drained", mode="none")
def test_an_undrained_member_leads_again(build: Build) -> None:
    """Undrained, a member may lead: nobody else being left, it does."""
    lab = build(Pool("none"))
    lab.start()
    leader = lab.settled()
    one, other = lab.peers(leader)
    assert leader.cli("drain", one.name, "--reason", "test").returncode == 0
    assert leader.cli("undrain", one.name, "--reason", "test").returncode == 0
    before = lab.ran()
    other.power_off()
    leader.power_off()
    assert lab.moved(before).member == one.name
    assert lab.one() is one
    lab.never_two()


@proves("standby_upgraded")
def test_reload_and_upgrade_of_a_standby_move_nobody(build: Build, mode: str) -> None:
    """SIGHUP everywhere and a standby stopped and started leave the scheduler alone."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    for host in lab.hosts:
        host.signal(signal.SIGHUP, Part.SUPERVISOR)
    standby = lab.peers(leader)[0]
    assert standby.end() == 0, standby.tail()
    standby.start()
    assert lab.one() is leader
    assert lab.ran().pid == before.pid
    lab.never_two()


def test_status_and_leader_tell_the_pool(build: Build, mode: str) -> None:
    """`status` and `leader` say the same from every member; with members down, within 2 s."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    for host in lab.hosts:
        assert host.cli("leader").stdout.strip() == leader.name
        answer = host.cli("status", "--format", "json")
        assert answer.returncode == 0, answer.stderr
        view = json.loads(answer.stdout)
        assert view["leader"] == leader.name
        assert view["arbitration"] == mode
        assert [m["member"] for m in view["members"]] == [h.name for h in lab.hosts]
        mine = _member(view, leader.name)
        assert mine["controllee"]["pid"] == leader.pid(Part.CONTROLLEE), "the host's pid"
    assert leader.get("/leader")[0] == 200
    assert all(host.get("/leader")[0] == 503 for host in lab.peers(leader))
    assert all(host.get("/ready")[0] == host.get("/health")[0] == 200 for host in lab.hosts)


def test_status_with_two_of_three_down(build: Build) -> None:
    """`status` answers though most are down: exit 2 without a leader, 3 when nobody answers."""
    lab = build(Pool("majority"))
    lab.start()
    last = lab.peers(lab.settled())[0]
    for host in lab.peers(last):
        host.power_off()
    until(
        lambda: (view := last.status()) is not None and not view["leader"],
        lab.pool.bound,
        lambda: "still sees a leader",
    )
    answer = last.cli("status", "--format", "json", within=6)
    assert answer.returncode == 2, answer.stderr
    assert not lab.journal.running(), "a majority is gone: nobody runs"
    last.power_off()
    assert last.cli("status", within=6).returncode == 3
    assert last.cli("leader", within=6).returncode == 3


def _member(view: dict[str, Any] | None, name: str) -> dict[str, Any]:
    assert view is not None
    found: dict[str, Any] = next(m for m in view["members"] if m["member"] == name)
    return found
