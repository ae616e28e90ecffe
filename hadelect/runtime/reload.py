"""A reload: read the configuration again, off the loop, and take over what may change live.

Law 1: nothing is read on the loop: a hung file server under the configuration delays no Alive.
Law 2: one at a time; whoever asks while one runs shares the next one, so a storm of signals is two.
Law 3: all or nothing: what cannot be used (a mistake in the file, an expired certificate, a log
       that cannot be opened) keeps the old configuration in force and is said.
Law 4: it never moves the leader and never touches the controllee, whatever goes wrong here.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hadelect.config.findings import ConfigError
from hadelect.config.model import Config
from hadelect.config.reload import Difference, differences, reloaded
from hadelect.config.schema import Change
from hadelect.runtime import certificates, log
from hadelect.runtime.certificates import KeyPair, TlsError

PATIENCE_SECONDS = 10.0  # For reading; then it is said that it hangs.
PAUSE_SECONDS = 0.1  # Between two reloads: parsing must not keep a core busy.


class ReloadRefused(Exception):
    """What the operator must put right, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that a reload needs, read, tried and opened."""

    config: Config  # As in the files.
    merged: Config  # What of it holds while the member runs.
    differences: tuple[Difference, ...]
    pair: KeyPair | None
    log: logging.Handler


@dataclass(frozen=True, slots=True)
class Outcome:
    differences: tuple[Difference, ...] = ()
    problems: tuple[str, ...] = ()  # Not empty: refused, the old configuration holds.
    warnings: tuple[str, ...] = ()
    operator: str = ""

    @property
    def text(self) -> str:
        """In one line, for log and history."""
        by = f" ({printable(self.operator[:100])})" if self.operator else ""
        if self.problems:
            return f"reload refused, the old configuration holds: {'; '.join(self.problems)}{by}"
        return f"reload: {'; '.join(map(str, self.differences)) or 'nothing has changed'}{by}"


def printable(words: str) -> str:
    """An operator's name is whatever the caller says."""
    return words if words.isprintable() else words.encode("unicode_escape").decode()


class Reloadable(Protocol):
    """The member."""

    @property
    def config(self) -> Config: ...
    def reloading(self) -> None: ...
    def adopt(self, found: Found, outcome: Outcome) -> Outcome: ...
    def keep(self, outcome: Outcome) -> None: ...
    def note(self, text: str, *, warning: bool = False) -> None: ...


class Reloader:
    """To be made inside a running loop."""

    def __init__(self, member: Reloadable, read: Callable[[], Config]) -> None:
        """`read` is called in a thread of its own; it may raise ConfigError."""
        self._member = member
        self._read = read
        self._running: asyncio.Task[Outcome] | None = None
        self._next: asyncio.Task[Outcome] | None = None

    async def reload(self, operator: str) -> Outcome:
        return await asyncio.shield(self.ask(operator))

    def ask(self, operator: str) -> "asyncio.Task[Outcome]":
        loop = asyncio.get_running_loop()
        if self._running is None or self._running.done():
            self._running = loop.create_task(self._once(operator))
            return self._running
        if self._next is None:
            self._next = loop.create_task(self._after(self._running, operator))
        return self._next

    async def _after(self, running: "asyncio.Task[Outcome]", operator: str) -> Outcome:
        await asyncio.wait((running,))
        await asyncio.sleep(PAUSE_SECONDS)
        self._running, self._next = self._next, None
        return await self._once(operator)

    async def _once(self, operator: str) -> Outcome:
        self._member.reloading()
        reading = off_the_loop(lambda: read_all(self._read, self._member.config))
        done, _ = await asyncio.wait((reading,), timeout=PATIENCE_SECONDS)
        if not done:
            hangs = f"not read within {PATIENCE_SECONDS:g} s: does a file server hang?"
            self._member.keep(Outcome(problems=(hangs,), operator=operator))
        try:
            found = await reading
        except ReloadRefused as refused:
            outcome = Outcome(problems=tuple(refused.problems), operator=operator)
            self._member.keep(outcome)
            return outcome
        return self._member.adopt(found, Outcome(found.differences, operator=operator))


def read_all(read: Callable[[], Config], old: Config) -> Found:
    """In a thread of its own. Raises ReloadRefused."""
    try:
        new = read()
    except ConfigError as error:
        raise ReloadRefused(list(error.problems)) from None
    changes = differences(old, new)
    never = [str(item) for item in changes if item.change is Change.NEVER]
    if never:
        raise ReloadRefused(never)
    merged = reloaded(old, new)
    problems: list[str] = []
    pair = None
    if merged.tls is not None:
        try:
            pair = certificates.read(merged.tls)
            from hadelect.runtime import rehearsal  # noqa: PLC0415 - there with TLS only

            rehearsal.rehearse(pair, merged.me.host)
        except TlsError as error:
            problems.append(str(error))
    handler = None
    try:
        handler = log.opened(merged.log)
    except OSError as error:
        problems.append(
            f"{merged.log.variable}: {merged.log.path}: {error.strerror};"
            " name a file that this user may write"
        )
    if problems or handler is None:
        if handler is not None:
            handler.close()
        raise ReloadRefused(problems)
    return Found(new, merged, changes, pair, handler)


def off_the_loop(work: Callable[[], Found]) -> "asyncio.Future[Found]":
    """In a thread that the end of this process does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Found] = loop.create_future()

    def answer(found: Found | ReloadRefused) -> None:
        if future.done():
            return
        if isinstance(found, ReloadRefused):
            future.set_exception(found)
        else:
            future.set_result(found)

    def run() -> None:
        found: Found | ReloadRefused
        try:
            found = work()
        except ReloadRefused as refused:
            found = refused
        except Exception as error:  # noqa: BLE001 - A reload never ends a daemon, not by a bug either.
            found = ReloadRefused([f"a bug of ours, please report it: {error!r}"])
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            loop.call_soon_threadsafe(answer, found)

    threading.Thread(target=run, name="reload", daemon=True).start()
    return future
