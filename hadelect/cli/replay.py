"""`hadelect replay FILE…`: what a flight recorder kept, once more through the real core.

Law: the core of this installation decides; the first decision that differs from the recorded one
ends the replay with 1 and is shown.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from hadelect import __version__
from hadelect.cli.failures import Exit, Failure
from hadelect.cli.instants import HELP, Instant, stamp
from hadelect.cli.options import format_option
from hadelect.core.effects import Emit
from hadelect.core.flight import Beginning, Head, Line, NewRules, Played, Replay, Snapshot, Step
from hadelect.core.render import happening, line
from hadelect.core.vocabulary import Millis
from hadelect.runtime.flights import Flight, Unreadable
from hadelect.runtime.recorder import files_in


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILE…"
)
@click.option("--from", "start", type=Instant(), default="", help=f"Show from then on: {HELP}.")
@click.option("--until", type=Instant(), default="", help="Show to then, not included.")
@click.option("--verbose", is_flag=True, help="Show every event and everything that was decided.")
@format_option
def replay(files: tuple[Path, ...], start: str, until: str, verbose: bool, form: str) -> None:
    """Replay flight records (files, or the directory HAD_STATE_DIR/flight) through the real core.

    Shows the decisions in words. Exit code: 0 the same decisions as recorded, 1 another one (the
    first is shown), 66 a file cannot be read.
    """
    show = Show(start, until, verbose=verbose, as_json=form == "json")
    found = [path for given in files for path in _expanded(given)]
    sys.exit(_play(found, show))


def _expanded(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    found = files_in(given)
    if not found:
        raise Failure(f"{given} holds no flight record", Exit.NO_INPUT)
    return found


def _play(files: list[Path], show: "Show") -> Exit:
    player, before = Replay(), Path()
    for path in files:
        if not follows(path, before):
            player = Replay()
        flight, before = Flight(path), path
        try:
            for number, told in flight.lines():
                played = _one(player, path, number, told)
                show.played(played)
                if played.difference:
                    show.difference(path, number, played)
                    return Exit.REFUSED
        except Unreadable as error:
            raise Failure(str(error), Exit.NO_INPUT) from error
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}", Exit.NO_INPUT) from error
        if flight.torn:
            show.note(f"{path}: {flight.torn}; what is before it was replayed")
    show.end(len(files))
    return Exit.OK


def follows(path: Path, before: Path) -> bool:
    """Whether it is the next file of the same ring: then the states must join."""
    numbers = [name.partition(".")[0] for name in (path.name, before.name)]
    if path.parent != before.parent or not all(number.isdecimal() for number in numbers):
        return False
    return int(numbers[0]) == int(numbers[1]) + 1


def _one(player: Replay, path: Path, number: int, told: Line) -> Played:
    try:
        return player.play(told)
    except ValueError as error:
        raise Failure(f"{path}, line {number}: {error}", Exit.NO_INPUT) from error


@dataclass(slots=True)
class Clock:
    """What the wall clock said when CLOCK_BOOTTIME was `now`."""

    wall: datetime
    now: Millis

    def at(self, now: Millis) -> str:
        return stamp(self.wall + timedelta(milliseconds=now - self.now))


class Show:
    """Prints what was played: decisions, or everything."""

    def __init__(self, start: str, until: str, *, verbose: bool, as_json: bool) -> None:
        self._start, self._until = start, until
        self._verbose = verbose
        self._json = as_json
        self._clock: Clock | None = None
        self._events = 0

    def played(self, played: Played) -> None:
        if isinstance(played.line, Head):
            self._head(played.line)
        self._events += isinstance(played.line, Step)
        at = self._at(played.now)
        if at < self._start or (self._until and at >= self._until):
            return
        for words in self._words(played):
            self._say(at, words)

    def _head(self, head: Head) -> None:
        self._clock = Clock(datetime.fromisoformat(head.wall).astimezone(UTC), head.now)
        if head.software != __version__:
            self.note(
                f"recorded by version {head.software}, replayed by {__version__}: where they differ"
                " the decisions may"
            )

    def _at(self, now: Millis) -> str:
        return self._clock.at(now) if self._clock else ""

    def _words(self, played: Played) -> Iterator[str]:
        if self._verbose:
            yield from _told(played)
        for effect in played.effects:
            if isinstance(effect, Emit) or self._verbose:
                yield line(effect)

    def _say(self, at: str, words: str) -> None:
        click.echo(json.dumps({"time": at, "text": words}) if self._json else f"{at}  {words}")

    def note(self, text: str) -> None:
        click.echo(f"hadelect: {text}", err=True)

    def difference(self, path: Path, number: int, played: Played) -> None:
        what = next(_told(played), "")
        text = f"{path}, line {number}: another decision after «{what}»: {played.difference}"
        if self._json:
            at = self._at(played.now)
            click.echo(json.dumps({"time": at, "text": text, "difference": played.difference}))
        else:
            click.echo(f"DIFFERENT: {text}")

    def end(self, files: int) -> None:
        what = f"{files} file{'' if files == 1 else 's'}, {self._events} events"
        self.note(f"the same decisions as recorded: {what}")


def _told(played: Played) -> Iterator[str]:
    match played.line:
        case Step():
            yield f"> {happening(played.line.event)}"
        case Beginning():
            yield "> a life begins"
        case Snapshot():
            yield "> goes on"
        case NewRules():
            yield "> new rules"
        case Head():
            pass
