"""`replay`: decisions in words, the first difference, and what cannot be read."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hadelect.cli.main import cli
from hadelect.core import election
from hadelect.core.effects import Record
from hadelect.core.events import Event, Persisted, SupervisorReady, Tick
from hadelect.core.vocabulary import Millis
from hadelect.runtime.recorder import FlightRecorder, Ring
from tests.runtime.test_recorder import RULES


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    """A member alone becomes leader."""
    recorder = FlightRecorder(election, Ring(tmp_path / "flight", 1_000_000))
    state = recorder.boot(RULES, Record(clean=True), True, Millis(0)).state
    events: list[tuple[Event, int]] = [
        (Persisted(1), 0),
        (SupervisorReady("0" * 64), 10),
        (Tick(Millis(20)), 20),
        (Persisted(2), 30),
    ]
    for event, now in events:
        state = recorder.step(RULES, state, event, Millis(now)).state
    recorder.close()
    return tmp_path / "flight"


def typed(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["replay", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def test_the_decisions_in_words(flight: Path) -> None:
    """A directory is all its files; the same decisions exit 0."""
    code, out, err = typed(str(flight))
    assert code == 0
    words = [line.split("  ", 1)[1] for line in out.splitlines()]
    assert words[0] == "PRE, term 0: starts"
    assert words[1].startswith("PASSIVE (was PRE), term 0: ready")
    assert words[-1].startswith("LEADER (was ELECTION), term 64: votes of a:1")
    assert "the same decisions as recorded: 1 file, 4 events" in err


def test_verbose_shows_what_was_heard_and_all_that_was_done(flight: Path) -> None:
    """Events with >, effects below."""
    _, out, _ = typed(str(flight), "--verbose")
    assert "> its supervisor is ready" in out
    assert "starts the controllee, term 64" in out
    assert "> a life begins" in out


def test_from_and_until_show_a_part(flight: Path) -> None:
    """All is replayed, a part is shown; JSON is one object a line."""
    assert typed(str(flight), "--from", "2099-01-01")[1] == ""
    assert typed(str(flight), "--until", "2000-01-01")[1] == ""
    code, out, _ = typed(str(flight), "--format", "json")
    assert code == 0
    assert json.loads(out.splitlines()[0])["text"] == "PRE, term 0: starts"


def test_another_decision_exits_1_and_says_where(flight: Path) -> None:
    """The event, what was recorded, what is decided now."""
    (path,) = flight.iterdir()
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    told = json.loads(lines[3])
    told["digest"], told["does"], told["said"] = "f00d", "Stop", ["kills"]
    lines[3] = json.dumps(told)
    changed = flight.parent / "changed.jsonl"
    changed.write_text("\n".join(lines) + "\n")
    code, out, _ = typed(str(changed))
    assert code == 1
    assert (
        f"DIFFERENT: {changed}, line 4: another decision after «> its supervisor is ready»" in out
    )
    assert "recorded: Stop «kills»; now: Emit «PASSIVE (was PRE)" in out
    code, out, _ = typed(str(changed), "--format", "json")
    assert (code, "difference" in json.loads(out.splitlines()[-1])) == (1, True)


def test_what_cannot_be_read_exits_66(flight: Path, tmp_path: Path) -> None:
    """Junk, no beginning, an empty directory, another version's: each names file and line."""
    (path,) = flight.iterdir()
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    bad = tmp_path / "bad.jsonl"
    bad.write_text("junk\n")
    code, _, err = typed(str(bad))
    assert (code, "bad.jsonl, line 1" in err) == (66, True)
    bad.write_text(lines[0] + "".join(lines[2:]))
    code, _, err = typed(str(bad))
    assert (code, "line 2: an event before any state" in err) == (66, True)
    (tmp_path / "empty").mkdir()
    assert typed(str(tmp_path / "empty"))[0] == 66
    bad.write_text(lines[0].replace('"software":"', '"software":"9') + "".join(lines[1:])[:-5])
    code, _, err = typed(str(bad))
    assert code == 0
    assert "recorded by version 9" in err
    assert "has no end; what is before it was replayed" in err
