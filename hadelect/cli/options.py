"""Options that commands share.

Law: nothing here reads a configuration (that is whom.py's): `had`, which only passes the options
on, does not wait for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import click

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
