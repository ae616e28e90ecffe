"""Words: every message, every effect, and what makes members incompatible."""

from dataclasses import replace

import pytest

from hadelect.core.effects import (
    Answer,
    Effect,
    Emit,
    Extend,
    Persist,
    Quit,
    Record,
    Retitle,
    Send,
    SendDatagram,
    Start,
    Stop,
)
from hadelect.core.events import (
    ControlleeChanged,
    Drain,
    Event,
    Handover,
    LeftoverStuck,
    PeerRefused,
    Persisted,
    PersistFailed,
    Ran,
    Received,
    Released,
    Reloaded,
    Shutdown,
    SupervisorReady,
    Tick,
)
from hadelect.core.hands import carry_out
from hadelect.core.messages import (
    AliveAck,
    AskHandover,
    Goodbye,
    Hello,
    Leader,
    Message,
    PreVote,
    PreVoteReply,
    Probe,
    ProbeReply,
    Refused,
    Report,
    Resign,
    SendId,
    Vote,
    Withdraw,
)
from hadelect.core.render import difference, happening, line, promise_in_words, words
from hadelect.core.vocabulary import (
    Arbitration,
    Cause,
    ControlleeState,
    Millis,
    Outcome,
    Refusal,
    Role,
    Term,
)
from tests.core.member import A, B, C, proof_of, rules_of, say_alive, standing

T64 = Term(64)
EVENTS: list[tuple[Event, str]] = [
    (Tick(Millis(7)), "time: its tick of 7 ms"),
    (Received(A, Withdraw(T64)), "hears cm1:51450: withdraws from term 64"),
    (PeerRefused(A, "HAD_POOL differs"), "refuses cm1:51450: HAD_POOL differs"),
    (Released(proof_of(A, 64)), "death notice of cm1:51450, term 64"),
    (SupervisorReady("x"), "its supervisor is ready"),
    (LeftoverStuck("pid 9"), "an earlier life is left: pid 9"),
    (ControlleeChanged(T64, ControlleeState.RUNNING), "its controllee of term 64 is running"),
    (
        ControlleeChanged(T64, ControlleeState.STOPPED, because="exit 1"),
        "its controllee of term 64 is stopped: exit 1",
    ),
    (Ran(2, Outcome.FAILED, "exit 1"), "errand 2 is failed: exit 1"),
    (Persisted(3), "record 3 is on disk"),
    (PersistFailed(3, "full"), "record 3 was not written: full"),
    (Handover(1, None, "why"), "command: handover: why"),
    (Drain(1, drained=True, because="why"), "command: drain: why"),
    (Drain(1, drained=False, because="why"), "command: undrain: why"),
    (Shutdown("SIGTERM"), "command: shutdown: SIGTERM"),
    (Reloaded(rules_of(), "a new lease"), "its configuration was read again: a new lease"),
]
NOW = Millis(5)
IDENTITY = rules_of().identity
MESSAGES: list[tuple[Message, str]] = [
    (Hello(IDENTITY, "0.1.0", "x"), "hello from version 0.1.0"),
    (Report(standing()), "report: PASSIVE term 0"),
    (say_alive(A, 64), "alive, term 64"),
    (AliveAck(T64, NOW, Millis(3000), standing()), "heard alive of term 64, follows nobody"),
    (Leader(T64, NOW, ""), "I am leader of term 64"),
    (PreVote(NOW, None, None, standing()), "would you vote for me?"),
    (PreVoteReply(NOW, None, standing()), "would"),
    (PreVoteReply(NOW, Refusal.MUTE, standing()), "would not: MUTE"),
    (SendId(T64, NOW, NOW, "", None), "vote for me in term 64"),
    (Vote(T64, NOW), "votes in term 64"),
    (Refused(T64, Refusal.OLD_TERM, standing()), "no vote in term 64: OLD_TERM"),
    (Withdraw(T64), "withdraws from term 64"),
    (Resign(proof_of(A, 64), B, "why"), f"resigns from term 64 in favour of {B}: why"),
    (Resign(proof_of(A, 64), None, "why"), "resigns from term 64: why"),
    (AskHandover(T64, "back"), "asks for a handover of term 64: back"),
    (Goodbye("stop"), "goodbye: stop"),
    (Probe(T64, NOW), "are you there?"),
    (ProbeReply(NOW, T64), "here, leads term 64"),
    (ProbeReply(NOW, Term(0)), "here, does not lead"),
]
EFFECTS: list[tuple[Effect, str]] = [
    (Send(B, Withdraw(T64)), f"tells {B}: withdraws from term 64"),
    (SendDatagram(B, Probe(T64, NOW)), f"asks {B} by datagram: are you there?"),
    (Persist(Record(term=T64)), "writes term 64, promise to nobody"),
    (Start(T64, NOW), "starts the controllee, term 64"),
    (Extend(T64, NOW), "extends term 64 to 5"),
    (Stop(T64, kill=True, because="why"), "kills the controllee, term 64: why"),
    (Stop(T64, kill=False, because="why"), "stops the controllee, term 64: why"),
    (Retitle(T64, Term(128)), "its controllee of term 64 goes on as term 128"),
    (Emit(Role.LEADER, T64, "why"), "LEADER, term 64: why"),
    (
        Emit(Role.LEADER, T64, "why", Cause.SILENCE, Role.ELECTION),
        "LEADER (was ELECTION), term 64: why",
    ),
    (Answer(1, ok=True, text="done"), "answers yes: done"),
    (Answer(1, ok=False, text="not fit"), "answers no: not fit"),
    (Quit(0), "ends with 0"),
]


@pytest.mark.parametrize("message, said", MESSAGES, ids=lambda value: str(value)[:20])
def test_every_message_has_words(message: Message, said: str) -> None:
    """One renderer for log, history, traces and pages."""
    assert words(message) == said


@pytest.mark.parametrize("effect, said", EFFECTS, ids=lambda value: str(value)[:20])
def test_every_effect_has_words(effect: Effect, said: str) -> None:
    """The same."""
    assert line(effect) == said


class Recorder:
    """Hands that only remember what they were told to do."""

    def __init__(self) -> None:
        self.done: list[Effect] = []

    def __getattr__(self, name: str) -> object:
        return self.done.append


def test_every_effect_reaches_its_hand() -> None:
    """In order, once."""
    recorder = Recorder()
    effects = [effect for effect, _ in EFFECTS]
    carry_out(effects, recorder)  # type: ignore[arg-type]
    assert recorder.done == effects


@pytest.mark.parametrize(
    "change, named",
    [
        ({"pool": "other"}, "HAD_POOL is 'pool' here and 'other' there"),
        ({"members": (A, B)}, f"HAD_LIST is '{A} {B} {C}' here and '{A} {B}' there"),
        ({"witnesses": (C,)}, f"HAD_WITNESS_LIST is '' here and '{C}' there"),
        ({"arbitration": Arbitration.NONE}, "HAD_ARBITRATION is 'majority' here and 'none' there"),
        ({"controllee": "SCHEDD"}, "HAD_CONTROLLEE is 'NEGOTIATOR' here and 'SCHEDD' there"),
        ({}, ""),
    ],
)
def test_incompatible_members_are_told_why(change: dict[str, object], named: str) -> None:
    """With both values."""
    assert difference(IDENTITY, replace(IDENTITY, **change)) == named  # type: ignore[arg-type]


def test_which_promise_holds_is_said() -> None:
    """Mode none does not promise what only a majority can."""
    assert "survives 1 failure " in promise_in_words(rules_of())
    assert "survives no failures" in promise_in_words(rules_of(members=(A, B)))
    assert "each side of a partition leads" in promise_in_words(
        rules_of(arbitration=Arbitration.NONE)
    )


def test_every_event_has_words() -> None:
    """What a member was told, as `replay --verbose` shows it."""
    assert [happening(event) for event, _ in EVENTS] == [words for _, words in EVENTS]
