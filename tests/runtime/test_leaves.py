"""Log, history, systemd, metrics and HTTP: each against the real file, socket or client."""

import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hadelect.config.model import LogSpec
from hadelect.core.effects import Emit
from hadelect.core.election import boot
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    Identity,
    Millis,
    Name,
    Role,
    Rules,
    Term,
)
from hadelect.runtime.history import History
from hadelect.runtime.http import HttpServer, HttpView
from hadelect.runtime.log import QUEUED, Log
from hadelect.runtime.metrics import Metrics, redundancy
from hadelect.runtime.systemd import Notifier

A, B, C = Name("cm1:1"), Name("cm2:1"), Name("cm3:1")
RULES = Rules(A, Identity("pool", (A, B, C), (), Arbitration.MAJORITY, "NEGOTIATOR"))


def test_a_log_line_names_time_and_member(tmp_path: Path) -> None:
    """Text for people; a warning is marked."""
    log = Log(LogSpec(path=tmp_path / "HADLog"), "cm1:1")
    log.info("LEADER, term 64: votes of all")
    log.warning("refuses cm2")
    log.debug("not said")
    log.close()
    first, second = (tmp_path / "HADLog").read_text().splitlines()
    assert first.endswith("Z cm1:1 LEADER, term 64: votes of all")
    assert " warning: refuses cm2" in second


def test_a_json_line_carries_the_fields(tmp_path: Path) -> None:
    """For collectors of logs; the controllee's lines are named."""
    log = Log(LogSpec(path=tmp_path / "log", json=True, debug=True), "cm1:1")
    log.info("leads", term=64)
    log.output("NEGOTIATOR stdout", "cycle done")
    log.debug("detail")
    log.close()
    leads, cycle, detail = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (leads["term"], leads["level"], leads["member"]) == (64, "info", "cm1:1")
    assert (cycle["source"], "cycle done" in cycle["message"]) == ("NEGOTIATOR stdout", True)
    assert detail["level"] == "debug"


def test_a_log_is_rotated_to_old(tmp_path: Path) -> None:
    """As HTCondor's: one old file."""
    log = Log(LogSpec(path=tmp_path / "HADLog", max_bytes=500), "cm1:1")
    for number in range(20):
        log.info("change", number=number)
    log.close()
    assert (tmp_path / "HADLog.old").stat().st_size <= 500
    assert "change" in (tmp_path / "HADLog").read_text()


def test_a_hung_log_costs_lines_not_time(tmp_path: Path) -> None:
    """Nobody reads the pipe: every call returns, what has no room is counted."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    log = Log(LogSpec(path=path), "cm1:1")
    for _ in range(2 * QUEUED):
        log.info("x" * 200)
    assert log.dropped > 0
    log.close()
    os.close(reader)


def test_history_is_one_json_line_per_change(tmp_path: Path) -> None:
    """Appended to what is there."""
    for term in (64, 65):
        history = History(tmp_path / "history", 4_000_000)
        history.append({"term": term, "cause": "silence"})
        assert history.dropped == 0
        history.close()
    lines = [json.loads(line) for line in (tmp_path / "history").read_text().splitlines()]
    assert [line["term"] for line in lines] == [64, 65]


def test_systemd_hears_ready_status_watchdog_and_stopping(tmp_path: Path) -> None:
    """By datagram to NOTIFY_SOCKET; half of the watchdog's time."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "10000000"})
        notifier.ready("PASSIVE")
        notifier.status("LEADER")
        notifier.watchdog()
        notifier.stopping()
        heard = [listener.recv(1000).decode() for _ in range(4)]
    assert heard == ["READY=1\nSTATUS=PASSIVE", "STATUS=LEADER", "WATCHDOG=1", "STOPPING=1"]
    assert notifier.watchdog_seconds == 5.0
    notifier.watchdog()  # Its listener is gone: no error.
    notifier.close()


def test_without_systemd_nothing_is_said() -> None:
    """Nor is a watchdog fed."""
    notifier = Notifier({"WATCHDOG_USEC": "10000000"})
    notifier.ready("PASSIVE")
    assert notifier.watchdog_seconds is None


def values(metrics: Metrics) -> dict[str, float]:
    state = boot(RULES, None, same_boot=False, now=Millis(1000)).state
    text = metrics.text(RULES, state, Millis(1000)).decode()
    return {
        sample.name + "".join(f",{k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_metrics_of_the_contract_are_exposed() -> None:
    """The names of interface.md, for the member and its peers."""
    metrics = Metrics()
    metrics.told(Emit(Role.ELECTION, Term(0), "", Cause.SILENCE, Role.PASSIVE))
    metrics.told(Emit(Role.LEADER, Term(0), "", Cause.SPLIT_BRAIN, Role.LEADER))
    metrics.told(Emit(Role.LEADER, Term(0), ""))
    metrics.message("Alive", "in")
    metrics.lag(0.02)
    seen = values(metrics)
    assert seen["hadelect_is_leader"] == 0
    assert seen["hadelect_role,role=PRE"] == 1
    assert seen[f"hadelect_peer_up,peer={B}"] == 0
    assert seen["hadelect_elections_total,cause=silence"] == 1
    assert seen["hadelect_role_transitions_total,cause=silence,from=PASSIVE,to=ELECTION"] == 1
    assert seen["hadelect_split_brain_total"] == 1
    assert seen["hadelect_messages_total,direction=in,kind=Alive,result=ok"] == 1
    assert seen["hadelect_loop_lag_seconds_count"] == 1
    assert {"hadelect_members_fit", "hadelect_redundancy", "hadelect_controllee_up"} <= set(seen)


@pytest.mark.parametrize("up, fit, left", [(3, 3, 1), (2, 2, 0), (3, 1, 0), (1, 1, -1)])
def test_redundancy_counts_the_failures_that_are_left(up: int, fit: int, left: int) -> None:
    """A majority must stay up and somebody fit."""
    assert redundancy(RULES, up, fit) == left


@pytest.fixture
def answers() -> Iterator[tuple[HttpServer, dict[str, bool]]]:
    says = {"leads": False, "alive": True, "ready": True}
    view = HttpView(
        leads=lambda: says["leads"],
        alive=lambda: says["alive"],
        ready=lambda: says["ready"],
        status=lambda: {"leader": "cm1:1"},
        page=lambda: "a pool\n",
        metrics=lambda: b"hadelect_is_leader 0\n",
    )
    server = HttpServer(("127.0.0.1", 0), view)
    yield server, says
    server.close()


def ask(server: HttpServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    client.request(method, path)
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer.status, body


def test_http_says_who_leads_and_who_lives(answers: tuple[HttpServer, dict[str, bool]]) -> None:
    """200 or 503 for balancers and probes; JSON, metrics and a page for the others."""
    server, says = answers
    assert ask(server, "/leader") == (503, b"not the leader\n")
    says["leads"] = True
    assert ask(server, "/leader?x=1") == (200, b"leader\n")
    assert ask(server, "/health")[0] == 200
    assert ask(server, "/ready", "HEAD") == (200, b"")
    says["alive"] = says["ready"] = False
    assert (ask(server, "/health")[0], ask(server, "/ready")[0]) == (503, 503)
    assert json.loads(ask(server, "/status.json")[1]) == {"leader": "cm1:1"}
    assert ask(server, "/metrics")[1].startswith(b"hadelect_is_leader")
    assert ask(server, "/")[1] == b"a pool\n"
    assert ask(server, "/etc/passwd")[0] == 404


def test_junk_on_the_http_port_harms_nobody(answers: tuple[HttpServer, dict[str, bool]]) -> None:
    """Random bytes, clients that say nothing, more clients than there is room for."""
    server, _ = answers
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(80)]
    silent[0].sendall(os.urandom(4096))
    for client in silent:
        client.close()
    done = threading.Event()
    while not done.is_set():
        try:
            assert ask(server, "/health")[0] == 200
            done.set()
        except (ConnectionError, http.client.HTTPException):
            continue
