"""What is remembered of a copy over a restart never makes it younger."""

import json
from pathlib import Path

import pytest

from hadelect.core.replication.effects import Note
from hadelect.core.replication.messages import UNKNOWN_MS, Advert
from hadelect.core.versions import Version
from hadelect.core.vocabulary import Millis, Term
from hadelect.replication import words
from hadelect.replication.notes import FILE, Notes, wall_ms, write

KNOWN = Version(Term(64), 7, "ab" * 32)


def read(directory: Path) -> tuple[Note, list[str]]:
    troubles: list[str] = []
    notes = Notes(directory, troubles.append)
    try:
        return notes.read(), troubles
    finally:
        notes.close()


def shifted(directory: Path, length_ms: int) -> None:
    """The note was written so long ago."""
    said = json.loads((directory / FILE).read_text())
    (directory / FILE).write_text(json.dumps({**said, "at_ms": wall_ms() - length_ms}))


def test_a_note_ages_while_nobody_runs(tmp_path: Path) -> None:
    write(tmp_path / FILE, Note(KNOWN, Millis(500), Term(65)))
    shifted(tmp_path, 3_600_000)
    note, troubles = read(tmp_path)
    assert (note.known, note.others, troubles) == (KNOWN, 65, [])
    assert note.age_ms >= 3_600_500


def test_where_time_went_backwards_nobody_knows(tmp_path: Path) -> None:
    write(tmp_path / FILE, Note(KNOWN, Millis(500), Term(65)))
    shifted(tmp_path, -60_000)
    assert read(tmp_path)[0].age_ms == UNKNOWN_MS


def test_without_a_note_nobody_knows(tmp_path: Path) -> None:
    assert read(tmp_path) == (Note(None, UNKNOWN_MS), [])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"known": [1], "age_ms": 0, "at_ms": 0}'])
def test_a_note_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    note, (trouble,) = read(tmp_path)
    assert note.age_ms == UNKNOWN_MS
    assert "cannot be read" in trouble


@pytest.mark.parametrize("sent_at", [None, Millis(0), Millis(123_456)])
def test_an_advert_arrives_as_it_was_sent(sent_at: Millis | None) -> None:
    said = Advert(
        known=KNOWN,
        age_ms=Millis(7),
        idle_ms=Millis(8),
        others=Term(65),
        sent_at=sent_at,
        asks=3,
        echoes=4,
    )
    assert words.take_advert(words.put_advert(said)) == said
