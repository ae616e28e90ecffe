"""What the bench computes from what it measured."""

import math

import pytest

from hadelect.pb.election_pb2 import Alive as Word
from hadelect.pb.election_pb2 import Envelope
from tests.bench.alives import Alive, in_segment, lateness
from tests.bench.crowd import DATA, PING, frame
from tests.bench.lives import Life, gap, overlap
from tests.bench.table import NOTHING, ZERO, Goal, aligned, number, percentile, ratio, row, verdict

INFINITY = math.inf


def life(began: int, ended: int | None, pid: int = 1) -> Life:
    return Life(pid, "node", began, ended)


@pytest.mark.parametrize(
    "share, expected", [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)]
)
def test_percentile_is_a_measured_value(share: float, expected: int) -> None:
    """The smallest value that at least this share of all do not exceed, in any order."""
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_p99_of_few_is_the_worst() -> None:
    """Of thirty trials, the p99 is the slowest."""
    assert percentile([1.0] * 29 + [7.0], 0.99) == 7.0


@pytest.mark.parametrize(
    "goal, values, met",
    [
        (Goal(median=15), [15, 15, 99], True),
        (Goal(median=15), [15.1], False),
        (Goal(median=15, p99=100), [1, 1, 100], True),
        (Goal(median=15, p99=100), [1, 1, 101], False),
        (Goal(median=15), [1, INFINITY, INFINITY], False),
        (Goal(least=1000), [1000, 1200], True),
        (Goal(least=1000), [999], False),
        (Goal(least=1000), [], False),
        (ZERO, [0, 0, 0], True),
        (ZERO, [0, 0, 0.001], False),
        (ZERO, [], False),
        (NOTHING, [5], None),
        (NOTHING, [], None),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal, values: list[float], met: bool | None) -> None:
    """On the bound is met; one overlap among many is a miss; what was not measured is not met."""
    assert goal.met(values) is met


def test_a_goal_in_words() -> None:
    """A row says what was promised, and MISSED when it was not kept."""
    missed = row("x", "ms", [20.0], Goal(median=15, p99=100))
    assert missed.goal.words == "median ≤ 15, p99 ≤ 100"
    assert verdict(missed) == "MISSED"
    assert NOTHING.words == "-"


@pytest.mark.parametrize(
    "value, base, expected",
    [(12.0, 4.0, 3.0), (12.0, 0.0, None), (INFINITY, 4.0, None), (1.0, INFINITY, None)],
)
def test_a_ratio_needs_two_numbers(value: float, base: float, expected: float | None) -> None:
    """Nothing is compared with nought or never."""
    assert ratio(value, base) == expected


@pytest.mark.parametrize(
    "value, said",
    [
        (0, "0"),
        (0.004, "0.00"),
        (3.456, "3.46"),
        (34.56, "34.6"),
        (3456.7, "3457"),
        (INFINITY, "never"),
    ],
)
def test_numbers_have_three_digits(value: float, said: str) -> None:
    """As many digits as are known."""
    assert number(value) == said


def test_columns_line_up() -> None:
    """Every column is as wide as its widest cell."""
    assert aligned([("a", "bbb", "c"), ("aaaa", "b", "c")]) == "a     bbb  c\naaaa  b    c"


@pytest.mark.parametrize(
    "lives, expected",
    [
        ([life(0, 10)], 0),
        ([life(0, 10), life(10, 20)], 0),
        ([life(0, 10), life(7, 20)], 3),
        ([life(0, None), life(90, None)], 10),  # Both live: up to now.
        ([life(0, 10), life(0, 10), life(0, 10)], 10),  # Three at once count once.
        ([life(0, 50), life(10, 20), life(15, 30)], 20),
        ([life(0, 100), life(10, 20), life(40, 50)], 20),
    ],
)
def test_overlap_counts_each_instant_once(lives: list[Life], expected: int) -> None:
    """The time in which at least two schedulers lived."""
    assert overlap(lives, 100) == expected
    assert overlap(lives[::-1], 100) == expected


@pytest.mark.parametrize(
    "others, expected",
    [
        ([life(0, 10)], 20),
        ([life(0, 10), life(0, 25)], 5),
        ([life(0, 40)], 0),
        ([life(0, None)], 0),
    ],
)
def test_the_gap_ends_with_the_heir(others: list[Life], expected: int) -> None:
    """Nobody lived from the last end to the heir's begin; who lives on leaves no gap."""
    heir = life(30, None, pid=2)
    assert gap([*others, heir, life(60, None, pid=3)], heir) == expected


def test_an_alive_is_late_by_its_own_line() -> None:
    """Each peer and each term has its own rhythm; early is not late."""
    ms = 1_000_000
    heard = [
        Alive(0, "a", 1),
        Alive(100 * ms, "b", 1),
        Alive(500 * ms, "a", 1),
        Alive(600 * ms, "b", 1),
        Alive(700 * ms, "a", 2),
        Alive(990 * ms, "a", 1),
        Alive(1230 * ms, "a", 2),
    ]
    assert sorted(lateness(reversed(heard), 500)) == [0, 0, 0, 30]


def test_envelopes_are_found_in_a_segment() -> None:
    """Messages among other frames of HTTP/2; what is cut off or foreign is skipped."""

    def sent(term: int) -> bytes:
        message = Envelope(sender="cm1", alive=Word(term=term)).SerializeToString()
        return frame(DATA, 0, 1, bytes(1) + len(message).to_bytes(4, "big") + message)

    segment = sent(7) + frame(PING, 0, 0, bytes(8)) + sent(8) + b"\0\0"
    assert [envelope.alive.term for envelope in in_segment(segment)] == [7, 8]
    assert list(in_segment(frame(DATA, 0, 1, bytes(5) + b"\xff" * 20))) == []
