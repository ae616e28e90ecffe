"""The process of `hadelect replication`: signals, priority, the end.

Law 1: whatever an operator must put right stops the start: all of it at once, one line each, 78.
Law 2: our own bug ends this process at once with 70; systemd starts another. What is on the disk is
       whole at every instant, and no leader moves for it.
Law 3: it makes way for HAD: lower priority, batch scheduling.
"""

import asyncio
import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from hadelect.config.findings import ConfigError
from hadelect.config.load import load_replication
from hadelect.config.model import Config
from hadelect.replication.daemon import Daemon, Surroundings
from hadelect.replication.driver import Core
from hadelect.replication.errors import StoreError
from hadelect.replication.start import Prepared, prepare
from hadelect.runtime.arguments import Arguments, UsageError, parse
from hadelect.runtime.listening import PortError
from hadelect.runtime.prepare import StartRefused
from hadelect.runtime.systemd import Notifier

CONFIGURATION = 78  # EX_CONFIG
USAGE = 64  # EX_USAGE
BUG = 70  # EX_SOFTWARE
NICE = 5
STOP_SECONDS = 5.0  # Then a clean stop is given up: a disk hangs.


def main(argv: list[str], core: Core) -> NoReturn:
    try:
        arguments = parse(argv)
        prepared = prepare(read(arguments))
    except UsageError as error:
        refuse([str(error)], USAGE)
    except (ConfigError, StartRefused) as error:
        refuse(error.problems)
    make_way()
    asyncio.run(Process(prepared, core, lambda: read(arguments)).live())
    os._exit(BUG)  # Not reached: live() ends the process.


def read(arguments: Arguments) -> Config:
    """Raises ConfigError."""
    config = load_replication(
        arguments.config, arguments.sets, port=arguments.port, member=arguments.member
    )
    assert config.replication is not None
    return replace(config, log=config.replication.log)


def make_way() -> None:
    """Before any thread is started, so that all inherit it."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def refuse(problems: Any, code: int = CONFIGURATION) -> NoReturn:
    end(code, "".join(f"hadelect: {problem}\n" for problem in problems))


def end(code: int, words: str = "") -> NoReturn:
    with contextlib.suppress(OSError):
        sys.stderr.write(words)
        sys.stderr.flush()
    os._exit(code)


class Process:
    def __init__(self, prepared: Prepared, core: Core, read: Callable[[], Config]) -> None:
        self._prepared = prepared
        self._core = core
        self._read = read
        self._systemd = Notifier(os.environ)
        self._daemon: Daemon | None = None
        self._asked = False

    async def live(self) -> NoReturn:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unexpected)
        around = Surroundings(self._core, self._crashed, self._systemd, read=self._read)
        try:
            daemon = self._daemon = await Daemon.open(self._prepared, around)
            await daemon.start()
        except (StoreError, PortError) as error:
            self._say(f"not started: {error}")
            self._prepared.log.close()
            refuse(str(error).splitlines())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop)
        loop.add_signal_handler(signal.SIGHUP, daemon.reload, "SIGHUP")
        try:
            code = await daemon.run()
        except BaseException:  # noqa: BLE001 - The composition root: ends this process.
            self._crashed()
        await daemon.stop()
        end(code)

    def _on_stop(self) -> None:
        assert self._daemon is not None
        if self._asked:
            end(1)
        self._asked = True
        self._systemd.stopping()
        self._daemon.note("clean stop")
        self._daemon.stop_soon()
        asyncio.get_running_loop().call_later(STOP_SECONDS, end, 1)

    def _crashed(self) -> NoReturn:
        words = traceback.format_exc()
        self._last_words(words.strip().splitlines()[-1])
        end(BUG, words)

    def _unexpected(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What no task awaits. A callback that raised is a bug; gRPC's leftovers are not."""
        error = context.get("exception")
        if isinstance(error, BlockingIOError) or error is None or "handle" not in context:
            if self._daemon is not None:
                words = f"{context.get('message')}: {error!r}"
                self._daemon.log.debug(words)
            return
        self._last_words(repr(error))
        end(BUG, "".join(traceback.format_exception(error)))

    def _last_words(self, because: str) -> None:
        self._say(f"ends: a bug of ours: {because}")
        self._prepared.log.close()

    def _say(self, text: str) -> None:
        self._prepared.log.warning(text)
