"""Everything that can be refused before the member runs: all of it is tried, all of it is said.

Law: nothing here waits for a peer. What is opened here is closed again if the start is refused.
"""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from hadelect.config.model import Config
from hadelect.config.rules import rules_of
from hadelect.core.vocabulary import Rules
from hadelect.runtime import channels, history, listening, membership
from hadelect.runtime.channels import Credentials, TlsError
from hadelect.runtime.history import History
from hadelect.runtime.listening import Place, PortError
from hadelect.runtime.log import Log
from hadelect.runtime.membership import Membership
from hadelect.runtime.store import Store, StoreError

Made = TypeVar("Made")


class LogError(Exception):
    """The log or the history cannot be opened."""


class StartRefused(Exception):
    """What the operator must put right, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Prepared:
    config: Config
    rules: Rules
    membership: Membership
    store: Store
    tls: Credentials | None
    place: Place
    udp: socket.socket
    log: Log
    history: History


def prepare(config: Config, *, reset_membership: bool = False) -> Prepared:
    """Raises StartRefused."""
    problems: list[str] = []
    with contextlib.ExitStack() as opened:
        tls = _tried(problems, lambda: channels.credentials(config.tls, config.me.host))
        store = _tried(problems, lambda: _store(config, reset_membership, opened))
        members = None
        if store is not None:
            found = store.voters
            members = _tried(problems, lambda: membership.in_force(config, found))
        place = listening.place_of(config.me)
        udp = _tried(problems, lambda: listening.udp_socket(place))
        if udp is not None:
            opened.callback(udp.close)
        _tried(problems, lambda: listening.check_tcp(place))
        log = _tried(problems, lambda: _log(config))
        past = _tried(problems, lambda: _history(config)) if store is not None else None
        if store is None or members is None or udp is None or log is None or past is None:
            raise StartRefused(problems)
        if problems:
            raise StartRefused(problems)
        opened.pop_all()
    voters = members.voters
    rules = rules_of(config, voters.members, voters.witnesses)
    warnings = (*config.warnings, *([members.warning] if members.warning else []))
    config = replace(config, warnings=warnings)
    return Prepared(config, rules, members, store, tls, place, udp, log, past)


def _tried(problems: list[str], make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except (TlsError, StoreError, PortError, LogError) as error:
        problems.append(str(error))
        return None


def _store(config: Config, reset: bool, opened: contextlib.ExitStack) -> Store:
    store = Store(config.state_dir, membership.proposed(config), reset_voters=reset)
    opened.callback(store.close, 1.0)
    return store


def _history(config: Config) -> History:
    path = config.state_dir / history.FILE
    try:
        return History(path, config.max_history)
    except OSError as error:
        raise LogError(
            f"HAD_STATE_DIR: {path}: {error.strerror}; make it a file that this user may write"
        ) from None


def _log(config: Config) -> Log:
    try:
        return Log(config.log, config.me.name)
    except OSError as error:
        raise LogError(
            f"HAD_LOG: {config.log.path}: {error.strerror}; name a file that this user may write"
        ) from None
