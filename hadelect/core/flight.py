"""The flight record of a member: what its core was told, in order, and what it decided.

Law 1: every line is a value; `encode_line` and `decode_line` are the only words for it.
Law 2: what a decision was is kept as a digest of its effects, so that a replay through the same
       core either agrees line by line, or says at which line it does not.
Law 3: a file can be replayed by itself: it begins with a Beginning (a life) or a Snapshot.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from hadelect.core import election
from hadelect.core.effects import Effect, Emit, Record
from hadelect.core.events import Event
from hadelect.core.plain import codec_of, decode
from hadelect.core.render import change
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Millis, Rules

FORMAT = 2  # Of these lines; another one is refused.


@dataclass(frozen=True, slots=True)
class Head:
    """First in every file: what wrote it, and what both clocks said at one instant."""

    format: int
    software: str
    wall: str
    now: Millis


@dataclass(frozen=True, slots=True)
class Beginning:
    """A life begins: the arguments of `boot`."""

    rules: Rules
    found: Record | None
    same_boot: bool
    now: Millis
    digest: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The file begins in the middle of a life: this is all that the member knew."""

    rules: Rules
    state: State
    continues: bool  # Nothing is missing between the file before and this one.


@dataclass(frozen=True, slots=True)
class NewRules:
    """A reload: what comes after is decided by these."""

    rules: Rules


@dataclass(frozen=True, slots=True)
class Step:
    """One event. `digest` is "" if nothing was to be done, None if the step never returned."""

    now: Millis
    event: Event
    digest: str | None
    does: str  # The kinds of the effects, for people.
    said: tuple[str, ...]  # What the humans were told.


Line = Head | Beginning | Snapshot | NewRules | Step


def encode_line(line: Line) -> str:
    return json.dumps(codec_of(Line).encode(line), separators=(",", ":"), ensure_ascii=False)


def decode_line(text: str) -> Line:
    """Raises plain.NotPlain (a ValueError), or ValueError for what is no JSON."""
    line: Line = decode(Line, json.loads(text))
    return line


def stepped(now: Millis, event: Event, effects: tuple[Effect, ...] | None) -> Step:
    if effects is None:
        return Step(now, event, None, "", ())
    said = tuple(change(effect) for effect in effects if isinstance(effect, Emit))
    does = " ".join(type(effect).__name__ for effect in effects)
    return Step(now, event, digest(effects), does, said)


def digest(effects: tuple[Effect, ...]) -> str:
    """Of all that was to be done, in order."""
    if not effects:
        return ""
    encode = codec_of(Effect).encode
    plain = [encode(effect) for effect in effects]
    text = json.dumps(plain, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Played:
    """A line, replayed: what the core decides today, and how that differs; "" = it does not."""

    line: Line
    now: Millis
    effects: tuple[Effect, ...] = ()
    difference: str = ""


class Replay:
    """Feeds one member's lines to the core, in order."""

    def __init__(self, core_step: Callable[..., Decision] = election.step) -> None:
        self._step = core_step
        self._rules: Rules | None = None
        self._state: State | None = None

    def play(self, line: Line) -> Played:
        """Raises ValueError if the line cannot follow those before it."""
        match line:
            case Head():
                if line.format != FORMAT:
                    raise ValueError(f"format {line.format} is not {FORMAT}: another version's")
                return Played(line, line.now)
            case Beginning():
                return self._begin(line)
            case Snapshot():
                return self._snapshot(line)
            case NewRules(rules):
                _, state = self._known()
                self._rules = rules
                return Played(line, state.now)
            case Step():
                return self._play_step(line)
        assert_never(line)

    def _known(self) -> tuple[Rules, State]:
        if self._rules is None or self._state is None:
            raise ValueError("an event before any state: the beginning of the file is missing")
        return self._rules, self._state

    def _begin(self, line: Beginning) -> Played:
        decision = election.boot(line.rules, line.found, line.same_boot, line.now)
        self._rules, self._state = line.rules, decision.state
        differs = digest(decision.effects) != line.digest
        words = "the member would begin otherwise" if differs else ""
        return Played(line, line.now, decision.effects, words)

    def _snapshot(self, line: Snapshot) -> Played:
        """Also checks that the files before lead to this state, if they do at all."""
        before = self._state
        self._rules, self._state = line.rules, line.state
        if before is None or before == line.state or not line.continues:
            return Played(line, line.state.now)
        names = [name for name, value in vars(line.state).items() if vars(before)[name] != value]
        words = f"the state that was recorded differs in {', '.join(names)}"
        return Played(line, line.state.now, (), words)

    def _play_step(self, line: Step) -> Played:
        rules, state = self._known()
        decision = self._step(rules, state, line.event, line.now)
        self._state = decision.state
        difference = ""
        if line.digest is not None and digest(decision.effects) != line.digest:
            today = stepped(line.now, line.event, decision.effects)
            difference = f"recorded: {told(line)}; now: {told(today)}"
        return Played(line, line.now, decision.effects, difference)


def told(line: Step) -> str:
    """What was decided, as far as the record keeps it."""
    said = "".join(f" «{words}»" for words in line.said)
    return f"{line.does or 'nothing'}{said}"
