"""Arithmetic of terms and promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.core.views import outranks
from hadelect.core.vocabulary import (
    TERM_STRIDE,
    Leadership,
    Millis,
    Name,
    Term,
    next_term,
    promise_length,
)
from tests.core.member import A, B, D, rules_of


@pytest.mark.parametrize(
    "above, position, expected",
    [(0, 0, 64), (0, 1, 1), (0, 2, 2), (64, 0, 128), (64, 1, 65), (65, 1, 129), (66, 1, 129)],
)
def test_next_term(above: int, position: int, expected: int) -> None:
    """The lowest term above all known whose remainder by 64 is the candidate's position."""
    assert next_term(Term(above), position) == expected


@given(
    above=st.integers(0, 2**50),
    one=st.integers(0, TERM_STRIDE - 1),
    other=st.integers(0, TERM_STRIDE - 1),
)
def test_no_two_members_can_take_the_same_term(above: int, one: int, other: int) -> None:
    """Terms are unique: two positions never lead to one number, and every number is higher."""
    mine, theirs = next_term(Term(above), one), next_term(Term(above), other)
    assert (mine == theirs) == (one == other)
    assert above < mine <= above + TERM_STRIDE


@pytest.mark.parametrize(
    "lease, promise", [(3000, 3030), (1000, 1020), (500, 520), (10_000, 10_100), (2001, 2022)]
)
def test_a_promise_is_longer_than_the_lease(lease: int, promise: int) -> None:
    """One per cent more, at least 20 ms."""
    assert promise_length(Millis(lease)) == promise


@given(lease=st.integers(200, 600_000), fast=st.floats(0.995, 1.005), slow=st.floats(0.995, 1.005))
def test_silence_outlasts_authority(lease: int, fast: float, slow: float) -> None:
    """With clock rates within half a per cent of each other's second, the promise ends last."""
    promise_in_true_ms = promise_length(Millis(lease)) / fast
    authority_in_true_ms = lease / slow
    assert promise_in_true_ms >= authority_in_true_ms * (1.01 * 0.995 / 1.005) - 1
    if slow >= fast:
        assert promise_in_true_ms > authority_in_true_ms


@pytest.mark.parametrize(
    "one, other, stays",
    [
        (Leadership(Term(64), A), Leadership(Term(65), B), True),
        (Leadership(Term(129), B), Leadership(Term(64), A), False),
        (Leadership(Term(1), B), Leadership(Term(2), D), True),
        (Leadership(Term(5), D), Leadership(Term(6), Name("x")), False),
        (Leadership(Term(6), D), Leadership(Term(5), Name("x")), True),
        (Leadership(Term(5), D), Leadership(Term(5), Name("x")), True),
    ],
)
def test_which_of_two_leaders_stays(one: Leadership, other: Leadership, stays: bool) -> None:
    """The higher priority; equal ones: the lower term, then the larger name, stops."""
    assert outranks(rules_of(), one, other) is stays
