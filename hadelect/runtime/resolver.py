"""Where the voters are: names to addresses, off the event loop.

Law 1: a resolver that hangs delays nobody. Each look-up has a daemon thread of its own, at most one
       per host at a time; who waits for it waits for a bounded time.
Law 2: while a name does not resolve, its last known address stays in use.
Law 3: a name that never resolved is a peer that is down, not an error.
"""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hadelect.config.model import Address
from hadelect.core.vocabulary import Name

Lookup = Callable[[str], tuple[str, ...]]  # A host name to its addresses; raises OSError.
AGAIN_SECONDS = 30.0  # How often names are looked up again while nothing else asks.


class Unresolvable(Exception):
    """No address is known for this name."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    ip: str
    port: int

    @property
    def target(self) -> str:
        """As gRPC takes it, so that it asks no resolver of its own."""
        if ":" in self.ip:
            return f"ipv6:[{self.ip}]:{self.port}"
        return f"ipv4:{self.ip}:{self.port}"


def lookup(host: str) -> tuple[str, ...]:
    """Asks the system's resolver; blocks for as long as that likes."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # A label longer than the protocol allows.
        raise OSError(str(error)) from None
    return tuple(dict.fromkeys(str(item[4][0]) for item in found))


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Resolver:
    def __init__(self, look: Lookup = lookup) -> None:
        self._look = look
        self._known: dict[str, tuple[str, ...]] = {}
        self._running: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def resolve(self, host: str, timeout: float) -> tuple[str, ...]:
        """At least one address, after at most `timeout` seconds. Raises Unresolvable."""
        if is_literal(host):
            return (host,)
        running = self._running.get(host) or self._begin(host)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(running)
        except TimeoutError:
            why = f"no answer within {timeout:g} s"
        except OSError as error:
            why = error.strerror or str(error)
        if host in self._known:
            return self._known[host]
        raise Unresolvable(f"{host} does not resolve: {why}")

    def _begin(self, host: str) -> asyncio.Future[tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[str, ...]] = loop.create_future()
        answer.add_done_callback(lambda future: self._end(host, future))
        self._running[host] = answer

        def told(addresses: tuple[str, ...], error: OSError | None) -> None:
            if answer.cancelled():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(addresses)

        def look() -> None:
            addresses: tuple[str, ...] = ()
            failed: OSError | None = None
            try:
                addresses = self._look(host)
            except OSError as error:
                failed = error
            if not addresses and failed is None:
                failed = OSError("no address")
            if not loop.is_closed():
                loop.call_soon_threadsafe(told, addresses, failed)

        threading.Thread(target=look, name=f"resolve {host}", daemon=True).start()
        return answer

    def _end(self, host: str, answer: asyncio.Future[tuple[str, ...]]) -> None:
        self._running.pop(host, None)
        if not answer.cancelled() and answer.exception() is None:
            self._known[host] = answer.result()


class AddressBook:
    """The endpoint in use of every peer, and who wants to know when one changes."""

    def __init__(
        self, peers: Iterable[Address], resolver: Resolver, changed: Callable[[], None]
    ) -> None:
        self._peers = {Name(peer.name): peer for peer in peers}
        self._resolver = resolver
        self._changed = changed
        self._choices: dict[Name, tuple[str, ...]] = {}
        self._chosen: dict[Name, int] = {}
        self.failed: dict[Name, str] = {}  # Why a name has no address now.

    def host(self, name: Name) -> str:
        return self._peers[name].host

    def endpoint(self, name: Name) -> Endpoint | None:
        """None: not known (yet)."""
        choices = self._choices.get(name)
        if not choices:
            return None
        return Endpoint(choices[self._chosen[name] % len(choices)], self._peers[name].port)

    def endpoints(self) -> Mapping[Name, Endpoint]:
        found = ((name, self.endpoint(name)) for name in self._peers)
        return {name: endpoint for name, endpoint in found if endpoint is not None}

    async def refresh(self, name: Name, timeout: float) -> Endpoint:
        """Look the name up again. Raises Unresolvable."""
        before = self.endpoint(name)
        try:
            choices = await self._resolver.resolve(self._peers[name].host, timeout)
        except Unresolvable as error:
            self.failed[name] = str(error)
            raise
        self.failed.pop(name, None)
        if choices != self._choices.get(name):
            self._choices[name] = choices
            self._chosen[name] = 0
        endpoint = self.endpoint(name)
        assert endpoint is not None
        if endpoint != before:
            self._changed()
        return endpoint

    def unanswered(self, name: Name) -> None:
        """The endpoint in use did not answer: the next attempt takes the next address."""
        if len(self._choices.get(name, ())) > 1:
            self._chosen[name] += 1

    async def keep(self) -> None:
        """Know every peer from the start, also those that dial us; then look again by and by."""
        await self._refresh_all(self._peers)
        names = [name for name, peer in self._peers.items() if not is_literal(peer.host)]
        while names:
            await asyncio.sleep(AGAIN_SECONDS)
            await self._refresh_all(names)

    async def _refresh_all(self, names: Iterable[Name]) -> None:
        asked = (self.refresh(name, AGAIN_SECONDS) for name in names)
        for outcome in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, Unresolvable):
                raise outcome
