"""The administrator's commands (hooks, probe, fence command), run by the supervisor.

1. This process never forks. What the supervisor says of a command's end becomes one Ran.
2. Unknown is not failed: a command that could not be run, that somebody else killed, whose time ran
   out while this machine slept, or of which the supervisor says nothing.

| exit of a probe | means |
|---|---|
| 0 | well |
| 3 (UNKNOWN of monitoring plug-ins), 126, 127 (a shell could not run it) | unknown |
| any other, or the time limit | failed |
"""

import asyncio
from collections.abc import Callable
from typing import Any

from hadelect.config.model import Config, ErrandSpec
from hadelect.core.effects import Cancel, Run
from hadelect.core.events import Event, Ran
from hadelect.core.vocabulary import Cause, Errand, Outcome
from hadelect.runtime.controllee_output import OnOutput
from hadelect.runtime.supervisor_words import user_of
from hadelect.supervisor.packets import Body, number, text

ANSWER_SECONDS = 5.0  # After its time limit the supervisor has that long to say how it ended.
READ_FIRST_SECONDS = 0.1  # We may be the one who was asleep.
UNKNOWN_EXITS = (3, 126, 127)
PLANNED = (Cause.HANDOVER, Cause.PRIMARY, Cause.SHUTDOWN, Cause.RESIGN)


class Errands:
    def __init__(
        self,
        send: Callable[[Body], None],
        on_event: Callable[[Event], None],
        on_output: OnOutput,
    ) -> None:
        self._send = send
        self._on_event = on_event
        self._on_output = on_output
        self._specs: dict[Errand, ErrandSpec] = {}
        self._environment: dict[str, str] = {}  # The same for all.
        self._of_probe: list[list[str]] = []
        self._user: Body | None = None  # The probe's.
        self._running: dict[int, tuple[Run, asyncio.TimerHandle]] = {}
        self._is_lost = False

    def configure(self, config: Config) -> None:
        self.adjust(config)
        controllee = config.controllee
        self._environment = {
            "HADELECT_MEMBER": config.me.name,
            "HADELECT_CONTROLLEE": controllee.name,
        }
        self._of_probe = [list(pair) for pair in controllee.environment]
        runs = controllee.user and not config.witness
        self._user = user_of(controllee) if runs else None

    def adjust(self, config: Config) -> None:
        """A reload: what runs ends as it began. The rest waits for a restart, so that nobody asks
        a directory service for the user here.
        """
        self._specs = {Errand(name): spec for name, spec in config.errands}

    def run(self, effect: Run) -> None:
        spec = self._specs.get(effect.errand)
        if self._is_lost:
            self._arm(effect, 0, lambda errand: self._over(errand, "the supervisor is gone"))
            return
        if spec is None:
            self._arm(effect, 0, self._nothing_to_do)
            return
        probe = effect.errand is Errand.CHECK
        environment = [*(self._of_probe if probe else []), *self._told(effect)]
        body: Body = {"do": "run", "id": effect.id, "name": spec.name, "argv": list(spec.argv)}
        limit_ms = int(spec.timeout * 1000)
        user = self._user if probe else None
        self._arm(effect, spec.timeout + ANSWER_SECONDS, self._look_once_more)
        self._send({**body, "environment": environment, "limit_ms": limit_ms, "user": user})

    def cancel(self, effect: Cancel) -> None:
        self._send({"do": "cancel", "id": effect.id})

    def hear(self, body: Body) -> None:
        """How one ended. Raises JunkError."""
        errand, because = number(body, "id"), text(body, "because")
        if errand not in self._running:
            return
        run, timer = self._running.pop(errand)
        timer.cancel()
        name = self._specs[run.errand].name if run.errand in self._specs else run.errand.value
        for line in text(body, "output").splitlines():
            self._on_output(name, line)
        self._on_event(Ran(errand, outcome_of(text(body, "end"), number(body, "number")), because))

    def lose(self) -> None:
        """The supervisor is gone, and with it all that it ran."""
        self._is_lost = True
        for errand in tuple(self._running):
            self._over(errand, "the supervisor is gone")

    def _told(self, run: Run) -> list[list[str]]:
        told = {
            **self._environment,
            "HADELECT_TERM": str(run.term),
            "HADELECT_HOOK": run.errand.value,
            "HADELECT_CAUSE": run.cause.value,
            "HADELECT_OLD_LEADER": run.old or "",
            "HADELECT_NEW_LEADER": run.new or "",
            "HADELECT_PLANNED": "1" if run.cause in PLANNED else "0",
        }
        return [list(pair) for pair in told.items()]

    def _arm(self, run: Run, seconds: float, act: Callable[[int], Any]) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, act, run.id)
        self._running[run.id] = (run, timer)

    def _look_once_more(self, errand: int) -> None:
        run, _ = self._running[errand]
        because = "the supervisor does not say how it ended"
        self._arm(run, READ_FIRST_SECONDS, lambda number: self._over(number, because))

    def _nothing_to_do(self, errand: int) -> None:
        """A reload took the hook away while it waited: it must not veto, nor hold up a stop."""
        if self._running.pop(errand, None):
            self._on_event(Ran(errand, Outcome.DONE, "no command is configured"))

    def _over(self, errand: int, because: str) -> None:
        if self._running.pop(errand, None):
            self._on_event(Ran(errand, Outcome.UNKNOWN, because))


def outcome_of(end: str, code: int) -> Outcome:
    if end == "exit" and code == 0:
        return Outcome.DONE
    if end == "limit" or (end == "exit" and code not in UNKNOWN_EXITS):
        return Outcome.FAILED
    return Outcome.UNKNOWN
