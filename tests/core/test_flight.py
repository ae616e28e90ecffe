"""What was recorded decides the same in the same core; another core is found out."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from hadelect.core.effects import Effect, Quit, Record
from hadelect.core.election import boot, step
from hadelect.core.events import Event, Persisted, Received, SupervisorReady, Tick
from hadelect.core.flight import (
    FORMAT,
    Beginning,
    Head,
    Line,
    NewRules,
    Replay,
    Snapshot,
    Step,
    decode_line,
    digest,
    encode_line,
    stepped,
)
from hadelect.core.plain import decode, encode
from hadelect.core.render import happening
from hadelect.core.state import Decision, State
from hadelect.core.vocabulary import Millis, Rules
from tests.core.member import A, B, C, Member, hash_of, leader_of, rules_of, say_alive
from tests.core.test_anything import FOUND, RULES, STEPS, possible


class Tape:
    """Records a member by hand."""

    def __init__(self, rules: Rules, found: Record | None) -> None:
        decision = boot(rules, found, same_boot=True, now=Millis(0))
        self.rules = rules
        self.state = decision.state
        begun = Beginning(rules, found, True, Millis(0), digest(decision.effects))
        self.lines: list[Line] = [
            Head(FORMAT, "0.1.0", "2026-01-01T00:00:00.000Z", Millis(0)),
            begun,
        ]

    def feed(self, event: Event, now: int) -> tuple[Effect, ...]:
        decision = step(self.rules, self.state, event, Millis(now))
        self.state = decision.state
        self.lines.append(stepped(Millis(now), event, decision.effects))
        return decision.effects

    def written(self) -> list[Line]:
        """As they come back from disk."""
        return [decode_line(encode_line(line)) for line in self.lines]


def differences(lines: list[Line], player: Replay | None = None) -> list[str]:
    player = player or Replay()
    return [played.difference for line in lines if (played := player.play(line)).difference]


@settings(max_examples=30, deadline=None)
@given(rules=RULES, found=FOUND, steps=STEPS)
def test_any_sequence_of_events_comes_back_and_decides_the_same(
    rules: Rules, found: Record | None, steps: list[tuple[Event, int]]
) -> None:
    """Rules, record, events, state: all that there is in a record is equal after the disk."""
    tape = Tape(rules, found)
    now = 0
    for event, wait in [(SupervisorReady(hash_of("x")), 4000), *steps]:
        now += wait
        tape.feed(Tick(Millis(now)), now)
        tape.feed(possible(event, tape.state), now)
    tape.lines.append(Snapshot(rules, tape.state, continues=True))
    written = tape.written()
    assert written == tape.lines
    assert all(happening(line.event) for line in written if isinstance(line, Step))
    assert differences(written) == []


def recorded() -> Tape:
    """A cold start that is won, and an Alive of a stranger leader."""
    tape = Tape(rules_of(members=(A,)), Record(clean=True))
    tape.feed(Persisted(1), 1)
    tape.feed(SupervisorReady(hash_of("x")), 1)
    tape.feed(Tick(Millis(2)), 2)
    tape.feed(Persisted(tape.state.record.serial), 3)
    assert tape.state.leading is not None
    return tape


def test_another_core_is_found_out_at_the_first_step_that_differs() -> None:
    """A mutation: its decision and the recorded one stand side by side."""
    tape = recorded()

    def mutated(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        decision = step(rules, state, event, now)
        return Decision(decision.state, decision.effects[:-1])

    found = differences(tape.written(), Replay(mutated))
    assert found
    assert "recorded: Emit" in found[0]
    assert "now: nothing" in found[0]


def test_a_core_that_does_more_than_was_recorded_is_found_out() -> None:
    """Where nothing was decided, something now is a difference, too."""

    def eager(rules: Rules, state: State, event: Event, now: Millis) -> Decision:
        return step(rules, state, event, now).plus(Quit(0))

    found = differences(recorded().written(), Replay(eager))
    assert found[0] == "recorded: nothing; now: Quit"


def test_a_life_that_begins_otherwise_is_a_difference() -> None:
    """Boot is replayed, too."""
    tape = recorded()
    begun = tape.lines[1]
    assert isinstance(begun, Beginning)
    tape.lines[1] = replace(begun, digest="0")
    assert differences(tape.lines)[0] == "the member would begin otherwise"


def test_a_step_that_never_returned_is_no_difference() -> None:
    """It is what a bug leaves behind: the event is kept, there is nothing to compare."""
    tape = recorded()
    tape.lines.append(stepped(Millis(9), Persisted(1), None))
    assert differences(tape.written()) == []


def test_a_file_in_the_middle_of_a_life_is_checked_against_those_before() -> None:
    """The state that was written must be the one that the events lead to."""
    tape = recorded()
    other = replace(tape.state, relapses=7, objected=not tape.state.objected)
    said = differences([*tape.lines, Snapshot(tape.rules, other, continues=True)])
    assert said == ["the state that was recorded differs in objected, relapses"]
    assert differences([*tape.lines, Snapshot(tape.rules, tape.state, continues=True)]) == []
    after_a_gap = Snapshot(tape.rules, other, continues=False)
    assert differences([*tape.lines, after_a_gap]) == []
    assert differences([Snapshot(tape.rules, tape.state, continues=True)]) == []  # It stands alone.


def test_new_rules_decide_what_comes_after() -> None:
    """A reload is an input like any other."""
    tape = recorded()
    slower = replace(tape.rules, lease_ms=Millis(60_000))
    tape.lines.append(NewRules(slower))
    tape.rules = slower
    due = tape.state.leading.alive_due if tape.state.leading else Millis(0)
    tape.feed(Tick(due), due)
    assert differences(tape.written()) == []
    del tape.lines[-2]
    assert differences(tape.written()) != []


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([Head(9, "9", "", Millis(0))], "format 9 is not 2"),
        ([Step(Millis(1), Persisted(1), "", "", ())], "the beginning of the file is missing"),
        ([NewRules(rules_of())], "the beginning of the file is missing"),
    ],
)
def test_what_cannot_be_replayed_says_why(lines: list[Line], says: str) -> None:
    """Another format, a file without its beginning."""
    with pytest.raises(ValueError, match=says):
        differences(lines)


def test_every_state_comes_back() -> None:
    """A leader's, a candidate's, a follower's: what a file that goes on begins with."""
    follower = Member(rules_of(B))
    follower.hear(A, say_alive(A, 64))
    candidate = Member(rules_of(C))
    candidate.wait(4000)
    for member in (leader_of(rules_of(), B, C), follower, candidate):
        assert decode(State, encode(State, member.state)) == member.state


def test_a_record_is_readable() -> None:
    """Names and words, not bytes: JSON with the fields' own names."""
    event = Received(A, say_alive(A, 64))
    told: Any = encode_line(stepped(Millis(5), event, ()))
    assert told.startswith('{"is":"Step","now":5,"event":{"is":"Received","sender":"cm1:51450"')
