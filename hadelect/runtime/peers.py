"""The streams to all peers: one per pair; the lower priority dials, both accept; Hello first.

Law 1: a peer that is down costs nothing but its own retries, never further apart than a heartbeat.
Law 2: who must not take part gets our Hello, is told to the core once per reason, and is tried
       again slowly.
Law 3: of two streams of one peer the newer one counts: it has the newer process or connection.
Law 4: every connection is to an address looked up for it; a Probe makes a silent peer's anew.
Law 5: whatever a peer does, it makes few lines in the log: what ends soon is tried again later and
       later, and what is said of it passes Seldom.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import grpc
import grpc.aio
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from hadelect.core.events import Event, PeerRefused, Received
from hadelect.core.messages import Hello, Message
from hadelect.core.vocabulary import Millis, Name, Rules
from hadelect.runtime import channels
from hadelect.runtime.greeting import Greeter, Unwelcome, admits
from hadelect.runtime.metrics import Metrics
from hadelect.runtime.resolver import AddressBook, Endpoint, Unresolvable
from hadelect.runtime.seldom import Seldom, and_more
from hadelect.runtime.session import Session, StreamEnded, receive, say
from hadelect.runtime.wire import Opened, ProtocolError, Wire

CONNECT = "/hadelect.v1.Election/Connect"
HELLO_SECONDS = 5.0  # How long a caller may take to say hello.
STRANGERS = 64  # Callers that have not said hello yet.
REFUSED_SECONDS = 5.0  # Until a peer that refuses us, or that we refuse, is tried again.
FIRST_BACKOFF = 0.05  # Seconds; twice as long after every failure, a heartbeat at most.
FRESH_SECONDS = 0.5  # A connection younger than this is fresh enough for a Probe.
STEADY_SECONDS = 1.0  # A stream that lived shorter was no success: the next one waits longer.
REFUSALS_KEPT = 256


class Unreachable(Exception):
    """No conversation came about; the reason in words."""


class ShortLived(Exception):
    """There was a conversation, but it ended at once: refused there, or taken over by another."""


class Ears(Protocol):
    """Who listens to what the streams bring."""

    def hear(self, event: Event) -> None: ...
    def note(self, text: str, *, warning: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class Ours:
    """What this member brings to every connection."""

    rules: Rules
    wire: Wire
    hello: Hello
    connection_timeout: float
    tls: channels.Credentials | None
    metrics: Metrics

    @property
    def hello_timeout(self) -> float:
        """Seconds for one attempt: short, so that the next one comes soon after a link heals."""
        return min(self.connection_timeout, max(0.5, 2 * self.rules.heartbeat_ms / 1000))


class Link:
    """One peer: its stream, if there is one, and what was last said of it."""

    def __init__(self, name: Name, ears: Ears) -> None:
        self.name = name
        self.note = Seldom[str](lambda text, more: ears.note(and_more(text, more)))
        self.session: Session | None = None
        self.call: Any = None  # The stream, if we dialled it.
        self.config_digest = ""
        self.trouble: str | None = None  # The kind of the last trouble that was told.
        self.hurry = asyncio.Event()

    async def nap(self, seconds: float) -> None:
        """Wait, unless somebody is in a hurry."""
        try:
            async with asyncio.timeout(seconds):
                await self.hurry.wait()
        except TimeoutError:
            return
        self.hurry.clear()


class Peers:
    def __init__(self, ours: Ours, book: AddressBook, ears: Ears) -> None:
        self._ours = ours
        self._book = book
        self._ears = ears
        self._greeter = Greeter(ours.rules.me, ours.wire, ours.hello.life)
        self._links = {name: Link(name, ears) for name in ours.rules.peers}
        self._refused: dict[Name, str] = {}
        self._tell_strange = Seldom(self._hear_strange)
        self._strangers = 0
        self._closing = False

    # --- for the driver ------------------------------------------------------------------------

    def send(self, to: Name, message: Message) -> None:
        """Lost if there is no stream."""
        session = self._links[to].session
        if session is None:
            self._ours.metrics.message(type(message).__name__, "out", "dropped")
            return
        session.put(message)

    def refresh(self, name: Name) -> None:
        """The peer is silent: a new connection, unless the present one is fresh already."""
        link = self._links[name]
        if link.session is None:
            link.hurry.set()
        elif link.session.age > FRESH_SECONDS:
            link.hurry.set()
            link.session.end("silent: a new connection is tried")

    def reloaded(self, rules: Rules, connection_timeout: float) -> None:
        """Timings for what begins from now on; streams that exist go on."""
        self._ours = replace(self._ours, rules=rules, connection_timeout=connection_timeout)

    def look(self, lease_ms: Millis) -> None:
        """Now and then: give up streams on which nothing is heard for so long."""
        for link in self._links.values():
            if link.session is not None:
                link.session.look(lease_ms / 1000)

    def connected(self, name: Name) -> bool:
        return self._links[name].session is not None

    def session(self, name: Name) -> Session | None:
        return self._links[name].session

    def config_digest(self, name: Name) -> str:
        """Empty: not heard yet."""
        return self._links[name].config_digest

    async def close(self) -> None:
        """Say what is queued, end every stream, take no new ones."""
        self._closing = True
        sessions = [(link.session, link.call) for link in self._links.values()]
        ends = [session.finish(call) for session, call in sessions if session is not None]
        await asyncio.gather(*ends)

    # --- dialling ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a stream to every peer of higher priority, for ever."""
        mine = self._ours.rules.position(self._ours.rules.me)
        async with asyncio.TaskGroup() as group:
            for link in self._links.values():
                if self._ours.rules.position(link.name) < mine:
                    group.create_task(self._keep(link), name=f"dial {link.name}")

    async def _keep(self, link: Link) -> None:
        failures = (Unreachable, Unresolvable, ShortLived, Unwelcome)
        while not self._closing:
            retrying = AsyncRetrying(
                retry=retry_if_exception_type(failures), wait=self._pause(), sleep=link.nap
            )
            async for attempt in retrying:
                with attempt:
                    await self._visit(link)
            await link.nap(random.uniform(0.01, 0.05))  # noqa: S311 - so that a quick end is no busy loop.

    def _pause(self) -> Callable[[RetryCallState], float]:
        """At random and longer after every failure, so that not all dial at once."""
        heartbeat = self._ours.rules.heartbeat_ms / 1000
        backoff = wait_random_exponential(multiplier=FIRST_BACKOFF, max=heartbeat)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome is not None else None
            return REFUSED_SECONDS if isinstance(error, Unwelcome) else backoff(state)

        return pause

    async def _visit(self, link: Link) -> None:
        """One connection. Raises Unresolvable, Unreachable, Unwelcome, ShortLived."""
        timeout = self._ours.hello_timeout
        try:
            endpoint = await self._book.refresh(link.name, timeout)
            rules = self._ours.rules
            options = channels.channel_options(rules.heartbeat_ms, rules.lease_ms)
            host = self._book.host(link.name)
            async with channels.dial(endpoint, host, options, self._ours.tls) as channel:
                await self._greet(link, channel, endpoint)
        except (Unreachable, Unresolvable) as error:
            kind = "unresolvable" if isinstance(error, Unresolvable) else "down"
            self._trouble(link, kind, str(error))
            raise
        except Unwelcome as error:
            self._refuse(error)
            raise

    async def _greet(self, link: Link, channel: grpc.aio.Channel, endpoint: Endpoint) -> None:
        where = f"{endpoint.ip}:{endpoint.port}"
        call: Any = channel.stream_stream(CONNECT)()
        try:
            async with asyncio.timeout(self._ours.hello_timeout):
                await say(call, self._ours.wire.encode(self._ours.hello))
                opened = await receive(call, self._ours.wire)
            self._greeter.judge(opened, where)
            if opened.sender != link.name:
                raise Unreachable(f"{opened.sender} answers at {where}; correct HAD_LIST or DNS")
        except TimeoutError:
            self._book.unanswered(link.name)
            raise Unreachable(f"no answer from {where}") from None
        except StreamEnded as ended:
            self._book.unanswered(link.name)
            raise Unreachable(str(ended)) from None
        except ProtocolError as error:
            self._ours.metrics.message("unknown", "in", "refused")
            raise Unreachable(f"{where} does not speak our protocol: {error}") from None
        began = asyncio.get_running_loop().time()
        await self._converse(link, call, opened, call)
        if asyncio.get_running_loop().time() - began < STEADY_SECONDS:
            raise ShortLived

    # --- accepting -----------------------------------------------------------------------------

    async def accept(self, _requests: Any, context: Any) -> None:
        """The Connect call of the Election service, with messages as bytes."""
        address = caller(context)
        if not address or self._closing or self._strangers >= STRANGERS:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not here, not now")
            return
        try:
            opened = await self._welcome(context, address)
        except (StreamEnded, ProtocolError, TimeoutError) as error:
            self._ours.metrics.message("unknown", "in", "refused")
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error) or "no Hello in time")
            return
        except Unwelcome as error:
            self._refuse(error)
            return
        await self._converse(self._links[opened.sender], context, opened, None)

    async def _welcome(self, context: Any, address: str) -> Opened:
        """Hello for Hello. Raises StreamEnded, ProtocolError, TimeoutError, Unwelcome."""
        self._strangers += 1
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                opened = await receive(context, self._ours.wire)
                if isinstance(opened.message, Hello):
                    await say(context, self._ours.wire.encode(self._ours.hello))
        finally:
            self._strangers -= 1
        self._greeter.judge(opened, address)
        if self._ours.tls is not None:
            names = channels.certified_names(context.auth_context())
            if not admits(names, self._book.host(opened.sender)):
                shown = ", ".join(sorted(names)) or "nobody"
                raise Unwelcome(opened.sender, f"its certificate is for {shown}")
        return opened

    # --- both ----------------------------------------------------------------------------------

    async def _converse(self, link: Link, stream: Any, opened: Opened, call: Any) -> None:
        session = Session(stream, self._ours.wire, self._ours.metrics)
        if link.session is not None:
            link.session.end("a newer stream of the same member")
        link.session, link.call = session, call
        link.trouble = None
        link.hurry.clear()
        link.note(f"{link.name} is connected")
        for direction in ("in", "out"):
            self._ours.metrics.message("Hello", direction, "ok")
        why = "the connection closed"
        try:
            self._hear(link, opened)
            why = await session.converse(lambda heard: self._hear(link, heard))
        finally:  # gRPC cancels the handler of a caller that is gone.
            if link.session is session:
                link.session = link.call = None
                self._trouble(link, "down", why)

    def _hear(self, link: Link, opened: Opened) -> None:
        """Raises ProtocolError."""
        if opened.sender != link.name:
            raise ProtocolError(f"{opened.sender} speaks on the stream of {link.name}")
        link.config_digest = opened.config_digest
        self._ears.hear(Received(link.name, opened.message))

    def _trouble(self, link: Link, kind: str, because: str) -> None:
        """Told when its kind changes, not at every attempt."""
        if kind != link.trouble and not self._closing:
            link.trouble = kind
            link.note(f"{link.name} is not connected: {because}")

    def _refuse(self, error: Unwelcome) -> None:
        self._ours.metrics.message("Hello", "in", "refused")
        if error.sender in self._links:
            # Told each time: while a peer that we reach refuses us, mode none must know it.
            self._ears.hear(PeerRefused(error.sender, error.because))
            return
        if self._refused.get(error.sender) == error.because:
            return
        if len(self._refused) >= REFUSALS_KEPT:
            self._refused.clear()
        self._refused[error.sender] = error.because
        self._tell_strange(error)

    def _hear_strange(self, error: Unwelcome, left_out: int) -> None:
        self._ears.hear(PeerRefused(error.sender, and_more(error.because, left_out)))


def caller(context: Any) -> str:
    """The address that a call comes from, without its port; empty = the Unix socket."""
    kind, _, address = str(context.peer()).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return ""
    return address.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]").strip("[]")
