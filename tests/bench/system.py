"""A system that keeps one scheduler running on one of its nodes: hadelect, or a peer of it."""

import contextlib
import os
import random
import signal
from collections.abc import Callable, Iterable
from typing import Protocol

from tests.bench.blows import Blow
from tests.bench.lives import Schedulers
from tests.e2e.judge import Journal

Strike = Callable[[], None]
DICE = random.Random(1)
SETTLING = 60.0  # Between trials nobody hurries.


class System(Protocol):
    """Law: `settle`, `aim`, the strike, `relieve`, `repair`, in this order, again and again."""

    name: str
    journal: Journal
    schedulers: Schedulers
    patience: float  # A take-over that takes longer, in s, is none.

    def settle(self) -> None:
        """Wait until one scheduler runs and every node is ready to take over."""

    def phase(self) -> float:
        """How long to wait, in s, so that the blow falls at any phase of what is periodic."""

    def aim(self, blow: Blow) -> Strike:
        """Find what to hit before the clock starts."""

    def relieve(self) -> None:
        """Thaw what was frozen, put the cable back."""

    def repair(self) -> None:
        """Clear away what the blow left, start what is down."""

    def swift(self, blow: Blow) -> bool:
        """Whether the take-over is a matter of milliseconds, so that others must be quiet."""

    def close(self) -> None: ...


class Frozen:
    """Processes under SIGSTOP, held by descriptors, so that no reused pid is ever continued."""

    def __init__(self) -> None:
        self._held: list[int] = []

    def hold(self, pids: Iterable[int]) -> Strike:
        self._held = [os.pidfd_open(pid) for pid in pids]
        return lambda: self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)
        for descriptor in self._held:
            os.close(descriptor)
        self._held = []

    def _send(self, number: signal.Signals) -> None:
        for descriptor in self._held:
            try:
                signal.pidfd_send_signal(descriptor, number)
            except ProcessLookupError:
                continue  # It was killed while frozen: that is a way to be safe.


def killed(pids: list[int]) -> Strike:
    """SIGKILL of several as one blow: none of them reacts to the end of another."""

    def strike() -> None:
        for number in (signal.SIGSTOP, signal.SIGKILL)[len(pids) == 1 :]:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):  # It died with another one.
                    os.kill(pid, number)

    return strike
