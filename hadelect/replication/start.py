"""What must be there before the daemon runs; whatever an operator must put right stops the start.

Law: all problems at once, one line each, each with the remedy.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hadelect.config.model import Address, Config, ReplicationSpec
from hadelect.core.replication.rules import ReplicationRules
from hadelect.core.vocabulary import Millis, Name
from hadelect.replication.errors import StoreError
from hadelect.replication.seal import Seal, secret_of
from hadelect.replication.store import Options
from hadelect.replication.welcome import Ours
from hadelect.runtime import channels, listening
from hadelect.runtime.channels import Credentials, TlsError
from hadelect.runtime.listening import Place, PortError
from hadelect.runtime.log import Log
from hadelect.runtime.prepare import StartRefused

Made = TypeVar("Made")
LOCK = "state.lock"  # In HAD_STATE_DIR: held by who runs a controllee.
DIRECTORY = "replication"  # In HAD_STATE_DIR: the store's.


class KeyUnreadable(Exception):
    """One line with the remedy."""


class LogUnusable(Exception):
    """One line with the remedy."""


@dataclass(frozen=True, slots=True)
class Prepared:
    config: Config
    spec: ReplicationSpec
    rules: ReplicationRules
    seal: Seal
    tls: Credentials | None
    place: Place
    log: Log


def prepare(config: Config) -> Prepared:
    """Of a configuration made by `load_replication`. Raises StartRefused."""
    spec = config.replication
    assert spec is not None
    problems: list[str] = []
    tls = _tried(problems, lambda: channels.credentials(config.tls, spec.me.host))
    at = listening.place_of(spec.me)
    place = Place(at.ip, at.port, "REPLICATION_LIST")
    _tried(problems, lambda: listening.check_tcp(place))
    seal = _tried(problems, lambda: _seal(config.pool, spec.key_file))
    log = _tried(problems, lambda: _log(config))
    if problems or seal is None or log is None:
        raise StartRefused(problems)
    return Prepared(config, spec, rules_of(config), seal, tls, place, log)


def rules_of(config: Config) -> ReplicationRules:
    spec = config.replication
    assert spec is not None
    return ReplicationRules(
        me=Name(config.me.name),
        members=tuple(Name(member.name) for member in config.members),
        interval_ms=_millis(spec.interval),
        max_lag_ms=_millis(spec.max_lag),
        flush_ms=_millis(spec.flush_timeout),
    )


def addresses_of(config: Config) -> list[Address]:
    """The replication daemons, by their members' names."""
    assert config.replication is not None
    both = zip(config.members, config.replication.daemons, strict=True)
    return [Address(member.name, daemon.host, daemon.port) for member, daemon in both]


def ours_of(prepared: Prepared) -> Ours:
    config, rules = prepared.config, prepared.rules
    return Ours(
        pool=config.pool,
        me=rules.me,
        members=rules.members,
        roots=len(prepared.spec.roots),
        life=secrets.token_bytes(16),
        seal=prepared.seal,
        tls=prepared.tls,
        connection_timeout=config.connection_timeout,
    )


def options_of(config: Config) -> tuple[Path, tuple[Path, ...], Options]:
    """What the store is opened with."""
    spec = config.replication
    assert spec is not None
    options = Options(config.state_dir / LOCK, spec.keep)
    return config.state_dir / DIRECTORY, spec.roots, options


def _tried(problems: list[str], make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except (TlsError, StoreError, PortError, KeyUnreadable, LogUnusable) as error:
        problems.append(str(error))
        return None


def _seal(pool: str, path: Path | None) -> Seal:
    try:
        return Seal(pool, secret_of(path))
    except OSError as error:
        raise KeyUnreadable(
            f"REPLICATION_KEY_FILE: {path}: {error.strerror}; make it readable for this user alone"
        ) from None


def _log(config: Config) -> Log:
    try:
        return Log(config.log, config.me.name)
    except OSError as error:
        raise LogUnusable(
            f"{config.log.variable}: {config.log.path}: {error.strerror};"
            " name a file that this user may write"
        ) from None


def _millis(seconds: float) -> Millis:
    return Millis(round(seconds * 1000))
