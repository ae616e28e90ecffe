"""`status` against real servers: whom it asks, what it says, how it exits."""

import socket

import pytest

from tests.cli.conftest import Terminal
from tests.cli.pool import PROMISE, Pool, healthy, leading, row, view

ANSWER_SECONDS = 2.0


def test_all_well(pool: Pool, hadelect: Terminal) -> None:
    """One leader with a running controllee exits 0; the first line names all that counts."""
    pool.member(healthy(pool.names, pool.names[1]))
    answer = hadelect("status")
    assert answer.code == 0
    first = answer.out.splitlines()[0]
    assert first == f"{pool.names[0]} leads in term 7, NEGOTIATOR running. Promise: {PROMISE}"
    assert "running 4711" in answer.out
    assert "all members run hadelect 0.1.0" in answer.out


def test_json_is_the_contract(pool: Pool, hadelect: Terminal) -> None:
    """Every key that the interface promises is there, with its meaning."""
    pool.member(healthy(pool.names, pool.names[1]))
    told = hadelect("status", "--format", "json").json
    assert told["pool"] == "pool.example.org"
    assert told["leader"] == pool.names[0]
    assert (told["term"], told["arbitration"], told["paused"]) == (7, "majority", None)
    assert told["answered_by"] == pool.names[1]
    assert told["warnings"] == []
    first, second, _ = told["members"]
    assert first | {"last_heard_seconds": 0.1} == first
    assert first["controllee"] == {
        "name": "NEGOTIATOR",
        "state": "running",
        "pid": 4711,
        "since": "2026-01-01T00:00:00Z",
        "restarts": 0,
        "check": None,  # Of the member that answers only; more keys may come.
    }
    assert {"member": pool.names[0], "priority": 2, "primary": True}.items() <= first.items()
    assert {"role": "LEADER", "reachable": True, "fit": True}.items() <= first.items()
    assert {"drained": False, "term": 7, "version": "0.1.0"}.items() <= first.items()
    assert {"config_digest": "abc", "witness": False, "replica": None}.items() <= first.items()
    assert second["controllee"]["pid"] is None


DEGRADED: dict[str, tuple[dict[str, object], str]] = {
    "unreachable": ({"role": "UNREACHABLE", "reachable": False}, "is unreachable"),
    "drained": ({"drained": True}, "is drained"),
    "unfit": (
        {"fit": False, "unfit_because": "restart limit"},
        "is not fit: restart limit",
    ),
    "not yet": ({"role": "PRE"}, "does not take part yet (PRE)"),
    "astray": ({"leader": "elsewhere:1"}, "follows elsewhere:1"),
}


@pytest.mark.parametrize("case", DEGRADED)
def test_degraded(pool: Pool, hadelect: Terminal, case: str) -> None:
    """A member that could not take over makes the pool degraded: exit 1, and said in words."""
    fault, words = DEGRADED[case]
    one, two, three = pool.names
    pool.member(view(one, [leading(one, 2), row(two, 1), row(three, 0, **fault)]))
    answer = hadelect("status")
    assert answer.code == 1
    assert f"degraded: {three} {words}" in answer.out


@pytest.mark.parametrize("state", ["starting", "stopping", "stopped", "stop_failed"])
def test_a_leader_whose_controllee_does_not_run(pool: Pool, hadelect: Terminal, state: str) -> None:
    """A leader without a running controllee is degraded."""
    one, two, three = pool.names
    pool.member(view(one, [leading(one, 2, state=state), row(two, 1), row(three, 0)]))
    answer = hadelect("status")
    assert answer.code == 1
    assert f"NEGOTIATOR {state}" in answer.out.splitlines()[0]


def test_no_leader(pool: Pool, hadelect: Terminal) -> None:
    """No leader is exit 2, in JSON a null."""
    pool.member(view(pool.names[0], [row(name, 2 - i) for i, name in enumerate(pool.names)]))
    answer = hadelect("status")
    assert answer.code == 2
    assert answer.out.startswith("NO LEADER: 3 of 3 members are reachable")
    assert hadelect("status", "--format", "json").json["leader"] is None


def test_nobody_answers(pool: Pool, hadelect: Terminal) -> None:
    """With all down: exit 3, every member shown as unreachable, each with its reason."""
    answer = hadelect("status")
    assert answer.code == 3
    assert answer.out.startswith("NOBODY ANSWERED")
    assert answer.out.count("UNREACHABLE") == 3
    assert answer.out.count("connection refused") == 3
    told = hadelect("status", "--format", "json").json
    assert (told["leader"], told["answered_by"]) == (None, None)
    assert [m["role"] for m in told["members"]] == ["UNREACHABLE"] * 3
    assert [m["priority"] for m in told["members"]] == [2, 1, 0]


def test_the_local_member_is_asked_first(pool: Pool, hadelect: Terminal) -> None:
    """While the local member answers, nobody else is asked."""
    pool.member(healthy(pool.names, pool.names[0]))
    pool.remote(1, healthy(pool.names, pool.names[1], leader=1))
    assert hadelect("status", "--format", "json").json["leader"] == pool.names[0]


def test_two_of_three_down(pool: Pool, hadelect: Terminal) -> None:
    """One member refuses connections, one never answers: the third's word comes within 2 s."""
    pool.deaf(0)
    one, two, three = pool.names
    down: dict[str, object] = {"role": "UNREACHABLE", "reachable": False}
    pool.remote(2, view(three, [row(one, 2, **down), row(two, 1, **down), leading(three, 0)]))
    answer = hadelect("status", "--format", "json")
    assert answer.seconds < ANSWER_SECONDS
    assert answer.code == 1
    assert answer.json["leader"] == three
    assert [m["role"] for m in answer.json["members"]] == ["UNREACHABLE"] * 2 + ["LEADER"]
    assert any(one in text and "no answer in time" in text for text in answer.json["warnings"])
    assert any(two in text and "refused" in text for text in answer.json["warnings"])


def test_a_frozen_local_member_is_passed_over(pool: Pool, hadelect: Terminal) -> None:
    """The local member hangs: the others are asked, and all is over within 2 s."""
    pool.deaf(0)
    pool.remote(1, healthy(pool.names, pool.names[1], leader=1))
    pool.remote(2, healthy(pool.names, pool.names[2], leader=1))
    frozen = _frozen_socket(pool)
    answer = hadelect("status", "--format", "json")
    frozen.close()
    assert answer.seconds < ANSWER_SECONDS
    assert answer.json["leader"] == pool.names[1]


def test_two_leaders_are_seen(pool: Pool, hadelect: Terminal) -> None:
    """Two members that each lead, each unaware of the other: exit 2, both named."""
    one, two, three = pool.names
    down: dict[str, object] = {"role": "UNREACHABLE", "reachable": False}
    pool.remote(0, view(one, [leading(one, 2), row(two, 1, **down), row(three, 0)]))
    pool.remote(
        1, view(two, [row(one, 2, **down), leading(two, 1, term=65), row(three, 0, **down)])
    )
    pool.remote(2, view(three, [leading(one, 2), row(two, 1, **down), row(three, 0)]))
    answer = hadelect("status")
    assert answer.code == 2
    assert answer.out.startswith(f"2 LEADERS: {one} (term 7) and {two} (term 65)")
    assert hadelect("status", "--format", "json").json["leader"] == two


def test_something_else_on_a_members_port(pool: Pool, hadelect: Terminal) -> None:
    """What is no hadelect on a member's port counts as a member that does not answer."""
    pool.junk(0, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    pool.junk(1, b"")
    answer = hadelect("status")
    assert answer.code == 3
    assert answer.seconds < ANSWER_SECONDS
    assert answer.out.count("UNREACHABLE") == 3
    assert "Traceback" not in answer.out + answer.err


def test_narrow_terminals_and_pipes(pool: Pool, hadelect: Terminal) -> None:
    """In a pipe no line is folded, so that grep finds whole rows."""
    pool.member(healthy(pool.names, pool.names[0]))
    rows = [line for line in hadelect("status").out.splitlines() if "PASSIVE" in line]
    assert [line.split()[0] for line in rows] == pool.names[1:]


def test_configuration_errors(pool: Pool, hadelect: Terminal) -> None:
    """A configuration that cannot be: exit 78, each error on its own line of stderr."""
    pool.config.write_text("HAD_LIST = cm1, cm2\n")
    answer = hadelect("status")
    assert answer.code == 78
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("hadelect: ") for line in lines)


def test_differing_versions_get_a_column(pool: Pool, hadelect: Terminal) -> None:
    """Versions that differ are shown member by member."""
    one, two, three = pool.names
    pool.member(view(one, [leading(one, 2), row(two, 1, version="0.0.9"), row(three, 0)]))
    out = hadelect("status").out
    assert "VERSION" in out
    assert "0.0.9" in out


def _frozen_socket(pool: Pool) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(pool.socket))
    listener.listen()
    return listener
