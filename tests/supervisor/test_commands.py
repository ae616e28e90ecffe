"""What the supervisor obeys, and what it refuses with a reason."""

from types import SimpleNamespace

import pytest

from hadelect.supervisor import packets
from hadelect.supervisor.linux import boottime_ms
from hadelect.supervisor.packets import Packet
from hadelect.supervisor.supervisor import read_batch, without_superseded
from tests.supervisor.harness import Had, until


def test_start_queued_before_the_end_is_not_obeyed(had: Had) -> None:
    """A start that the daemon sent just before it was killed is never carried out."""
    had.ready()
    for term in (1, 65, 129):
        had.order("start-and-die", term=term, for_ms=30_000)
        had.expect("born")
        notices = had.notices()
        assert not had.living()
        # Either it was read before the end, then it was killed and announced; or never.
        assert all(told.term == term for told in notices)
        had.configure()
        had.expect("SupervisorReady")
        assert not had.living()


def test_released_by_notice(had: Had) -> None:
    """No term up to an announced one starts again, whatever a new daemon says; a later one does."""
    had.running(term=65)
    had.kill(had.daemon)
    had.expect_notice()
    had.ready()
    for term in (1, 64, 65):
        had.order("start", term=term, for_ms=30_000)
        refused = had.expect("ControlleeChanged", state="stopped", term=term)
        assert "released" in refused["because"]
        assert not had.living()
    had.order("start", term=66, for_ms=30_000)
    had.expect_up(66)


def test_start_after_its_deadline(had: Had) -> None:
    """A start whose deadline has passed starts nothing."""
    had.ready()
    had.order("start", term=1, for_ms=-1)
    first = had.expect("ControlleeChanged")
    assert first["because"] == "start refused: its deadline has passed"
    assert not had.living()


def test_a_start_that_was_taken_back_is_not_obeyed() -> None:
    """Of what waited in a frozen supervisor, a start that a later stop takes back is left out."""
    waited = [
        Packet({"do": "start", "term": 1}, [], 0),
        Packet({"do": "start", "term": 65}, [], 0),
        Packet({"do": "stop", "term": 1, "kill": True}, [], 0),
    ]
    assert [packet.body["term"] for packet in without_superseded(waited)] == [65, 1]


def test_nothing_that_waited_before_the_end_is_obeyed() -> None:
    """A start is still readable after the hang-up: read together with the end, nothing counts."""
    ours, theirs = packets.pair()
    packets.send(theirs, {"do": "start", "term": 1, "deadline": boottime_ms() + 30_000})
    theirs.close()
    daemon = SimpleNamespace(sock=ours)
    assert read_batch(daemon) is None  # type: ignore[arg-type]
    ours.close()


def test_another_term(had: Had) -> None:
    """While a term runs no other is started, extended, stopped or retitled."""
    had.running(term=5)
    before = had.living()
    for order in (
        {"do": "start", "for_ms": 30_000},
        {"do": "extend", "for_ms": 1},
        {"do": "stop", "kill": True},
        {"do": "retitle", "to": 9},
    ):
        had.order(**order, term=6)  # type: ignore[arg-type]
        refused = had.expect("output", stream="supervisor")
        assert refused["line"].startswith(f"{order['do']} refused: ")
    had.order("ping")
    had.expect("pong")
    assert had.living() == before


def test_retitle(had: Had) -> None:
    """The same tree goes on under a higher term, with the same secret; the old one is over."""
    had.running(term=5)
    before = had.living()
    had.order("retitle", term=5, to=9)
    had.order("extend", term=9, for_ms=700)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert stopped["term"] == 9
    assert "deadline" in stopped["because"]
    assert before
    had.order("start", term=5, for_ms=30_000)
    assert "over" in had.expect("ControlleeChanged")["because"]
    had.order("start", term=9, for_ms=30_000)
    had.expect_up(9)


def test_extend_moves_the_deadline(had: Had) -> None:
    """An extended tree outlives its first deadline; acknowledged, nobody kills it."""
    had.ready()
    had.order("start", term=1, for_ms=800)
    started = boottime_ms()
    had.expect_up(1)
    had.order("keep", term=1, for_ms=800)
    until(lambda: boottime_ms() > started + 1500)
    assert had.living()
    had.order("ping")
    had.expect("pong")
    assert not [said for said in had.said if said["event"] == "ControlleeChanged"]
    had.order("leave")
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert stopped["at"] >= started + 1500


def test_local_restart(had: Had) -> None:
    """A tree that ended by itself is told with its exit code, and its term may start again."""
    had.ready("exits")
    for _ in range(3):
        had.order("start", term=1, for_ms=30_000)
        had.expect("ControlleeChanged", state="running")
        ended = had.expect("ControlleeChanged", state="stopped")
        assert "exit code 5" in ended["because"]
        assert (ended["asked"], ended["exec_failed"]) == (False, False)
    had.order("stop", term=1, kill=False)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert stopped["asked"]
    assert stopped["secret"]


def test_stop_asked_twice(had: Had) -> None:
    """The second answer is the same secret, not the next one."""
    had.running()
    had.order("stop", term=1, kill=True)
    first = had.expect("ControlleeChanged", state="stopped")
    had.order("stop", term=1, kill=True)
    second = had.expect("ControlleeChanged", state="stopped")
    assert (first["secret"], first["next_secret_hash"]) == (
        second["secret"],
        second["next_secret_hash"],
    )


def test_stop_of_what_never_started(had: Had) -> None:
    """A won term that is given up before its start is released like any other."""
    had.ready()
    had.order("stop", term=7, kill=False)
    stopped = had.expect("ControlleeChanged", state="stopped")
    assert stopped["secret"]
    had.order("start", term=7, for_ms=30_000)
    assert "released" in had.expect("ControlleeChanged")["because"]


@pytest.mark.parametrize(
    "packet",
    [
        "x",
        "[]",
        "{}",
        '{"do":7}',
        '{"do":"dance"}',
        '{"do":"start"}',
        '{"do":"start","term":-1,"deadline":1}',
        '{"do":"start","term":"1","deadline":1}',
        '{"do":"start","term":true,"deadline":1}',
        '{"do":"stop","term":1,"kill":1,"because":""}',
        '{"do":"peers","peers":[["127.0.0.1",70000]]}',
        '{"do":"configure"}',
        "[" * 60_000,
        "\xff\xfe",
    ],
)
def test_junk(had: Had, packet: str) -> None:
    """Junk is refused with a reason and touches nothing."""
    had.running()
    before = had.living()
    had.order("raw", packet=packet)
    refused = had.expect("output", stream="supervisor")
    assert "refused: " in refused["line"]
    had.order("extend", term=1, for_ms=30_000)
    had.order("ping")
    had.expect("pong")
    assert had.living() == before


def test_late_answer_about_an_earlier_term(had: Had) -> None:
    """A second answer about a released term does not hide the tree that runs by now."""
    had.running(term=1)
    had.order("stop", term=1, kill=True)
    had.expect("ControlleeChanged", state="stopped")
    had.order("stop", term=1, kill=True)
    had.order("start", term=2, for_ms=30_000)
    had.expect("ControlleeChanged", state="stopped", term=1)
    had.expect("ControlleeChanged", state="running", term=2)
