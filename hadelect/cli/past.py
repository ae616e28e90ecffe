"""Where a history is read: from the file on this machine, or from a member that is asked.

Law: a source that fails now is asked again the next time and goes on where it was; what it says of
its troubles it says once per change.
"""

import asyncio
import time
from collections.abc import Iterator

import grpc
import grpc.aio

from hadelect.cli.client import credentials_of, local_stub, member_stub, words_of
from hadelect.cli.failures import Failure
from hadelect.cli.knock import require_open
from hadelect.config.model import PoolView
from hadelect.pb.control_pb2 import HistoryReply, HistoryRequest
from hadelect.pb.control_pb2_grpc import ControlStub
from hadelect.runtime.archive import Excerpt, excerpt
from hadelect.runtime.history import FILE

SECONDS = 2.0  # For one piece of a history.
NOTABLE_SKEW = 0.5  # Seconds between two wall clocks.


class Unread(Exception):
    """Why a history could not be read."""


class Past:
    """One member's history, read piece by piece."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.read = False  # At least once.
        self.trouble = ""  # Why it cannot be read now.
        self.half_written = False
        self._cursor = ""
        self._damaged = 0
        self._said = ""
        self._skew = 0.0

    async def piece(self, cursor: str, since: str) -> Excerpt:
        """Raises Unread."""
        raise NotImplementedError

    async def all(self, since: str) -> list[str]:
        """What has been written since the last time."""
        lines: list[str] = []
        while True:
            try:
                found = await self.piece(self._cursor, since)
            except Unread as error:
                self.trouble = str(error)
                return lines
            self.read, self.trouble = True, ""
            self._cursor = found.cursor
            self._damaged += found.damaged
            self.half_written = found.half_written
            lines += found.lines
            if not found.more:
                return lines

    def news(self) -> Iterator[str]:
        """What should be said of it, once."""
        if self.trouble != self._said:
            self._said = self.trouble
            yield self.trouble or f"{self.who}: its history is read again"
        if self._damaged:
            lines = "line" if self._damaged == 1 else "lines"
            yield f"{self.who}: {self._damaged} damaged {lines} skipped"
            self._damaged = 0
        if abs(self._skew) >= NOTABLE_SKEW:
            how = "ahead of" if self._skew > 0 else "behind"
            yield f"{self.who}: its wall clock is {abs(self._skew):.1f} s {how} this machine's"
            self._skew = 0.0

    def clock(self, theirs: float, sent: float, received: float) -> None:
        """Compare wall clocks; only once, and only as well as the answer was quick."""
        difference = theirs - (sent + received) / 2
        first = not self.read
        self._skew = difference if first and abs(difference) > received - sent else 0.0


class LocalPast(Past):
    """The file; who may not read it asks the member through its socket."""

    def __init__(self, pool: PoolView) -> None:
        self._path = pool.state_dir / FILE
        self._socket = pool.control_socket
        super().__init__(str(self._path))

    async def piece(self, cursor: str, since: str) -> Excerpt:
        try:
            if not self._path.parent.is_dir():
                raise Unread(f"{self._path.parent} does not exist: {ELSEWHERE}")
            return excerpt(self._path, cursor, since)
        except PermissionError:
            pass
        except OSError as error:
            raise Unread(f"{self._path}: {error.strerror or error}") from error
        try:
            require_open(self._socket)
        except Failure as failure:
            words = f"you may not read {self._path}, and {failure.message}"
            raise Unread(words) from failure
        async with local_stub(self._socket) as stub:
            return await asked(self, stub, HistoryRequest(cursor=cursor, since=since))


ELSEWHERE = "no member has run here; name one with --member, or its configuration with --config"


class RemotePast(Past):
    """A member that is asked on its HAD_LIST port."""

    def __init__(self, pool: PoolView, name: str) -> None:
        super().__init__(name)
        entries = pool.members + pool.witnesses
        self._entry = next(entry for entry in entries if entry.name == name)
        self._pool = pool

    async def piece(self, cursor: str, since: str) -> Excerpt:
        async with member_stub(self._entry, credentials_of(self._pool.tls)) as stub:
            return await asked(self, stub, HistoryRequest(cursor=cursor, since=since))


async def asked(past: Past, stub: ControlStub, request: HistoryRequest) -> Excerpt:
    """Raises Unread."""
    sent = time.time()
    try:
        async with asyncio.timeout(SECONDS + 0.1):
            reply: HistoryReply = await stub.History(request, timeout=SECONDS)
    except grpc.aio.AioRpcError as error:
        raise Unread(f"{past.who}: its history cannot be read: {words_of(error)}") from error
    except TimeoutError as error:
        raise Unread(f"{past.who}: its history cannot be read: no answer in time") from error
    past.clock(reply.wall_clock, sent, time.time())
    return Excerpt(tuple(reply.lines), reply.cursor, reply.more, reply.damaged, reply.half_written)
