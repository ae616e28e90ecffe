"""Bytes that were valid before something damaged them: for tests of readers."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

SOON = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
# What readers trip over: depth, other alphabets, halves of characters, ends, huge numbers.
TEETH = st.sampled_from(
    [
        b"[" * 900,
        b"{" * 900,
        b"\xff",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\0",
        b"\n",
        b"\r\n",
        b'"',
        b"}",
        b"[]",
        b"{}",
        b"null",
        b"true",
        b"1e999",
        b"-1",
        b"9" * 30,
        b"9" * 5000,
        b"NaN",
        b"\xef\xbb\xbf",
    ]
)


@st.composite
def damaged(draw: st.DrawFn, valid: st.SearchStrategy[bytes]) -> bytes:
    """What was valid, after one to four blows."""
    data = draw(valid)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        middle = draw(st.one_of(st.binary(max_size=8), TEETH, st.just(data[start:end] * 2)))
        data = data[:start] + middle + data[end:]
    return data


def any_bytes(*valid: bytes) -> st.SearchStrategy[bytes]:
    return st.one_of(st.binary(max_size=200), damaged(st.sampled_from(valid)), TEETH)
