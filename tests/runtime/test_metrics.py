"""The metrics that users' dashboards and alerts rely on: every name, and what a standby says."""

import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hadelect.core.effects import Emit
from hadelect.core.messages import Controllee
from hadelect.core.vocabulary import Cause, ControlleeState, Millis, Role, Term
from hadelect.runtime.certificate import NEVER, expires_at
from hadelect.runtime.metrics import Metrics
from tests.runtime.test_status import LEADS, NOW, RULES, THEIRS, A, C, follower

# interface.md, but for those of the replication.
CONTRACT = """
is_leader, term, role{role}, leaders_seen, peer_up{peer}, peer_last_heard_seconds{peer},
members_fit, redundancy, lease_remaining_seconds, controllee_up, controllee_restarts_total{cause},
controllee_check_failures_total, elections_total{cause}, role_transitions_total{from,to,cause},
split_brain_total, failover_seconds_bucket{le}, messages_total{kind,direction,result},
loop_lag_seconds_bucket{le}, paused, drained, config_mismatch{peer}, config_reload_failed,
hook_failures_total{hook}, certificate_expiry_timestamp_seconds, build_info{version}
"""
PEERS = """
peer_is_leader{peer}, peer_term{peer}, peer_fit{peer}, peer_drained{peer}, peer_controllee_up{peer},
peer_stop_failed{peer}, stop_failed
"""


def samples(text: str) -> dict[str, set[str]]:
    """Name -> its labels, of every sample in an exposition."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, rest = line.partition("{")
            found[name.split(" ")[0]] = set(re.findall(r'(\w+)="', rest))
    return found


def full() -> Metrics:
    """Everything that is counted has been counted once."""
    metrics = Metrics()
    told = Emit(Role.ELECTION, Term(64), "why", Cause.SILENCE, Role.PASSIVE)
    metrics.told(told)
    metrics.told(replace(told, cause=Cause.SPLIT_BRAIN))
    metrics.message("Alive", "in")
    metrics.restarts.labels("exit").inc()
    metrics.mismatch.labels(A).set(0)
    return metrics


def value(text: str, sample: str) -> float:
    """Of one sample, as it is written."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"{sample} "))
    return float(line.rsplit(" ", 1)[1])


@pytest.mark.parametrize("name", re.findall(r"\w+(?:\{[\w,]+\})?", CONTRACT + PEERS))
def test_every_name_of_the_contract_is_exposed(name: str) -> None:
    """With exactly its labels, and the prefix."""
    found = samples(full().text(RULES, follower(), NOW).decode())
    plain, _, labels = name.removesuffix("}").partition("{")
    assert found[f"hadelect_{plain}"] == set(filter(None, labels.split(",")))


def test_what_an_alert_watches_is_there_from_the_start() -> None:
    """A counter with labels that nothing has counted yet has no sample; alerts survive that.

    All that is no labelled counter has one.
    """
    found = samples(Metrics().text(RULES, follower(), NOW).decode())
    later = {"elections_total", "role_transitions_total", "messages_total"}
    later |= {"controllee_restarts_total", "config_mismatch"}
    names = {word.split("{")[0] for word in re.findall(r"\w+(?:\{[\w,]+\})?", CONTRACT + PEERS)}
    assert {f"hadelect_{name}" for name in names - later} <= set(found)


def test_a_standby_alone_tells_of_its_peers() -> None:
    """Who leads, whether the controllee runs there, whether it is stuck, who is gone."""
    text = full().text(RULES, follower(), NOW).decode()
    assert value(text, "hadelect_leaders_seen") == 1
    assert value(text, f'hadelect_peer_is_leader{{peer="{A}"}}') == 1
    assert value(text, f'hadelect_peer_term{{peer="{A}"}}') == 64
    assert value(text, f'hadelect_peer_controllee_up{{peer="{A}"}}') == 1
    assert value(text, f'hadelect_peer_up{{peer="{C}"}}') == 0
    assert value(text, f'hadelect_peer_last_heard_seconds{{peer="{C}"}}') == float("inf")
    later = full().text(RULES, follower(), Millis(NOW + 3000)).decode()
    assert value(later, "hadelect_leaders_seen") == 0
    assert value(later, f'hadelect_peer_controllee_up{{peer="{A}"}}') == 0


def test_a_standby_alone_sees_two_leaders_and_a_stuck_tree() -> None:
    """What HadelectTwoLeaders and HadelectStopFailed need."""
    state = follower()
    stuck = Controllee("NEGOTIATOR", ControlleeState.STOP_FAILED)
    also = replace(LEADS, leader=C, controllee=stuck)
    state = state.with_peer(replace(state.peer(C), heard_at=NOW, standing=also))
    text = full().text(RULES, state, NOW).decode()
    assert value(text, "hadelect_leaders_seen") == 2
    assert value(text, f'hadelect_peer_stop_failed{{peer="{C}"}}') == 1
    left = replace(state, fitness=replace(state.fitness, leftover="pid 9"))
    assert value(full().text(RULES, left, NOW).decode(), "hadelect_stop_failed") == 1


def test_copies_are_as_old_as_they_are_at_the_scrape() -> None:
    """Not as old as they were when their members said it."""
    state = replace(follower(), replica=THEIRS, replica_at=NOW)
    copied = replace(LEADS, role=Role.PASSIVE, replica=replace(THEIRS, lag_ms=Millis(100)))
    state = state.with_peer(replace(state.peer(C), heard_at=NOW, said_at=NOW, standing=copied))
    text = full().text(RULES, state, Millis(NOW + 700)).decode()
    assert value(text, "hadelect_replica_lag_seconds") == 0.7
    assert value(text, f'hadelect_peer_replica_lag_seconds{{peer="{C}"}}') == 0.8


@pytest.mark.parametrize("days", [10, 10_000])  # UTCTime, and GeneralizedTime after 2049.
def test_the_expiry_of_a_certificate(tmp_path: Path, days: int) -> None:
    """As openssl writes it; what is no certificate never expires."""
    cert, key = tmp_path / "cert", tmp_path / "key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += [
        "-nodes",
        "-days",
        str(days),
        "-subj",
        "/CN=x",
        "-out",
        str(cert),
        "-keyout",
        str(key),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    pem = cert.read_bytes()
    expected = datetime.now(UTC).timestamp() + days * 86_400
    assert abs(expires_at(pem) - expected) < 600
    lines = pem.splitlines()
    for junk in (
        b"",
        b"junk",
        b"\n".join([*lines[:4], lines[-1]]),
        lines[0] + b"\nMAA=\n" + lines[-1],
    ):
        assert expires_at(junk) == NEVER
