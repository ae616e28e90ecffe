"""From the options that a user gave to whom is asked, and how."""

from pathlib import Path

from hadelect.cli.failures import Exit, Failure
from hadelect.cli.options import Source
from hadelect.config.findings import ConfigError
from hadelect.config.load import load_control_socket, load_pool
from hadelect.config.model import PoolView


def pool_of(source: Source) -> PoolView:
    """Whom to ask, and how. Raises Failure (78) with every error of the configuration on a line."""
    try:
        return load_pool(Path(source.config) if source.config else None, source.settings)
    except ConfigError as error:
        raise Failure(str(error), Exit.CONFIG) from error


def socket_of(source: Source) -> Path:
    """Where the member on this machine listens, also when the file is full of mistakes otherwise.

    Raises Failure (78).
    """
    try:
        return load_control_socket(Path(source.config) if source.config else None, source.settings)
    except ConfigError as error:
        raise Failure(str(error), Exit.CONFIG) from error


def entry_of(pool: PoolView, said: str) -> str:
    """The HAD_LIST entry a user means: the entry itself, or its host if only one entry has it.

    Raises Failure (1) naming the entries.
    """
    entries = pool.members + pool.witnesses
    wanted = said.strip().removeprefix("<").removesuffix(">").lower()
    found = [entry for entry in entries if entry.name.lower() == wanted]
    found = found or [entry for entry in entries if entry.host.lower() == wanted]
    found = found or [entry for entry in entries if entry.host.lower().split(".")[0] == wanted]
    if len(found) != 1:
        names = ", ".join(entry.name for entry in entries)
        what = "names more than one member" if found else "is not in HAD_LIST"
        raise Failure(f"{said} {what}; name one of {names}", Exit.REFUSED)
    return found[0].name
