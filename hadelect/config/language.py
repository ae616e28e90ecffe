r"""HTCondor's configuration language: lines become definitions.

    NAME = value          case-insensitive names; the last definition counts
    # comment             a line of its own; skipped inside a continuation too
    a value \            a backslash continues on the next line
    NAME @=tag … @tag     a value of several lines
    include : FILE        relative to the file that says it; `include ifexist` may miss it
    if … elif … else … endif     with `defined NAME`, a boolean or $(NAME), each with `!` before it
    error : TEXT, warning : TEXT

Law: whatever is not understood is a finding with file, line and remedy; reading goes on, so that
all findings come at once. Text in a branch that is not taken is not judged.

Source: HTCondor manual, "Introduction to Configuration". Commands are never run.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from hadelect.config.findings import Finding, Place, Refused
from hadelect.config.macros import Macros

DEEPEST_INCLUDE = 20
TRUE = frozenset({"true", "t", "yes", "y", "1"})
FALSE = frozenset({"false", "f", "no", "n", "0"})

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*=(.*)", re.DOTALL)
_BLOCK = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*@=\s*(\S+)")
_CONDITIONAL = re.compile(r"(if|elif|else|endif)\b(?!\s*=)(.*)", re.IGNORECASE)
_INCLUDE = re.compile(r"@?include\b([^:=]*):(.*)", re.IGNORECASE)
_USE = re.compile(r"@?use\s+([^:=]+):(.*)", re.IGNORECASE)
_MESSAGE = re.compile(r"(error|warning)\s*:(.*)", re.IGNORECASE)


def read_file(path: Path) -> str:
    r"""The text of a file; bytes that are no UTF-8 stay visible as \xNN. Raises OSError."""
    return path.read_bytes().decode("utf-8", "backslashreplace")


class _Branch(Enum):
    WAITING = "no branch was taken yet"
    TAKEN = "this branch is read"
    OVER = "a branch was taken, or none is to be"


@dataclass(slots=True)
class _If:
    place: Place
    branch: _Branch
    has_else: bool = False


@dataclass(slots=True)
class Language:
    """Reads texts into `macros`; keeps the findings."""

    macros: Macros
    read_text: Callable[[Path], str] = read_file
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def read(self, path: Path, depth: int = 0) -> None:
        """One file and what it includes. Raises OSError if this very file cannot be read."""
        text = self.read_text(path)
        self.files.append(path)
        self.read_lines(text, path, depth)

    def read_lines(self, text: str, path: Path, depth: int = 0) -> None:
        stack: list[_If] = []
        for number, line in _logical_lines(text):
            place = Place(str(path), number)
            try:
                if match := _CONDITIONAL.fullmatch(line):
                    self._conditional(stack, match[1].lower(), match[2].strip(), place)
                elif all(block.branch is _Branch.TAKEN for block in stack):
                    self._statement(line, place, depth)
            except Refused as refused:
                self.errors.append(
                    Finding(place, f"{_short(line)}: {refused.allowed}", refused.remedy)
                )
        self.errors += [Finding(block.place, "if without endif", "add endif") for block in stack]

    def _statement(self, line: str, place: Place, depth: int) -> None:
        if match := _INCLUDE.fullmatch(line):
            self._include(match[1].strip().lower(), match[2].strip(), place, depth)
        elif match := _USE.fullmatch(line):
            wanted = f"{match[1].strip()}:{match[2].strip()}"
            raise Refused(
                "templates are not understood",
                f"write out what it sets (`condor_config_val use {wanted}` prints it)",
            )
        elif match := _MESSAGE.fullmatch(line):
            said = Finding(place, f"{match[1].lower()}: {self.macros.expand(match[2])}")
            (self.errors if match[1].lower() == "error" else self.warnings).append(said)
        elif match := _ASSIGNMENT.fullmatch(line):
            self.macros.define(match[1], match[2], place)
        elif not line.startswith("["):  # HTCondor skips such a line too.
            raise Refused("this line is not understood", "write NAME = value")

    def _include(self, how: str, target: str, place: Place, depth: int) -> None:
        if how not in {"", "ifexist"} or target.endswith("|"):
            raise Refused(
                "commands are not run", "write the command's output to a file and include that"
            )
        if depth >= DEEPEST_INCLUDE:
            raise Refused(
                f"more than {DEEPEST_INCLUDE} files include each other", "look for a circle"
            )
        name = self.macros.expand(target)
        if not name:
            raise Refused("names no file", "write include : FILE")
        path = Path(place.source).parent / name
        try:
            self.read(path, depth + 1)
        except FileNotFoundError as error:
            if how != "ifexist":
                raise Refused(f"{path} does not exist", "or say include ifexist : FILE") from error
        except (OSError, ValueError) as error:
            if isinstance(error, Refused):
                raise
            raise Refused(f"{path} cannot be read ({_reason(error)})", "mend the file") from error

    def _conditional(self, stack: list[_If], word: str, rest: str, place: Place) -> None:
        if word == "if":
            outer = all(block.branch is _Branch.TAKEN for block in stack)
            stack.append(_If(place, _Branch.OVER))
            if outer:
                stack[-1].branch = self._decide(rest)
            return
        if not stack:
            raise Refused(f"{word} without if", "remove it, or add the if before it")
        block = stack[-1]
        if word == "endif":
            stack.pop()
            return
        if block.has_else:
            raise Refused(f"{word} after else", "else is the last branch before endif")
        block.has_else = word == "else"
        if block.branch is _Branch.TAKEN:
            block.branch = _Branch.OVER
        elif block.branch is _Branch.WAITING:
            block.branch = _Branch.OVER  # What it stays if the condition is refused.
            block.branch = _Branch.TAKEN if word == "else" else self._decide(rest)

    def _decide(self, condition: str) -> _Branch:
        return _Branch.TAKEN if self._is_true(condition) else _Branch.WAITING

    def _is_true(self, condition: str) -> bool:
        if condition.startswith("!"):
            return not self._is_true(condition[1:].strip())
        word, _, rest = condition.partition(" ")
        if word.lower() == "version":
            raise Refused(
                "HTCondor's version is not known here", "write if true, or if defined NAME"
            )
        if word.lower() == "defined":
            return self.macros.is_defined(self.macros.expand(rest))
        value = self.macros.expand(condition).lower()
        if value in TRUE:
            return True
        if value in FALSE or not value:
            return False
        raise Refused(
            f"{value} is neither true nor false",
            "conditions are: defined NAME, true, false, $(NAME), each with ! before it",
        )


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers: comments gone, continuations and blocks joined."""
    lines = iter(enumerate(text.split("\n"), start=1))
    for number, raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if match := _BLOCK.fullmatch(line):
            body = []
            for _, inner in lines:
                if inner.strip() == f"@{match[2]}":
                    break
                body.append(inner.rstrip("\r"))
            yield number, f"{match[1]} = " + "\n".join(body)
            continue
        while line.endswith("\\"):
            line = line[:-1] + _continuation(lines)
        yield number, line.strip()


def _continuation(lines: Iterator[tuple[int, str]]) -> str:
    """The next line that is no comment; empty at the end of the text."""
    for _, raw in lines:
        if not raw.strip().startswith("#"):
            return raw.strip()
    return ""


def _short(line: str) -> str:
    return line if len(line) <= 80 else line[:77] + "…"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
