"""REPLICATION_SNAPSHOT_COMMAND: has the scheduler write out its state before a snapshot.

Law: it runs only while the controllee may run, never longer than LONGEST, and what it leaves behind
in its process group is killed. Anything but exit 0 puts the snapshot off.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence

from hadelect.core.vocabulary import Term

LONGEST = 60.0  # Seconds.
MOST_OUTPUT = 300  # Characters of what it says that are told.


class CommandFailed(Exception):
    """It did not exit 0; in words."""


class Command:
    def __init__(self, argv: Callable[[], Sequence[str]], wanted: Callable[[], bool]) -> None:
        """`wanted`: whether the controllee may run, so that there is somebody to write out."""
        self._argv = argv
        self._wanted = wanted

    async def run(self, term: Term) -> None:
        """Raises CommandFailed."""
        argv = self._argv()
        if not argv or not self._wanted():
            return
        name = f"REPLICATION_SNAPSHOT_COMMAND ({argv[0]})"
        environ = {**os.environ, "HADELECT_TERM": str(term)}
        environ.pop("NOTIFY_SOCKET", None)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailed(f"{name} cannot be run: {error.strerror}") from None
        try:
            async with asyncio.timeout(LONGEST):
                said, _ = await process.communicate()
        except TimeoutError:
            raise CommandFailed(f"{name} did not end within {LONGEST:g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if process.returncode:
            words = said.decode(errors="replace").strip().replace("\n", " | ")[-MOST_OUTPUT:]
            raise CommandFailed(f"{name} ended with {process.returncode}: {words or 'no word'}")
