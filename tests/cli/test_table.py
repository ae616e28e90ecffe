"""The table: what fits, and what is said instead of cut."""

import pytest
from rich.console import Console

from hadelect.cli.table import age, pool_table
from hadelect.cli.verdict import judge_pool
from hadelect.pb.control_pb2 import ReplicaStatus, StatusReply
from tests.cli.pool import leading, row, view

CLUSTER = [f"cm{i}.cluster.example.org:51450" for i in (1, 2, 3)]


def drawn(reply: StatusReply, width: int) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(pool_table(reply, judge_pool(reply)))
    return [line.rstrip() for line in captured.get().splitlines()]


def worst(names: list[str]) -> StatusReply:
    one, two, three = names
    rows = [
        row(one, 2, role="UNREACHABLE", reachable=False, last_heard_seconds=183.0),
        leading(two, 1, term=65, state="stop_failed"),
        row(three, 0, drained=True, fit=False, unfit_because="x", mute=True, version="0.0.9"),
    ]
    return view(two, rows)


def test_eighty_columns() -> None:
    """Long names in 80 columns lose the ending that all share, and the table says so."""
    lines = drawn(worst(CLUSTER), 80)
    assert all(len(line) <= 80 for line in lines)
    assert "all names end in .cluster.example.org:51450" in lines
    (third,) = (line for line in lines if line.startswith("cm3 "))
    assert " ".join(third.split()) == "cm3 0 PASSIVE (mute) 7 stopped NO yes 0.1 s 0.0.9"


def test_room_enough() -> None:
    """Where they fit, names are whole."""
    lines = drawn(worst(CLUSTER), 120)
    assert [line.split()[0] for line in lines if "51450  " in line] == CLUSTER


def test_addresses_are_never_shortened() -> None:
    """Entries that differ in their endings are shown whole, folded if need be."""
    lines = drawn(worst(["10.0.0.1:51450", "10.0.0.2:51450", "10.0.0.3:51450"]), 80)
    assert any(line.startswith("10.0.0.3:51450") for line in lines)


def test_a_witness() -> None:
    """A witness has no priority and no controllee."""
    reply = view("a:1", [leading("a:1", 0), row("b:2", None)])
    (line,) = (line for line in drawn(reply, 100) if line.startswith("b:2"))
    assert line.split() == ["b:2", "witness", "PASSIVE", "7", "-", "-", "no", "0.1", "s"]


def test_restarts_are_shown() -> None:
    """A controllee that was restarted says how often."""
    reply = view("a:1", [leading("a:1", 0)])
    reply.members[0].controllee.restarts = 2
    assert any("running 4711 (2 restarts)" in line for line in drawn(reply, 100))


def test_failed_probes_are_shown() -> None:
    """A controllee whose probe fails says how often in a row."""
    reply = view("a:1", [leading("a:1", 0)])
    reply.members[0].controllee.check.failures = 2
    assert any("running 4711 (2 failed probes)" in line for line in drawn(reply, 100))


def test_copies_of_the_state_are_shown() -> None:
    """Which version each holds, and how old it may be; who has said nothing of it has a dash."""
    reply = worst(CLUSTER)
    reply.members[1].replica.CopyFrom(ReplicaStatus(version="65.42", lag_seconds=0.2))
    reply.members[2].replica.CopyFrom(ReplicaStatus(lag_seconds=360, problem="x"))
    lines = drawn(reply, 100)
    one, two, three = (next(x for x in lines if x.startswith(f"cm{i} ")) for i in (1, 2, 3))
    assert " 65.42 " in two
    assert "none (-6 min)" in three
    assert one.split()[5] == "-"
    assert all(len(line) <= 80 for line in drawn(reply, 80))


@pytest.mark.parametrize(
    "seconds, words",
    [(0.04, "0.0 s"), (9.9, "9.9 s"), (10, "10 s"), (119, "119 s"), (180, "3 min"), (9000, "2 h")],
)
def test_age(seconds: float, words: str) -> None:
    """A length of time in the unit that says most in few letters."""
    assert age(seconds) == words
