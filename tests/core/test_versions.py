"""Versions: order, what contains what, and how a line goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.core.versions import (
    ENDS_KEPT,
    Line,
    Version,
    conflicting,
    contains,
    continued,
    newer,
    newest,
)
from hadelect.core.vocabulary import Term

# A history: at each step the term grows by this much (0 = the same leader goes on).
histories = st.lists(st.integers(0, 3), max_size=80)


def v(term: int, sequence: int, digest: str = "") -> Version:
    return Version(Term(term), sequence, digest or f"{term:x}{sequence:x}")


def lived(steps: list[int], start: Line | None = None, mark: str = "") -> list[Line]:
    """Every line that such a history passes through."""
    lines: list[Line] = []
    line, term = start, start.version.term if start else 1
    for number, step in enumerate(steps):
        term += step
        line = continued(line, Term(term), f"{mark}{number:x}")
        lines.append(line)
    return lines


@given(steps=histories)
def test_a_line_contains_all_it_was_made_from_and_nothing_later(steps: list[int]) -> None:
    """Of any two versions of one history the later contains the earlier, never the reverse."""
    lines = lived(steps)
    for number, line in enumerate(lines):
        forgotten = sum(lines[k].version.term != line.version.term for k in range(number))
        if forgotten <= ENDS_KEPT:
            assert all(contains(line, older.version) for older in lines[: number + 1])
        assert not any(contains(line, later.version) for later in lines[number + 1 :])


@given(steps=histories)
def test_every_version_is_newer_than_those_before(steps: list[int]) -> None:
    """A history only goes up, in the order that the pool compares by."""
    places = [line.version.place for line in lived(steps)]
    assert places == sorted(set(places))


@given(common=histories.filter(bool), mine=histories.filter(bool), theirs=histories.filter(bool))
def test_of_two_that_forked_none_contains_the_other(
    common: list[int], mine: list[int], theirs: list[int]
) -> None:
    """Two leaders went on from one version: neither end is in the other, what was common is."""
    fork = lived(common)[-1]
    # Terms are unique to one leader: one side takes even distances, the other odd ones.
    left = lived([2, *(2 * step for step in mine)], fork)[-1]
    right = lived([1, *(2 * step for step in theirs)], fork)[-1]
    assert not contains(left, right.version)
    assert not contains(right, left.version)
    if len(left.ends) < ENDS_KEPT and len(right.ends) < ENDS_KEPT:
        assert contains(left, fork.version)
        assert contains(right, fork.version)


def test_a_line_remembers_the_last_64_terms() -> None:
    """What is older than the oldest term kept counts as not contained: kept aside, not lost."""
    lines = lived([1] * 100)
    last = lines[-1]
    assert len(last.ends) == ENDS_KEPT
    assert contains(last, lines[-1 - ENDS_KEPT].version)
    assert not contains(last, lines[-2 - ENDS_KEPT].version)


def test_a_tail_that_was_never_replicated_is_not_contained() -> None:
    """The old leader had written more than the new one went on from."""
    new = continued(Line(v(7, 40)), Term(9), "x")
    assert contains(new, v(7, 40))
    assert contains(new, v(7, 39))
    assert not contains(new, v(7, 41))


def test_at_one_place_only_the_same_digest_is_the_same() -> None:
    """Two contents of one place are a conflict, and none is contained in the other."""
    line = Line(v(7, 2, "aa"))
    assert contains(line, v(7, 2, "aa"))
    assert not contains(line, v(7, 2, "bb"))
    assert conflicting(line.version, v(7, 2, "bb"))
    assert not conflicting(line.version, v(7, 2, "aa"))
    assert not conflicting(line.version, v(7, 3, "bb"))
    assert not conflicting(None, line.version)
    assert not conflicting(line.version, None)


def test_nothing_is_contained_in_everything() -> None:
    """A member without any state may take whatever there is; nothing contains something."""
    assert contains(None, None)
    assert contains(Line(v(1, 1)), None)
    assert not contains(None, v(1, 1))


def test_no_leader_goes_back() -> None:
    """A line written under a higher term is never continued under a lower one."""
    with pytest.raises(
        ValueError, match=r"version 7\.2 cannot be continued under the lower term 6"
    ):
        continued(Line(v(7, 2)), Term(6), "x")


@pytest.mark.parametrize(
    "one, other, expected",
    [
        (None, None, False),
        (None, v(1, 1), False),
        (v(1, 1), None, True),
        (v(1, 2), v(1, 1), True),
        (v(2, 1), v(1, 9), True),
        (v(1, 9), v(2, 1), False),
        (v(1, 1, "aa"), v(1, 1, "bb"), False),
    ],
)
def test_newer(one: Version | None, other: Version | None, expected: bool) -> None:
    """By term, then by sequence; the digest has no order; none is the oldest."""
    assert newer(one, other) is expected


def test_newest_of_many() -> None:
    """The last in the pool's order; None of none."""
    assert newest([v(1, 2), None, v(2, 1), v(1, 9)]) == v(2, 1)
    assert newest([None]) is None
    assert newest([]) is None
