"""`hadelect check config`: one configuration, judged before anything is started.

Law: the first line and the exit code follow the convention of monitoring plug-ins:
0 ok, 1 warning, 2 critical, 3 unknown (a file cannot be read).
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from pathlib import Path

import click

from hadelect.cli.lazy import LazyGroup
from hadelect.config import external
from hadelect.config.findings import ConfigError
from hadelect.config.load import load
from hadelect.config.model import Config
from hadelect.config.own_entry import is_loopback
from hadelect.config.promise import failover_bound, promise, survives
from hadelect.runtime import certificates
from hadelect.runtime.certificate import expires_at, expiry_warning


class Verdict(IntEnum):
    """The exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What `--format json` shows; numbers are null where nothing could be loaded."""

    status: str
    summary: str
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    member: str | None = None
    promise: str | None = None
    survives_failures: int | None = None
    failover_bound_seconds: float | None = None
    digest: str | None = None

    def lines(self) -> list[str]:
        verdict = self.status.upper()
        found = [f"error: {text}" for text in self.errors]
        found += [f"warning: {text}" for text in self.warnings]
        if self.promise is not None:
            found += [
                f"promise: {self.promise}",
                f"survives: {_failures(self.survives_failures or 0)} at once",
                f"failover: {self.failover_bound_seconds:g} s at most after a leader's last word",
                "failover: tens of milliseconds after a crash",
                f"digest: {self.digest} (equal on all members)",
            ]
        found += [f"advice: {text}" for text in self.advice]
        return [f"{verdict}: {self.summary}", *found]


COMMANDS = {
    "config": ("hadelect.cli.check", "config_command", "One configuration, before any start."),
    "pool": ("hadelect.cli.check_pool", "pool_command", "The running pool, what differs in it."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def check() -> None:
    """Judge a configuration or the running pool, with the exit codes of a monitoring plug-in."""


@click.command("config")
@click.option("--config", "path", type=click.Path(path_type=Path), help="Configuration file.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Overrides the files.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Port of this member.")
@click.option("--member", metavar="ENTRY", help="The entry of HAD_LIST that this member is.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def config_command(
    path: Path | None, sets: tuple[str, ...], port: int | None, member: str | None, form: str
) -> None:
    """Check the configuration of this member: every error, which promise holds, and for how long.

    Exits with 0 if all is well, 1 after warnings, 2 after errors, 3 if a file cannot be read.
    """
    try:
        config = load(path, sets, port=port, member=member)
        report = report_of(replace(config, warnings=(*config.warnings, *certificate(config))))
    except ConfigError as error:
        report = report_of_error(error)
    if form == "json":
        click.echo(json.dumps(asdict(report), indent=2))
    else:
        click.echo("\n".join(report.lines()))
    sys.exit(Verdict[report.status.upper()])


def certificate(config: Config) -> tuple[str, ...]:
    """The warning that it ends soon. Raises ConfigError when members would refuse it."""
    if config.tls is None:
        return ()
    from hadelect.runtime import rehearsal  # noqa: PLC0415 - with TLS only

    daemons = (config.replication.me,) if config.replication else ()
    try:
        pair = certificates.read(config.tls)
        for entry in (config.me, *daemons):
            rehearsal.rehearse(pair, entry.host)
    except certificates.TlsError as error:
        raise ConfigError([str(error)], config.warnings) from None
    ends = expiry_warning(expires_at(pair.cert, pair.ca), time.time())
    return (ends,) if ends else ()


def report_of(config: Config) -> Report:
    bound = round(failover_bound(config), 2)
    summary = (
        f"{config.me.name}{', a witness' if config.witness else ''} of pool {config.pool}, "
        f"mode {config.arbitration}, {len(config.members)} members; survives "
        f"{_failures(survives(config))}; a silent leader is replaced within {bound:g} s"
    )
    if config.warnings:
        summary = f"{_count(len(config.warnings), 'warning')}; {summary}"
    return Report(
        status="warning" if config.warnings else "ok",
        summary=summary,
        warnings=config.warnings,
        advice=advice(config),
        member=config.me.name,
        promise=promise(config),
        survives_failures=survives(config),
        failover_bound_seconds=bound,
        digest=config.digest,
    )


def report_of_error(error: ConfigError) -> Report:
    verdict = "unknown" if error.unreadable else "critical"
    count = _count(len(error.problems), "error")
    return Report(
        status=verdict,
        summary=f"{count}; hadelect had would not start",
        errors=error.problems,
        warnings=error.warnings,
    )


def advice(config: Config) -> tuple[str, ...]:
    """What is allowed and could still be better; it changes no exit code."""
    found = []
    voters = len(config.voters)
    if config.arbitration == "none" and voters >= 3:
        found.append(
            f"HAD_ARBITRATION = majority would rule out two {config.controllee.name}s even while "
            "the network is split"
        )
    if config.arbitration == "majority" and voters % 2 == 0 and voters > 2:
        found.append(
            f"{voters} voters survive no more failures than {voters - 1}; a witness more would help"
        )
    if len(config.members) == 1:
        found.append("a single member survives no failure; add members to HAD_LIST")
    if config.controllee.external is not None:
        found.append(external.sure_way(config.controllee.name, config.controllee.external))
    ports = ", ".join(str(port) for port in sorted({entry.port for entry in config.voters}))
    if not all(is_loopback(entry.host) for entry in config.voters):
        found.append(f"firewalls between the members must let TCP and UDP pass to port {ports}")
    return tuple(found)


def _failures(count: int) -> str:
    return "no failure" if count == 0 else _count(count, "failure")


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
