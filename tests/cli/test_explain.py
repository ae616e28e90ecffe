"""`explain`: whom it asks, what it prints, how it exits."""

from hadelect.pb.control_pb2 import ExplainReply, Fact, ReasonLine
from tests.cli.conftest import Terminal
from tests.cli.pool import Pool, healthy


def says(member: str, answered_by: str, silence: float = 0.2) -> ExplainReply:
    heard = Fact(name="silence_seconds", number=silence)
    first = ReasonLine(topic="follows", text=f"{member} does not lead", facts=[heard])
    second = ReasonLine(topic="drained", text="drained by an operator", holds_back=True)
    third = ReasonLine(
        topic="priority",
        text="priority 1",
        facts=[Fact(name="priority", count=1), Fact(name="odd", truth=True), Fact(name="new")],
    )
    return ExplainReply(
        member=member,
        answered_by=answered_by,
        role="PASSIVE",
        term=7,
        lines=[first, second, third],
    )


def test_the_local_member_explains_itself(pool: Pool, hadelect: Terminal) -> None:
    """One sentence a line; what holds back is marked."""
    me = pool.names[1]
    pool.member(healthy(pool.names, me)).explains = {"": says(me, me)}
    answer = hadelect("explain")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        f"{me} does not lead",
        "  ! drained by an operator",
        "  - priority 1",
    ]


def test_json_keeps_every_fact(pool: Pool, hadelect: Terminal) -> None:
    """Stable keys; unknown is null."""
    me = pool.names[1]
    pool.member(healthy(pool.names, me)).explains = {"": says(me, me)}
    told = hadelect("explain", "--format", "json").json
    assert (told["member"], told["answered_by"], told["role"], told["term"]) == (
        me,
        me,
        "PASSIVE",
        7,
    )
    assert told["leader"] is None
    assert told["lines"][0] == {
        "topic": "follows",
        "text": f"{me} does not lead",
        "holds_back": False,
        "facts": {"silence_seconds": 0.2},
    }
    assert told["lines"][1]["holds_back"] is True
    assert told["lines"][2]["facts"] == {"priority": 1, "odd": True, "new": None}


def test_another_member_is_asked_itself(pool: Pool, hadelect: Terminal) -> None:
    """The local one knows it by hearsay only."""
    me, other = pool.names[1], pool.names[2]
    pool.member(healthy(pool.names, me)).explains = {other: says(other, me)}
    pool.remote(2, healthy(pool.names, other)).explains = {other: says(other, other)}
    told = hadelect("explain", other, "--format", "json").json
    assert (told["member"], told["answered_by"]) == (other, other)


def test_of_a_silent_member_the_local_one_tells(pool: Pool, hadelect: Terminal) -> None:
    """What is known of it, and by whom."""
    me, other = pool.names[1], pool.names[2]
    pool.member(healthy(pool.names, me)).explains = {other: says(other, me)}
    told = hadelect("explain", other, "--format", "json").json
    assert (told["member"], told["answered_by"]) == (other, me)


def test_without_a_local_member_the_freshest_hearsay_counts(pool: Pool, hadelect: Terminal) -> None:
    """All others are asked at once."""
    one, two, silent = pool.names
    pool.remote(0, healthy(pool.names, one)).explains = {silent: says(silent, one, 9.0)}
    pool.remote(1, healthy(pool.names, two)).explains = {silent: says(silent, two, 0.5)}
    told = hadelect("explain", silent, "--format", "json").json
    assert told["answered_by"] == two


def test_nobody_answers(pool: Pool, hadelect: Terminal) -> None:
    """Exit 3, with what to do; a stranger's name is refused before anybody is asked."""
    answer = hadelect("explain")
    assert answer.code == 3
    assert f"name one: `hadelect explain {pool.names[0]}`" in answer.err
    answer = hadelect("explain", pool.names[0])
    assert answer.code == 3
    assert "nothing runs there" in answer.err
    answer = hadelect("explain", "elsewhere:1")
    assert (answer.code, "is not in HAD_LIST" in answer.err) == (1, True)


def test_a_member_that_hangs_costs_two_seconds(pool: Pool, hadelect: Terminal) -> None:
    """A frozen member is reported, not waited for."""
    me, frozen = pool.names[1], pool.names[2]
    pool.member(healthy(pool.names, me)).explains = {frozen: says(frozen, me)}
    pool.deaf(2)
    answer = hadelect("explain", frozen)
    assert answer.code == 0
    assert answer.seconds < 3
