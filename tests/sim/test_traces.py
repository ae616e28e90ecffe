"""Stories: every recorded trace still says, word for word, what the pool does."""

from pathlib import Path

import pytest

from hadelect.sim.configuring import UnknownCommand
from hadelect.sim.trace import Script, difference

TRACES = sorted((Path(__file__).parent.parent / "traces").glob("*.trace"))


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_recorded_trace_is_what_happens(path: Path) -> None:
    """The pool says today what was recorded (after a change: `python -m hadelect.sim.trace
    --record FILE…`, and read the difference).
    """
    found = difference(path)
    assert not found, f"\n{found}"


def test_every_row_and_case_has_its_trace() -> None:
    """HTCondor's transition table and the election cases 1-23 are all there."""
    names = {path.stem.split("_")[0] for path in TRACES}
    wanted = {f"table{row:02}" for row in range(1, 11)} | {f"case{n:02}" for n in range(1, 24)}
    assert wanted <= names


def test_every_trace_begins_with_the_sentence_it_proves() -> None:
    """A trace opens with prose."""
    for path in TRACES:
        assert path.read_text().startswith("# "), path


@pytest.mark.parametrize("line", ["fly cm1", "power-off cm9", "run"])
def test_a_line_that_is_no_command_is_refused(line: str) -> None:
    """A mistake in a trace file is an error, not silence."""
    script = Script()
    script.obey("pool 2 off")
    with pytest.raises((UnknownCommand, IndexError)):
        script.obey(line)


def test_the_pool_comes_first() -> None:
    """Without a pool there is nobody to obey."""
    with pytest.raises(UnknownCommand, match="first command must be"):
        Script().obey("run 5s")
