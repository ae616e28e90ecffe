"""Datagrams: what we encode decodes to the same; everything else is refused with a reason."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.supervisor import notice

SECRET = "0123456789abcdef" * 4
NAMES = st.text(min_size=1, max_size=40).filter(str.isprintable)
NUMBERS = st.integers(min_value=0, max_value=notice.MAX_NUMBER)


@given(pool=NAMES, sender=NAMES, term=NUMBERS)
def test_released(pool: str, sender: str, term: int) -> None:
    """A death notice names its pool, its leader and its term, and shows its secret."""
    told = notice.decode(notice.released(pool, sender, term, SECRET))
    assert (told.kind, told.pool, told.sender) == ("released", pool, sender)
    assert (told.term, told.leader, told.secret) == (term, sender, SECRET)


@given(pool=NAMES, sender=NAMES, term=NUMBERS, sent_at=NUMBERS)
def test_probe(pool: str, sender: str, term: int, sent_at: int) -> None:
    """A probe and its answer carry what the core put into them."""
    asked = notice.decode(notice.probe(pool, sender, term, sent_at))
    assert (asked.kind, asked.term, asked.sent_at) == ("probe", term, sent_at)
    answered = notice.decode(notice.probe_reply(pool, sender, sent_at, term))
    assert (answered.kind, answered.sent_at, answered.leads) == ("probe_reply", sent_at, term)


@given(st.binary(max_size=2000))
def test_any_bytes(junk: bytes) -> None:
    """Any bytes are decoded or refused with ValueError, nothing else."""
    with contextlib.suppress(ValueError):
        assert notice.decode(junk).pool


GOOD: dict[str, object] = {
    "v": 1,
    "kind": "released",
    "pool": "p",
    "from": "a:1",
    "term": 7,
    "leader": "a:1",
    "secret": SECRET,
}


@pytest.mark.parametrize(
    "wrong, reason",
    [
        ({"v": 2}, "version 2"),
        ({"v": True}, "version True"),
        ({"kind": "reloaded"}, "unknown kind"),
        ({"kind": ["released"]}, "unknown kind"),
        ({"pool": ""}, "pool: "),
        ({"pool": "x" * 256}, "pool: "),
        ({"pool": "a\nb"}, "pool: "),
        ({"from": 7}, "from: "),
        ({"leader": None}, "leader: "),
        ({"term": -1}, "term: "),
        ({"term": 1.0}, "term: "),
        ({"term": True}, "term: "),
        ({"term": 2**63}, "term: "),
        ({"secret": SECRET[1:]}, "secret: "),
        ({"secret": SECRET.upper()}, "secret: "),
    ],
)
def test_wrong_field(wrong: dict[str, object], reason: str) -> None:
    """One wrong field is enough, and it is named."""
    with pytest.raises(ValueError, match=reason):
        notice.decode(json.dumps(GOOD | wrong).encode())


@pytest.mark.parametrize(
    "junk, reason",
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 1000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b" " * 1025, "1025 bytes"),
    ],
)
def test_no_object(junk: bytes, reason: str) -> None:
    """What is no object of ours is refused before anybody looks inside."""
    with pytest.raises(ValueError, match=reason):
        notice.decode(junk)


def test_unknown_fields() -> None:
    """A later version may say more."""
    assert notice.decode(json.dumps(GOOD | {"more": [1]}).encode()).term == 7
