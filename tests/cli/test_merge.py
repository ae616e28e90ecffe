"""Many views become one: tables of who said what."""

from pathlib import Path

from hadelect.cli.client import Answers, Silent
from hadelect.cli.merge import leaders, merged
from hadelect.config.model import Address, PoolView
from hadelect.pb.control_pb2 import MemberStatus, StatusReply
from tests.cli.pool import leading, row, view

A, B, C = "a:1", "b:2", "c:3"
DOWN: dict[str, object] = {"role": "UNREACHABLE", "reachable": False}


def answers(*replies: StatusReply, silent: tuple[str, ...] = (), witness: bool = False) -> Answers:
    entries = [Address(name, name[0], int(name[2])) for name in (A, B, C)]
    cut = 2 if witness else 3
    pool = PoolView(
        pool="p",
        members=tuple(entries[:cut]),
        witnesses=tuple(entries[cut:]),
        control_socket=Path("/run/x"),
        state_dir=Path("/run"),
        tls=None,
    )
    silences = tuple(Silent(name, "no answer in time") for name in silent)
    return Answers(pool, replies, silences, local=False, at=0.0)


def by_name(reply: StatusReply) -> dict[str, MemberStatus]:
    return {each.member: each for each in reply.members}


def test_each_speaks_for_itself() -> None:
    """A member's own word about itself outweighs what another says of it."""
    a = view(A, [leading(A, 2), row(B, 1, role="ELECTION"), row(C, 0)])
    b = view(B, [leading(A, 2), row(B, 1, drained=True), row(C, 0)])
    told = by_name(merged(answers(a, b, silent=(C,))))
    assert (told[B].role, told[B].drained) == ("PASSIVE", True)


def test_hearsay_of_who_does_not_answer_us() -> None:
    """Whom only others reach is shown as the one who heard it last says, with a warning."""
    a = view(A, [leading(A, 2), row(B, 1), row(C, 0, last_heard_seconds=0.9, fit=False)])
    b = view(B, [leading(A, 2), row(B, 1), row(C, 0, last_heard_seconds=0.2)])
    reply = merged(answers(a, b, silent=(C,)))
    assert (by_name(reply)[C].reachable, by_name(reply)[C].fit) == (True, True)
    (warning,) = reply.warnings
    assert warning.startswith(f"{C} did not answer here (no answer in time); the others reach it")


def test_nobody_reaches_it() -> None:
    """Whom nobody reaches is UNREACHABLE, with what was last known of it."""
    a = view(A, [leading(A, 2), row(B, 1), row(C, 0, last_heard_seconds=99.0, **DOWN)])
    reply = merged(answers(a, silent=(B, C)))
    c = by_name(reply)[C]
    assert (c.role, c.reachable, c.last_heard_seconds, c.version) == (
        *("UNREACHABLE", False),
        *(99.0, "0.1.0"),
    )


def test_the_order_is_that_of_the_list() -> None:
    """Rows follow HAD_LIST, then witnesses, whoever answered first."""
    c = view(C, [row(C, None), row(B, 0), row(A, 1)])
    reply = merged(answers(c, silent=(A, B), witness=True))
    assert [each.member for each in reply.members] == [A, B, C]


def test_nobody_knows_anything() -> None:
    """Without an answer priorities and witnesses come from the configuration."""
    reply = merged(answers(silent=(A, B, C), witness=True))
    assert [(m.member, m.priority, m.witness) for m in reply.members] == [
        *((A, 1, False), (B, 0, False), (C, 0, True)),
    ]
    assert not reply.members[2].HasField("priority")
    assert (reply.leader, reply.answered_by) == ("", "")


def test_two_leaders_stay_two() -> None:
    """Each of two leaders is shown as such; `leader` is the one of the higher term."""
    a = view(A, [leading(A, 2, term=1), row(B, 1, **DOWN), row(C, 0)])
    b = view(B, [row(A, 2, **DOWN), leading(B, 1, term=65), row(C, 0, **DOWN)])
    reply = merged(answers(a, b, silent=(C,)))
    assert [each.member for each in leaders(reply)] == [A, B]
    assert (reply.leader, reply.term, reply.answered_by) == (B, 65, B)


def test_a_dead_leader_is_no_leader() -> None:
    """Who is said to lead but is reached by nobody leads no more."""
    b = view(B, [row(A, 2, role="LEADER", reachable=False), row(B, 1), row(C, 0)])
    reply = merged(answers(b, silent=(A, C)))
    assert leaders(reply) == []


def test_warnings_come_once() -> None:
    """What several members warn of is said once."""
    a = view(A, [leading(A, 2), row(B, 1), row(C, 0)], warnings=["lease differs"])
    b = view(B, [leading(A, 2), row(B, 1), row(C, 0)], warnings=["lease differs", "no TLS"])
    c = view(C, [leading(A, 2), row(B, 1), row(C, 0)])
    assert list(merged(answers(a, b, c)).warnings) == ["lease differs", "no TLS"]


def test_a_member_that_does_not_know_itself() -> None:
    """A reply without a row of its own sender is no reason to fail."""
    a = view(A, [row(B, 1)])
    assert by_name(merged(answers(a, silent=(B, C))))[A].role == "UNREACHABLE"


def test_who_stands_in_nobodys_file_but_in_the_list_in_force() -> None:
    """A member that is only in another's durable list is shown, last."""
    a = view(A, [leading(A, 2), row(B, 1), row(C, 0), row("d:4", 0)])
    assert [m.member for m in merged(answers(a, silent=(B, C))).members] == [A, B, C, "d:4"]
