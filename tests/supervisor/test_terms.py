"""Which term may start, and when its secret is known: one property over any order of events."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from hadelect.supervisor.terms import Terms

STEPS = st.lists(
    st.tuples(st.sampled_from(["start", "release", "retitle"]), st.integers(1, 9)), max_size=30
)


@given(STEPS)
def test_no_term_starts_after_its_secret_is_known(steps: list[tuple[str, int]]) -> None:
    """Whatever happens in whatever order: once a secret is revealed, no term up to the one it
    belongs to is ever allowed to start, and no two leaderships that were released share a secret.
    """
    terms = Terms()
    over = 0
    revealed: list[str] = []
    for what, term in steps:
        if what == "start" and not terms.refusal(term):
            assert term > over
            terms.bind(term)
        elif what == "release" and term >= max(terms.term, over + 1):
            hashed = terms.secret_hash
            revealed.append(terms.release(term))
            assert hashlib.sha256(revealed[-1].encode()).hexdigest() == hashed
            over = max(over, term)
        elif what == "retitle" and not terms.retitle(terms.term or 1, term):
            assert terms.term == term > over
        assert all(terms.refusal(t) for t in range(over + 1))
        assert terms.secret not in revealed
    assert len(set(revealed)) == len(revealed)


def test_another_start_ends_the_earlier_term() -> None:
    """A term that was never released, but followed by a later one, does not start again."""
    terms = Terms()
    terms.bind(5)
    terms.bind(9)
    assert "over" in terms.refusal(5)
    assert not terms.refusal(9)


def test_retitle_needs_the_term_in_force() -> None:
    """Only the running leadership goes on under another term, and only a higher one."""
    terms = Terms()
    assert "not the one in force" in terms.retitle(1, 2)
    terms.bind(5)
    assert "not the one in force" in terms.retitle(4, 9)
    assert "not above" in terms.retitle(5, 5)
    assert "not above" in terms.retitle(5, 4)
    hashed = terms.secret_hash
    assert not terms.retitle(5, 9)
    assert (terms.term, terms.secret_hash) == (9, hashed)
    assert terms.refusal(5)
