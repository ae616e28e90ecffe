"""Options that commands share, and the one way from them to a configuration.

Law: who only passes the options on (`had`) does not wait for what reads a configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from hadelect.cli.failures import Exit, Failure

if TYPE_CHECKING:
    from hadelect.config.model import PoolView

F = TypeVar("F", bound=Callable[..., Any])


class Setting(click.ParamType[str]):
    """NAME=VALUE, kept as one string: the configuration language is not ours to read."""

    name = "NAME=VALUE"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        name, equals, _ = value.partition("=")
        if not equals or not name.strip():
            self.fail(f"{value!r} is not NAME=VALUE, e.g. HAD_PRESET=fast", param, ctx)
        return value


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration comes from, as the user said it."""

    config: str | None = None
    settings: tuple[str, ...] = ()
    member: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Self:
        """From the parameters that `config_options` adds to a command."""
        config, settings = given["config"], given["settings"]
        assert isinstance(config, str | None)
        assert isinstance(settings, tuple)
        return cls(config, settings)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The same, as arguments of `hadelect had`."""
        settings = tuple(word for setting in self.settings for word in ("--set", setting))
        config = ("--config", self.config) if self.config else ()
        return config + settings + (("--member", self.member) if self.member else ())


def config_options(command: F) -> F:
    """--config and --set, on every command."""
    for option in (
        click.option(
            "--set",
            "settings",
            multiple=True,
            type=Setting(),
            help="One variable, stronger than file and environment; may be repeated.",
        ),
        click.option(
            "--config",
            metavar="FILE",
            help="Configuration  [default: $HADELECT_CONFIG, else /etc/hadelect/hadelect.conf]",
        ),
    ):
        command = option(command)
    return command


def format_option(command: F) -> F:
    """--format, on every command that answers."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="For people or for programs.",
    )(command)


def pool_of(source: Source) -> PoolView:
    """Whom to ask, and how. Raises Failure (78) with every error of the configuration on a line."""
    from hadelect.config.findings import ConfigError  # noqa: PLC0415 - see the law
    from hadelect.config.load import load_pool  # noqa: PLC0415 - see the law

    try:
        return load_pool(Path(source.config) if source.config else None, source.settings)
    except ConfigError as error:
        raise Failure(str(error), Exit.CONFIG) from error


def socket_of(source: Source) -> Path:
    """Where the member on this machine listens, also when the file is full of mistakes otherwise.

    Raises Failure (78).
    """
    from hadelect.config.findings import ConfigError  # noqa: PLC0415 - see the law
    from hadelect.config.load import load_control_socket  # noqa: PLC0415 - see the law

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
