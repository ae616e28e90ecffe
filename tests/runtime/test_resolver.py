"""Names to addresses: bounded waiting, last known answers, several addresses."""

import asyncio
import threading

import pytest

from hadelect.config.model import Address
from hadelect.core.vocabulary import Name
from hadelect.runtime.resolver import AddressBook, Endpoint, Resolver, Unresolvable
from tests.runtime.pool import until

CM1 = Address("cm1:51450", "cm1", 51450)
NAME = Name("cm1:51450")


class System:
    """Stands in for the system's resolver, which no test can make hang."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.answers = threading.Event()
        self.answers.set()
        self.asked = 0

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked += 1
        self.answers.wait()
        if not self.addresses:
            raise OSError("Name or service not known")
        return self.addresses


async def test_an_address_needs_no_resolver() -> None:
    """Literal addresses are never looked up."""
    system = System()
    resolver = Resolver(system)
    assert await resolver.resolve("10.0.0.1", 1) == ("10.0.0.1",)
    assert await resolver.resolve("::1", 1) == ("::1",)
    assert system.asked == 0


async def test_a_hung_resolver_costs_its_time_limit_once() -> None:
    """Who waits gives up in time; one thread per host, however many ask; the answer is kept."""
    system = System("10.0.0.1")
    system.answers.clear()
    resolver = Resolver(system)
    for _ in range(3):
        with pytest.raises(Unresolvable, match="no answer within 0.05 s"):
            await resolver.resolve("cm1", 0.05)
    assert system.asked == 1
    system.answers.set()
    assert await resolver.resolve("cm1", 5) == ("10.0.0.1",)


async def test_the_last_known_address_stays_in_use() -> None:
    """The resolver fails or hangs after an answer: the answer is still good."""
    system = System("10.0.0.1")
    resolver = Resolver(system)
    assert await resolver.resolve("cm1", 5) == ("10.0.0.1",)
    system.addresses = ()
    assert await resolver.resolve("cm1", 5) == ("10.0.0.1",)
    system.answers.clear()
    assert await resolver.resolve("cm1", 0.05) == ("10.0.0.1",)
    system.answers.set()


async def test_a_name_without_an_address_is_unresolvable() -> None:
    """The reason is the system's."""
    with pytest.raises(Unresolvable, match="cm1 does not resolve: Name or service not known"):
        await Resolver(System()).resolve("cm1", 5)


async def test_a_changed_address_is_told() -> None:
    """The book tells once per change, and hands the new endpoint out."""
    system = System("10.0.0.1")
    changes: list[Endpoint | None] = []
    book = AddressBook((CM1,), Resolver(system), lambda: changes.append(book.endpoint(NAME)))
    assert book.endpoint(NAME) is None
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2"):
        system.addresses = (address,)
        assert await book.refresh(NAME, 5) == Endpoint(address, 51450)
    assert changes == [Endpoint("10.0.0.1", 51450), Endpoint("10.0.0.2", 51450)]
    assert book.endpoints() == {NAME: Endpoint("10.0.0.2", 51450)}


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    """A name with two addresses: each in turn."""
    book = AddressBook((CM1,), Resolver(System("10.0.0.1", "fd00::1")), lambda: None)
    tried = []
    for _ in range(3):
        tried.append((await book.refresh(NAME, 5)).target)
        book.unanswered(NAME)
    assert tried == ["ipv4:10.0.0.1:51450", "ipv6:[fd00::1]:51450", "ipv4:10.0.0.1:51450"]


async def test_all_peers_are_known_soon_after_the_start() -> None:
    """Also those that dial us; one that does not resolve does not stop the others."""

    def look(host: str) -> tuple[str, ...]:
        if host == "cm2":
            raise OSError("no")
        return ("10.0.0.1",)

    cm2 = Address("cm2:1", "cm2", 1)
    book = AddressBook((CM1, cm2), Resolver(look), lambda: None)
    keeping = asyncio.create_task(book.keep())
    await until(lambda: book.endpoint(NAME))
    assert Name("cm2:1") not in book.endpoints()
    await until(lambda: "cm2 does not resolve" in book.failed.get(Name("cm2:1"), ""))
    keeping.cancel()
