"""After an installation the shadow catches up: what was fetched is not in the live files alone."""

from pathlib import Path

import pytest

from hadelect.core.versions import Line
from hadelect.replication.errors import GoneError
from hadelect.replication.manifest import BLOCK
from tests.replication.machines import Member, fill, replicate, same, send, tree


@pytest.fixture
def fetched(place: Path) -> Member:
    """A member with a second version of another's."""
    source, member = Member(place / "source"), Member(place / "member")
    fill(source)
    source.snap()
    replicate(source, member)
    overwrite(source, b"second")
    source.snap()
    replicate(source, member)
    source.store.close()
    return member


def overwrite(member: Member, text: bytes) -> None:
    with member.queue.open("r+b") as file:
        file.write(text)
        file.seek(3 * BLOCK)
        file.write(text)
    (member.spool / "a\nname").write_bytes(text)


def all_of_it(member: Member) -> None:
    while member.store.catch_up(0):
        pass


def held(member: Member) -> Line:
    assert member.store.held is not None
    return member.store.held


def test_a_fetched_version_is_restored_after_a_promotion(fetched: Member) -> None:
    """A leader's first act is a mark; whatever its controllee then writes over, the version that
    was fetched, and the one before it, come back.
    """
    second, before = held(fetched), tree(fetched.queue)
    first = fetched.store.versions()[1].line
    fetched.store.mark(fetched.line_of(2))
    overwrite(fetched, b"third")
    fetched.store.keep = 9
    fetched.store.snapshot(fetched.line_of(2))
    fetched.store.restore(second.version, fetched.line_of(3))
    assert tree(fetched.queue)[b""][3] == before[b""][3]
    assert (fetched.spool / "a\nname").read_bytes() == b"second"
    fetched.store.restore(first.version, fetched.line_of(4))
    assert (fetched.spool / "a\nname").read_bytes() == b""


def test_it_catches_up_in_pieces(fetched: Member) -> None:
    """However short the pieces are, and whatever is looked at between them, the shadow is the live
    files at the end.
    """
    turns = 0
    while fetched.store.catch_up(0):
        assert not fetched.store.look().dirty
        turns += 1
    assert turns > 3
    assert tree(fetched.path / ".job_queue.hadelect") == tree(fetched.queue)
    assert tree(fetched.path / ".spool.hadelect") == tree(fetched.spool)
    assert not fetched.store.catch_up()


def test_a_copy_is_received_by_a_shadow_that_caught_up(fetched: Member, place: Path) -> None:
    """The next version costs what differs; begun half way, it arrives as well."""
    source = Member(place / "source")
    for pieces in (0, 2, 99):
        for _ in range(pieces):
            fetched.store.catch_up(0)
        overwrite(source, b"turn %d" % pieces)
        source.snap()
        replicate(source, fetched)
        assert same(source, fetched)
        assert not fetched.store.look(exact=True).dirty
    all_of_it(fetched)
    overwrite(source, b"received while")
    source.snap()
    send(source, fetched)
    assert not fetched.store.catch_up()
    source.store.close()


def test_a_controllee_was_quicker(fetched: Member) -> None:
    """What it wrote over cannot be had: the catch-up ends, and the next snapshot is whole."""
    overwrite(fetched, b"third")
    second = held(fetched)
    all_of_it(fetched)
    assert not fetched.store.catch_up()
    line = fetched.store.snapshot(fetched.line_of(2))
    assert line is not None
    assert tree(fetched.path / ".job_queue.hadelect") == tree(fetched.queue)
    with pytest.raises(GoneError):
        fetched.store.restore(second.version, fetched.line_of(3))
    assert not fetched.store.look(exact=True).dirty
