"""The daemon: `python -m hadelect.daemon ARGS`, child of the supervisor. Here everything meets.

Law 1: whatever an operator must put right stops the start: all of it at once, one line each, 78.
Law 2: our own bug ends this process at once; the supervisor makes that safe.
Law 3: no file and no resolver is touched by the loop once the member runs.
Law 4: the end waits for no hung disk, resolver, client or reader of stderr: os._exit, once the last
       words are out or have had their time.
"""

import gc

if __name__ == "__main__":
    gc.disable()  # What is imported stays: looking for garbage in it costs a tenth of the start.

import asyncio
import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from hadelect import __version__
from hadelect.config.findings import ConfigError
from hadelect.config.load import load
from hadelect.config.model import Config
from hadelect.core.render import promise_in_words
from hadelect.runtime.arguments import UsageError, parse
from hadelect.runtime.listening import PortError
from hadelect.runtime.member import Member, Surroundings
from hadelect.runtime.prepare import Prepared, StartRefused, prepare
from hadelect.runtime.supervisor_client import SupervisorClient
from hadelect.runtime.systemd import Notifier
from hadelect.supervisor import descriptors
from hadelect.supervisor.dying import Life

CONFIGURATION = 78  # EX_CONFIG
BUG = 70  # EX_SOFTWARE
LOST = 75  # EX_TEMPFAIL: the supervisor is gone.
STOP_SECONDS = 30.0  # Besides the controllee's own time: then a clean stop is given up.
LAST_WORDS_SECONDS = 0.5  # For Resign, the clean record and Goodbye without a supervisor.
RESPITE_SECONDS = 0.05  # For the successor on this very machine, before we take all down.
STDERR_SECONDS = 0.5  # For whoever reads it.
ONE_SIGNAL_SECONDS = 1.0  # A process group and the supervisor may both bring us the same signal.


def main(argv: list[str]) -> NoReturn:
    try:
        arguments = parse(argv)
        config = load(
            arguments.config, arguments.sets, port=arguments.port, member=arguments.member
        )
        fd = supervisor_fd()
        prepared = prepare(config, reset_membership=arguments.reset_membership)
    except UsageError as error:
        refuse([str(error)])
    except ConfigError as error:
        refuse(error.problems)
    except StartRefused as error:
        refuse(error.problems)
    descriptors.raise_limit()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def read() -> Config:
        return load(arguments.config, arguments.sets, port=arguments.port, member=arguments.member)

    loop.run_until_complete(Process(prepared, fd, read).live())
    os._exit(BUG)  # Not reached: live() ends the process.


def refuse(problems: Any) -> NoReturn:
    to_stderr("".join(f"hadelect: {problem}\n" for problem in problems))
    end(CONFIGURATION)


def supervisor_fd() -> int:
    """Raises UsageError."""
    fd = os.environ.pop("HADELECT_SUPERVISOR_FD", "")
    if not fd.isdecimal():
        raise UsageError("the daemon has no supervisor; start it with `hadelect had`")
    return int(fd)


class Process:
    """The member and what belongs to the process: signals, the supervisor, the end."""

    def __init__(self, prepared: Prepared, fd: int, read: Callable[[], Config]) -> None:
        self._loop = asyncio.get_event_loop()
        self._prepared = prepared
        self._systemd = Notifier(os.environ)
        self._fd = fd
        self._read = read
        self._life = Life(fd)
        self._asked_at: float | None = None
        self._led = False  # When it was asked to stop.
        self._member: Member | None = None

    async def live(self) -> NoReturn:
        self._loop.set_exception_handler(self._unexpected)
        around = Surroundings(self._crashed, self._systemd, read=self._read)
        member = self._member = Member(self._prepared, around)
        try:
            await member.start()
            supervisor = SupervisorClient(
                self._fd, member.hear, member.output, self._lost, self._refused
            )
            supervisor.configure(self._prepared.config)
        except (PortError, ValueError) as error:
            self._refused(str(error))
        self._listen_to_signals()
        self._say_start(member)
        member.boot(supervisor)
        gc.freeze()  # What there is now is never looked at again: no long pauses.
        gc.enable()
        code = await self._run(member)
        if self._led:
            await asyncio.sleep(RESPITE_SECONDS)
        supervisor.close()
        await member.stop()
        end(code)

    async def _run(self, member: Member) -> int:
        try:
            return await member.run()
        except BaseException:
            self._crashed()
            raise

    def _say_start(self, member: Member) -> None:
        rules = self._prepared.rules
        member.note(
            f"hadelect {__version__}, pool {rules.identity.pool}: {promise_in_words(rules)}"
        )
        for warning in self._prepared.config.warnings:
            member.note(warning, warning=True)

    # --- signals -------------------------------------------------------------------------------

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_stop, signal.Signals(number).name)
        self._loop.add_signal_handler(signal.SIGHUP, self._on_reload)

    def _on_stop(self, name: str) -> None:
        assert self._member is not None
        now = self._loop.time()
        if self._asked_at is None:
            self._asked_at = now
            self._led = self._member.driver.state.leading is not None
            self._systemd.stopping()
            self._member.driver.shut_down(f"clean stop ({name})")
            config = self._member.config
            limit = STOP_SECONDS + config.controllee.stop_timeout + config.hooks_take
            self._loop.call_later(limit, self._give_up, f"not stopped after {limit:g} s")
        elif now - self._asked_at > ONE_SIGNAL_SECONDS:
            self._give_up(f"a second {name}")

    def _on_reload(self) -> None:
        assert self._member is not None
        self._member.reload("SIGHUP")

    # --- ends ----------------------------------------------------------------------------------

    def _give_up(self, because: str) -> NoReturn:
        """Not clean: the supervisor kills the tree and says so."""
        self._last_words(f"ends without a clean stop: {because}")
        end(1)

    def _lost(self) -> None:
        """Its tree is verified dead and our core has resigned: say so to all, then end."""
        assert self._member is not None
        self._member.note("ends: the supervisor is gone", warning=True)
        self._member.driver.shut_down("the supervisor is gone")
        self._loop.call_later(LAST_WORDS_SECONDS, end, LOST)

    def _refused(self, because: str) -> NoReturn:
        if self._prepared.config.log.path is not None:  # Else stderr would have it twice.
            self._last_words(because)
        refuse(because.splitlines())

    def _crashed(self) -> NoReturn:
        words = traceback.format_exc()
        to_stderr(words)
        self._last_words(f"ends: a bug of ours: {words.strip().splitlines()[-1]}")
        end(BUG)

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What no task awaits. A callback that raised is a bug; gRPC's leftovers are not."""
        error = context.get("exception")
        if isinstance(error, BlockingIOError) or error is None or "handle" not in context:
            if self._member is not None:
                words = f"{context.get('message')}: {error!r}"
                self._member.log.debug(words)
            return
        to_stderr("".join(traceback.format_exception(error)))
        self._last_words(f"ends: a bug of ours: {error!r}")
        end(BUG)

    def _last_words(self, because: str) -> None:
        if self._member is not None:
            self._member.last_words(because)


def end(code: int) -> NoReturn:
    to_stderr("")
    os._exit(code)


def to_stderr(text: str) -> None:
    """Out, with all that was written before; given up if nobody reads it."""

    def write() -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()

    thread = threading.Thread(target=write, name="stderr", daemon=True)
    thread.start()
    thread.join(STDERR_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1:])
