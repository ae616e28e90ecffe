"""How effects meet the world: one method per effect, one dispatch, two implementations."""

from collections.abc import Iterable
from typing import Protocol, assert_never

from hadelect.core.effects import (
    Answer,
    Cancel,
    Effect,
    Emit,
    End,
    Extend,
    Persist,
    Quit,
    Retitle,
    Run,
    Send,
    SendDatagram,
    Start,
    Stop,
)


class Hands(Protocol):
    """Implemented by runtime/driver.py and by sim/machine.py."""

    def send(self, effect: Send) -> None: ...
    def send_datagram(self, effect: SendDatagram) -> None: ...
    def persist(self, effect: Persist) -> None: ...
    def start(self, effect: Start) -> None: ...
    def extend(self, effect: Extend) -> None: ...
    def stop(self, effect: Stop) -> None: ...
    def retitle(self, effect: Retitle) -> None: ...
    def end_tree(self, effect: End) -> None: ...
    def run_errand(self, effect: Run) -> None: ...
    def cancel(self, effect: Cancel) -> None: ...
    def emit(self, effect: Emit) -> None: ...
    def answer(self, effect: Answer) -> None: ...
    def quit(self, effect: Quit) -> None: ...


def carry_out(effects: Iterable[Effect], hands: Hands) -> None:
    for effect in effects:
        match effect:
            case Send():
                hands.send(effect)
            case SendDatagram():
                hands.send_datagram(effect)
            case Persist():
                hands.persist(effect)
            case Start():
                hands.start(effect)
            case Extend():
                hands.extend(effect)
            case Stop():
                hands.stop(effect)
            case Retitle():
                hands.retitle(effect)
            case End():
                hands.end_tree(effect)
            case Run():
                hands.run_errand(effect)
            case Cancel():
                hands.cancel(effect)
            case Emit():
                hands.emit(effect)
            case Answer():
                hands.answer(effect)
            case Quit():
                hands.quit(effect)
            case _:
                assert_never(effect)
