"""The streams between all replication daemons: one per pair; the lower priority dials.

Law 1: a peer that is down costs nothing but its own retries.
Law 2: who must not take part is told why, in words, and tried again slowly.
Law 3: of two streams of one peer the newer one counts.
Law 4: whatever a peer does, it makes few lines in the log.
"""

import asyncio
import random
import secrets
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from hadelect import __version__
from hadelect.core.replication.messages import Advert
from hadelect.core.vocabulary import Name
from hadelect.replication import words
from hadelect.replication.stream import Conversation, Pen, hear, say
from hadelect.replication.welcome import Ours, Unwelcome, judge
from hadelect.replication.words import NONCE, Greeting, Opened
from hadelect.runtime import channels
from hadelect.runtime.bounds import ProtocolError
from hadelect.runtime.channels import Options
from hadelect.runtime.peers import caller
from hadelect.runtime.resolver import AddressBook, Unresolvable
from hadelect.runtime.seldom import Seldom, and_more
from hadelect.runtime.session import StreamEnded

WATCH = "/hadelect.v1.Replication/Watch"
GREETING_SECONDS = 5.0
STRANGERS = 64  # Callers that have not greeted yet.
BEAT_MS, SILENT_MS = 500, 3000  # For the connection's own keepalive; it only cleans up.
FIRST_BACKOFF, LONGEST_BACKOFF, REFUSED_SECONDS = 0.05, 1.0, 5.0
STEADY_SECONDS = 1.0  # A stream that lived shorter was no success: the next one waits longer.
MAX_MESSAGE = 8 << 20  # Bytes; of a BlocksPart, the longest.


class Unreachable(Exception):
    """No conversation came about, or none that lasted; the reason in words."""


class Ears(Protocol):
    """Who listens to what the streams bring."""

    def peer_up(self, name: Name) -> None: ...
    def peer_down(self, name: Name, because: str) -> None: ...
    def heard(self, name: Name, advert: Advert) -> None: ...
    def refused(self, because: str) -> None: ...
    def note(self, text: str, *, warning: bool = False) -> None: ...


@dataclass
class Link:
    """One peer: its stream, if there is one, and what was last said of it."""

    name: Name
    said: "Seldom[str]"
    conversation: Conversation | None = None
    channel: grpc.aio.Channel | None = None
    life: bytes = b""
    trouble: str = "not reached yet"
    advert: Advert | None = None  # Its last, on this stream.


def options() -> Options:
    limits: Options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        ("grpc.http2.lookahead_bytes", 4 << 20),
    ]
    kept = channels.channel_options(BEAT_MS, SILENT_MS)
    return [item for item in kept if item[0] != limits[0][0]] + limits


class Watches:
    def __init__(self, ours: Ours, book: AddressBook, ears: Ears) -> None:
        self._ours = ours
        self._pen = Pen(ours.pool, ours.me, ours.seal)
        self._book = book
        self._ears = ears
        self._links = {
            name: Link(name, Seldom[str](lambda text, more: ears.note(and_more(text, more))))
            for name in ours.peers
        }
        self._strange = Seldom[str](
            lambda text, more: ears.note(and_more(text, more), warning=True)
        )
        self._strangers = 0
        self._closing = False

    # --- for the others ------------------------------------------------------------------------

    def announce(self, to: Name | None, advert: Advert) -> None:
        """Lost where there is no stream."""
        for link in self._links.values():
            if link.conversation is not None and to in {None, link.name}:
                link.conversation.put(advert)

    def connected(self, name: Name) -> bool:
        return self._links[name].conversation is not None

    def trouble(self, name: Name) -> str:
        """Why there is no stream; "": there is one."""
        return "" if self.connected(name) else self._links[name].trouble

    def advert(self, name: Name) -> Advert | None:
        """Its last, on the stream that there is or was."""
        return self._links[name].advert

    def life(self, name: Name) -> bytes:
        """Of the daemon at the other end; empty: no stream."""
        return self._links[name].life if self.connected(name) else b""

    async def channel(self, name: Name) -> grpc.aio.Channel:
        """A connection for transfers from that peer. Raises Unresolvable."""
        endpoint = await self._book.refresh(name, self._ours.connection_timeout)
        return channels.dial(endpoint, self._book.host(name), options(), self._ours.tls)

    def close(self) -> None:
        self._closing = True
        for link in self._links.values():
            if link.conversation is not None:
                link.conversation.end("this daemon ends")

    # --- dialling ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a stream to every peer of higher priority, for ever."""
        mine = self._ours.members.index(self._ours.me)
        async with asyncio.TaskGroup() as group:
            for name in self._ours.members[:mine]:
                group.create_task(self._keep(self._links[name]), name=f"dial {name}")

    async def _keep(self, link: Link) -> None:
        backoff = wait_random_exponential(multiplier=FIRST_BACKOFF, max=LONGEST_BACKOFF)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            return REFUSED_SECONDS if isinstance(error, Unwelcome) else backoff(state)

        expected = retry_if_exception_type((Unreachable, Unresolvable, Unwelcome))
        while not self._closing:
            async for attempt in AsyncRetrying(retry=expected, wait=pause):
                with attempt:
                    await self._visit(link)
            await asyncio.sleep(random.uniform(0.01, 0.05))  # noqa: S311 - no busy loop.

    async def _visit(self, link: Link) -> None:
        """One connection. Raises Unresolvable, Unreachable, Unwelcome."""
        try:
            async with await self.channel(link.name) as channel:
                await self._greet(link, channel)
        except (Unreachable, Unresolvable) as error:
            self._say_trouble(link, str(error))
            raise
        except Unwelcome as error:
            self._refuse(error, link)
            raise

    async def _greet(self, link: Link, channel: grpc.aio.Channel) -> None:
        endpoint = self._book.endpoint(link.name)
        where = f"{endpoint.ip}:{endpoint.port}" if endpoint else link.name
        call: Any = channel.stream_stream(WATCH)()
        mine = self._greeting()
        try:
            async with asyncio.timeout(min(GREETING_SECONDS, self._ours.connection_timeout)):
                await say(call, self._pen.word(mine, b"", 0))
                opened = await hear(call)
            greeting = self._judge(opened, where)
            if opened.sender != link.name:
                words_ = f"{opened.sender} answers at {where}; correct REPLICATION_LIST or DNS"
                raise Unreachable(words_)
        except TimeoutError:
            self._book.unanswered(link.name)
            raise Unreachable(f"no answer from {where}") from None
        except StreamEnded as ended:
            self._book.unanswered(link.name)
            raise Unreachable(str(ended)) from None
        except ProtocolError as error:
            self._ears.refused("junk")
            raise Unreachable(f"{where} does not speak our protocol: {error}") from None
        lived = await self._converse(link, call, greeting, (mine, opened.said))
        if lived < STEADY_SECONDS:
            raise Unreachable(link.trouble)

    # --- accepting -----------------------------------------------------------------------------

    async def accept(self, _requests: Any, context: Any) -> None:
        """The Watch call, with words as bytes."""
        address = caller(context)
        if not address or self._closing or self._strangers >= STRANGERS:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not here, not now")
            return
        link: Link | None = None
        try:
            mine, opened = await self._welcome(context)
            link = self._links.get(opened.sender)
            greeting = self._judge(opened, address)
            self._ours.admit(opened.sender, context, self._book.host(opened.sender))
        except (StreamEnded, ProtocolError, TimeoutError) as error:
            self._ears.refused("junk")
            why = str(error) or "no greeting in time"
            self._strange(f"{address} is refused: {why}")
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
            return
        except Unwelcome as error:
            self._refuse(error, link)
            return
        await self._converse(self._links[opened.sender], context, greeting, (opened.said, mine))

    async def _welcome(self, context: Any) -> tuple[bytes, Opened]:
        """Greeting for greeting. Raises StreamEnded, ProtocolError, TimeoutError."""
        mine = self._greeting()
        self._strangers += 1
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                opened = await hear(context)
                words.take_greeting(opened.said)
                await say(context, self._pen.word(mine, b"", 0))
        finally:
            self._strangers -= 1
        return mine, opened

    # --- both ----------------------------------------------------------------------------------

    def _greeting(self) -> bytes:
        ours = self._ours
        greeting = Greeting(
            __version__, ours.members, ours.roots, ours.life, secrets.token_bytes(NONCE)
        )
        return words.put_greeting(greeting)

    def _judge(self, opened: Opened, where: str) -> Greeting:
        """Raises Unwelcome, ProtocolError."""
        greeting = words.take_greeting(opened.said)
        judge(self._ours, opened, greeting, where)
        if not self._pen.sealed(opened, b"", 0):
            raise Unwelcome(
                f"{opened.sender} at {where} has another key; make REPLICATION_KEY_FILE the same on"
                " all members"
            )
        return greeting

    async def _converse(
        self, link: Link, stream: Any, greeting: Greeting, greetings: tuple[bytes, bytes]
    ) -> float:
        """Until it ends; returns how many seconds it lived."""
        conversation = Conversation(stream, self._pen, link.name, greetings)
        if link.conversation is not None:
            link.conversation.end("a newer stream of the same daemon")
        link.conversation, link.life = conversation, greeting.life
        link.trouble, link.advert = "", None
        link.said(f"the replication daemon of {link.name} is connected")
        began = asyncio.get_running_loop().time()
        self._ears.peer_up(link.name)
        why = "the connection closed"
        try:
            why = await conversation.converse(lambda advert: self._heard(link, advert))
        finally:  # gRPC cancels the handler of a caller that is gone.
            if link.conversation is conversation:
                link.conversation = None
                self._say_trouble(link, why)
                if not self._closing:
                    self._ears.peer_down(link.name, why)
        return asyncio.get_running_loop().time() - began

    def _heard(self, link: Link, advert: Advert) -> None:
        link.advert = advert
        self._ears.heard(link.name, advert)

    def _say_trouble(self, link: Link, because: str) -> None:
        """Told when it changes, not at every attempt."""
        if because != link.trouble and not self._closing:
            link.trouble = because
            link.said(f"the replication daemon of {link.name} is not connected: {because}")

    def _refuse(self, error: Unwelcome, link: Link | None) -> None:
        """`link`: of whom it says that it is; what it has is not touched."""
        self._ears.refused("unwelcome")
        if link is not None:
            link.trouble = str(error)
        self._strange(f"refused: {error}")
