"""The configuration in the core's own words: whole milliseconds, names, one identity."""

import hashlib

from hadelect.config.model import Config
from hadelect.core.vocabulary import Arbitration, Errand, Identity, Millis, Name, Rules


def millis(seconds: float) -> Millis:
    """Rounded down to whole milliseconds; what a binary fraction loses does not count."""
    return Millis(round(seconds * 1_000_000) // 1000)


def rules_of(
    config: Config,
    members_in_force: tuple[Name, ...] = (),
    witnesses_in_force: tuple[Name, ...] | None = None,
) -> Rules:
    """The rules of this member. The voters' list in force is durable: the file only proposes.

    Without a durable list (`members_in_force` empty) the file's is taken.
    """
    members, witnesses = members_in_force, witnesses_in_force or ()
    if not members:
        members = tuple(Name(address.name) for address in config.members)
        witnesses = tuple(Name(address.name) for address in config.witnesses)
    return Rules(
        me=Name(config.me.name),
        identity=Identity(
            pool=config.pool,
            members=members,
            witnesses=witnesses,
            arbitration=Arbitration(config.arbitration),
            controllee=config.controllee.name,
        ),
        heartbeat_ms=millis(config.heartbeat),
        lease_ms=millis(config.lease),
        margin_ms=millis(config.margin),
        use_primary=config.use_primary,
        preempt_delay_ms=millis(config.preempt_delay),
        restart_limit=config.restart_limit,
        restart_window_ms=millis(config.restart_window),
        unfit_cooldown_ms=millis(config.unfit_cooldown),
        errands=tuple(Errand(key) for key, _ in config.errands),
        check_interval_ms=millis(config.check.interval),
        check_failures=config.check.failures,
        check_digest=check_digest(config),
        start_grace_ms=millis(config.controllee.start_grace),
        replicates=config.replication is not None,
        max_lag_ms=millis(config.replication.max_lag if config.replication else 0.0),
    )


def check_digest(config: Config) -> str:
    """Whether two probes are the same command; the words themselves may hold a secret."""
    argv = [spec.argv for key, spec in config.errands if key == Errand.CHECK.value]
    return hashlib.sha256(repr(argv).encode("utf-8", "backslashreplace")).hexdigest()[:12]
