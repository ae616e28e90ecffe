"""The voters' list in force: durable; the configuration only proposes."""

from dataclasses import dataclass

from hadelect.config import kinds
from hadelect.config.findings import Refused
from hadelect.config.model import Address, Config
from hadelect.core.vocabulary import Name
from hadelect.runtime.store import StoreError, Voters


@dataclass(frozen=True, slots=True)
class Membership:
    voters: Voters
    addresses: tuple[Address, ...]  # Of every voter but this member.
    warning: str  # Not empty: the configuration proposes another list.


def proposed(config: Config) -> Voters:
    """The list of the configuration."""
    return Voters(
        tuple(Name(member.name) for member in config.members),
        tuple(Name(witness.name) for witness in config.witnesses),
    )


def in_force(config: Config, voters: Voters) -> Membership:
    """What the durable list means here. Raises StoreError."""
    names = (*voters.members, *voters.witnesses)
    if config.me.name not in names:
        raise StoreError(
            f"HAD_LIST: {config.me.name} is not in the voters' list in force ({' '.join(names)}),"
            f" which {config.state_dir} remembers; stop all members, then start each once with"
            " --reset-membership"
        )
    known = {address.name: address for address in config.voters}
    others = (name for name in names if name != config.me.name)
    addresses = tuple(known.get(name) or _address(name) for name in others)
    return Membership(voters, addresses, difference(config, voters))


def _address(name: str) -> Address:
    try:
        return kinds.address(name)
    except Refused as refused:
        raise StoreError(
            f"the voters' list in force holds {name}: {refused}; stop all members, then start each"
            " once with --reset-membership"
        ) from None


def difference(config: Config, voters: Voters) -> str:
    """What `config` proposes instead of the list in force; empty = the same."""
    wanted = proposed(config)
    if wanted == voters:
        return ""
    return (
        "the voters' list in force is"
        f" {' '.join((*voters.members, *voters.witnesses))}, the configuration proposes"
        f" {' '.join((*wanted.members, *wanted.witnesses))}; to take it: stop all members, then"
        " start each once with --reset-membership"
    )
