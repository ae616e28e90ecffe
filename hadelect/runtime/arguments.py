"""The daemon's command line. The CLI has checked it already; this is the same once more, small."""

import getopt
from dataclasses import dataclass
from pathlib import Path


class UsageError(Exception):
    """The command line is none of ours."""


@dataclass(frozen=True, slots=True)
class Arguments:
    port: int | None = None
    config: Path | None = None
    sets: tuple[str, ...] = ()
    member: str | None = None
    reset_membership: bool = False


def parse(argv: list[str]) -> Arguments:
    """Raises UsageError."""
    try:
        options, rest = getopt.getopt(
            argv, "p:", ["port=", "config=", "set=", "member=", "reset-membership"]
        )
    except getopt.GetoptError as error:
        raise UsageError(f"{error}; see `hadelect had --help`") from None
    if rest:
        raise UsageError(f"{rest[0]} is not an option; see `hadelect had --help`")
    given = dict(options)
    port = given.get("-p") or given.get("--port")
    if port is not None and not (port.isdecimal() and 0 < int(port) < 65536):
        raise UsageError(f"-p {port}: a port is a number from 1 to 65535")
    return Arguments(
        port=int(port) if port is not None else None,
        config=Path(given["--config"]) if "--config" in given else None,
        sets=tuple(value for name, value in options if name == "--set"),
        member=given.get("--member"),
        reset_membership="--reset-membership" in given,
    )
