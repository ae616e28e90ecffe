"""F15: maintenance does not cause the outage. A reload moves nobody, whatever is in the file."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.disks import Failure
from tests.e2e.faults import proves
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]
STORM = 100


def facts(lab: Lab, leader: Host) -> tuple[Any, ...]:
    """Who leads in which term, with which processes: what no reload changes."""
    status = leader.status()
    assert status is not None
    pids = tuple(leader.pid(part) for part in Part)
    return status["leader"], status["term"], pids, lab.ran().pid


def rewrite(lab: Lab, host: Host, **settings: object) -> None:
    host.configure(lab.settings(host) | settings)


def reload(host: Host) -> tuple[int, dict[str, Any]]:
    done = host.cli("reload", "--format", "json")
    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, answer


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["outcome"] for item in answer["variables"]}


@proves("reloaded")
def test_no_reload_moves_the_scheduler(build: Build, mode: str) -> None:
    """The same file, other timings, one more node, a syntax error, another arbitration: same pids,
    same term; what is refused keeps the old configuration and raises the metric.
    """
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = facts(lab, leader)
    failed = "hadelect_config_reload_failed"

    assert reload(leader) == (0, {"ok": True, "variables": [], "problems": [], "warnings": []})
    for host in lab.hosts:
        rewrite(lab, host, HAD_HEARTBEAT_INTERVAL=0.3, HAD_LEASE_DURATION=2)
        code, answer = reload(host)
        assert (code, answer["problems"]) == (0, [])
        assert outcomes(answer)["HAD_LEASE_DURATION"] == "applied"
    more = ", ".join([*(host.name for host in lab.hosts), "10.99.99.99:51450"])
    rewrite(lab, leader, HAD_LIST=more, NEGOTIATOR_STOP_TIMEOUT=3)
    code, answer = reload(leader)
    assert (code, outcomes(answer)["HAD_LIST"]) == (0, "kept")
    status = leader.status()
    assert status is not None
    assert any("--reset-membership" in words for words in status["warnings"])
    assert leader.metric(failed) == 0

    leader.config.write_text(leader.config.read_text() + "\nif defined\n")
    code, answer = reload(leader)
    assert (code, answer["ok"], leader.metric(failed)) == (1, False, 1)
    assert str(leader.config) in answer["problems"][0]
    other = "none" if mode == "majority" else "majority"
    rewrite(lab, leader, HAD_ARBITRATION=other)
    code, answer = reload(leader)
    assert (code, leader.metric(failed)) == (1, 1)
    assert "must be equal on all members" in answer["problems"][0]

    rewrite(lab, leader)
    assert reload(leader)[0] == 0
    assert leader.metric(failed) == 0
    assert lab.one() is leader
    assert facts(lab, leader) == before
    lab.never_two()


@proves("reloaded")
def test_a_storm_of_signals(build: Build, mode: str) -> None:
    """A hundred SIGHUPs at the supervisor, with the file changing meanwhile: nothing moves."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = facts(lab, leader)
    for turn in range(STORM):
        for host in lab.hosts:
            if turn % 10 == 0:
                rewrite(lab, host, HAD_LEASE_DURATION=1 + turn % 3)
            host.signal(signal.SIGHUP, Part.SUPERVISOR)
    assert reload(leader)[0] == 0
    assert lab.one(still=3.0) is leader
    assert facts(lab, leader) == before
    lab.never_two()


@proves("reloaded_midway")
def test_a_reload_in_the_middle_of_a_failover_and_a_handover(build: Build, mode: str) -> None:
    """Every member reloads other timings while the leader's place is taken: one scheduler."""
    lab = build(Pool(mode))
    lab.start()
    leader = lab.settled()
    before = lab.ran()
    leader.kill(Part.DAEMON)
    for host in lab.peers(leader):
        rewrite(lab, host, HAD_LEASE_DURATION=2)
        host.signal(signal.SIGHUP, Part.SUPERVISOR)
    lab.moved(before)
    leader = lab.one()
    before, target = lab.ran(), lab.peers(leader)[0]
    move = subprocess.Popen(
        leader.command("handover", "--to", target.name), stdout=subprocess.DEVNULL
    )
    for host in lab.hosts:
        rewrite(lab, host, HAD_LEASE_DURATION=1.5)
        host.signal(signal.SIGHUP, Part.SUPERVISOR)
    assert move.wait(30) == 0
    assert lab.moved(before).member == target.name
    assert lab.one() is target
    lab.never_two()


@proves("reloaded_commands", mode="majority")
def test_hooks_and_a_probe_come_live(build: Build) -> None:
    """A probe is run for the scheduler that runs already, a hook at the next stop; nothing moves
    before that, not by a probe that always fails either: it has the start grace.
    """
    lab = build(Pool())
    lab.start()
    leader = lab.settled()
    before = facts(lab, leader)
    probed, told = leader.home / "probed", leader.home / "told"
    for name, text in (("probe", f"touch {probed}; exit 1"), ("hook", f"touch {told}")):
        path = leader.home / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    new = {"NEGOTIATOR_CHECK": leader.home / "probe", "NEGOTIATOR_CHECK_INTERVAL": 0.2}
    rewrite(lab, leader, **new, HAD_PRE_STOP=leader.home / "hook")
    code, answer = reload(leader)
    assert (code, outcomes(answer)) == (0, dict.fromkeys([*new, "HAD_PRE_STOP"], "applied"))
    until(probed.exists, 10, leader.tail)
    assert lab.one() is leader
    assert facts(lab, leader) == before
    assert not told.exists()
    assert leader.cli("handover", "--wait", "20").returncode == 0
    assert told.exists()
    assert lab.one() is not leader
    lab.never_two()


@proves("reloaded", mode="majority")
def test_a_reload_with_a_log_that_cannot_be_opened(build: Build) -> None:
    """What the check of places finds keeps the old configuration: nothing moves."""
    lab = build(Pool())
    lab.start()
    leader = lab.settled()
    before = facts(lab, leader)
    occupied = leader.home / "a-file"
    occupied.write_text("")
    rewrite(lab, leader, HAD_LOG=occupied / "log")
    code, answer = reload(leader)
    assert (code, answer["ok"]) == (1, False)
    assert facts(lab, leader) == before


@proves("reloaded_disk", mode="majority")
@pytest.mark.parametrize("failure", [Failure.FULL, Failure.REMOVED], ids=lambda f: f.value)
def test_a_reload_with_the_state_directory_full_or_gone(build: Build, failure: Failure) -> None:
    """It is answered in the log, and nothing moves."""
    lab = build(Pool())
    disks = {host: lab.disk() for host in lab.hosts}
    states = {host: {"HAD_STATE_DIR": disk.state} for host, disk in disks.items()}
    for host in lab.hosts:
        rewrite(lab, host, **states[host])
    lab.start()
    leader = lab.settled()
    before = facts(lab, leader)
    disks[leader].fail(failure)
    rewrite(lab, leader, **states[leader], NEGOTIATOR_STOP_TIMEOUT=3)
    leader.signal(signal.SIGHUP, Part.SUPERVISOR)
    until(lambda: ": reload" in leader.log.read_text(), 15, leader.tail)
    time.sleep(2 * lab.pool.lease)
    assert lab.alone().pid == before[-1]
    disks[leader].repair()
    assert lab.one() is leader
    assert facts(lab, leader) == before
    lab.never_two()


# --- certificates ---


def certify(home: Path, hosts: list[Host], days: int) -> None:
    """One authority, and for every host a certificate of so many days, in place."""

    def openssl(words: str) -> None:
        subprocess.run(["openssl", *words.split()], cwd=home, check=True, capture_output=True)

    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    if not (home / "ca.pem").exists():
        openssl(f"{new} -x509 -days 9 -subj /CN=ca -keyout ca.key -out ca.pem")
    for host in hosts:
        (home / "ext").write_text(f"subjectAltName=IP:{host.address}")
        openssl(f"{new} -subj /CN=member -keyout new.key -out new.csr")
        openssl(
            f"x509 -req -days {days} -in new.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
            f" -extfile ext -out new.pem"
        )
        for suffix in ("pem", "key"):
            (home / f"new.{suffix}").replace(home / f"{host.number}.{suffix}")


@proves("certificates_renewed", mode="majority")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")
def test_new_and_expired_certificates(build: Build, tmp_path: Path) -> None:
    """A new certificate is used from the next connection on, an expired one is refused; the
    scheduler does not notice, and no stream is lost.
    """
    home = tmp_path / "tls"
    home.mkdir()
    lab = build(Pool())

    def tls(host: Host) -> dict[str, object]:
        names = {"CERT": f"{host.number}.pem", "KEY": f"{host.number}.key", "CA": "ca.pem"}
        return {f"HAD_TLS_{kind}": home / name for kind, name in names.items()}

    certify(home, lab.hosts, 2)
    for host in lab.hosts:
        rewrite(lab, host, **tls(host))
    lab.start()
    leader = lab.settled()
    before = facts(lab, leader)
    ends = "hadelect_certificate_expiry_timestamp_seconds"
    first = leader.metric(ends)

    certify(home, lab.hosts, 5)
    for host in lab.hosts:
        code, answer = reload(host)
        assert (code, answer["problems"]) == (0, [])
    assert leader.metric(ends) > first
    standby = lab.peers(leader)[0]
    assert standby.end() == 0
    standby.start()
    assert lab.settled() is leader

    certify(home, [leader], -1)
    code, answer = reload(leader)
    assert (code, leader.metric("hadelect_config_reload_failed")) == (1, 1)
    assert "expired" in answer["problems"][0]
    assert leader.metric(ends) > first
    assert lab.one() is leader
    assert facts(lab, leader) == before
    until(lambda: "expired" in leader.log.read_text(), 5, leader.tail)
    lab.never_two()
