"""What is wrong with a configuration, said so that an administrator can mend it.

Law: a finding is one line: where, what is written there, what is allowed, and the remedy.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value comes from: a line of a file, the environment, the command line, a default."""

    source: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Finding:
    place: Place
    text: str  # What is written, and what is allowed.
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.place}: {self.text}" + (f"; {self.remedy}" if self.remedy else "")
        return printable(line)


class Refused(ValueError):
    """A value that its variable does not allow: what is allowed, and the remedy."""

    def __init__(self, allowed: str, remedy: str = "") -> None:
        super().__init__(allowed)
        self.allowed = allowed
        self.remedy = remedy


class ConfigError(Exception):
    """Everything that stands against this configuration, one line each; the exit code is 78.

    `unreadable` says that a file could not even be read, so that nothing is known of its content.
    """

    def __init__(
        self, problems: Iterable[str], warnings: Iterable[str] = (), *, unreadable: bool = False
    ) -> None:
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        self.unreadable = unreadable
        super().__init__("\n".join(self.problems))


def printable(text: str) -> str:
    """The text as one line that every terminal and log can take."""
    flat = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return flat.encode("utf-8", "backslashreplace").decode()
