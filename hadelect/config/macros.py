"""Names, their definitions, and what `$(NAME)` becomes.

Law 1: a definition is kept as written and expanded when it is asked for (HTCondor's lazy macros);
       only a reference to itself is replaced at once.
Law 2: names are case-insensitive; `HAD.NAME` is looked up before `NAME`.
Law 3: expansion ends: loops and explosions are errors.

Source: HTCondor manual, "Introduction to Configuration". Not understood here, and said so when a
value that is used contains them: the function macros except `$ENV()`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hadelect.config.findings import Place, Refused

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
LONGEST_VALUE = 65_536  # Characters, after expansion.
_REFERENCE = re.compile(r"\$([A-Za-z_]*)\(")
_SUBSYSTEM = "HAD"


@dataclass(frozen=True, slots=True)
class Definition:
    name: str  # As written.
    text: str  # As written, not expanded.
    place: Place


@dataclass(slots=True)
class Macros:
    """All definitions read so far. `builtin` ones yield to every other."""

    environ: Mapping[str, str]
    builtin: Mapping[str, str] = field(default_factory=dict)  # Keys in lower case.
    _own: dict[str, Definition] = field(default_factory=dict)
    referenced: set[str] = field(default_factory=set)  # Lower-case names seen as $(NAME) anywhere.

    def define(self, name: str, text: str, place: Place) -> None:
        """Raises Refused if the value grows beyond LONGEST_VALUE."""
        before = self._own.get(name.lower())
        old = before.text if before else self.builtin.get(name.lower(), "")
        own = re.compile(rf"\$\(\s*{re.escape(name)}\s*(?::([^()]*))?\)", re.IGNORECASE)
        text = own.sub(lambda match: old or match[1] or "", text.strip())
        if len(text) > LONGEST_VALUE:
            raise Refused(f"longer than {LONGEST_VALUE} characters", "shorten it")
        self._own[name.lower()] = Definition(name, text, place)
        self.referenced |= {ref.lower() for ref in re.findall(r"\$\(\s*([\w.]+)", text)}

    def find(self, name: str) -> Definition | None:
        """The definition in force; an empty one counts as none, as in HTCondor."""
        for key in (f"{_SUBSYSTEM}.{name}".lower(), name.lower()):
            found = self._own.get(key)
            if found is not None and found.text:
                return found
        return None

    def definitions(self) -> tuple[Definition, ...]:
        return tuple(self._own.values())

    def is_defined(self, name: str) -> bool:
        return self.find(name) is not None or bool(self.builtin.get(name.lower()))

    def expand(self, text: str) -> str:
        """The text with every reference replaced. Raises Refused."""
        return _Expansion(self).expand(text, ()).strip()

    def undefined_in(self, text: str) -> tuple[str, ...]:
        """The names that expanding the text found empty: the usual cause of a malformed value."""
        expansion = _Expansion(self)
        expansion.expand(text, ())
        return tuple(dict.fromkeys(expansion.undefined))


@dataclass(slots=True)
class _Expansion:
    """One expansion: it counts what it does, so that it ends."""

    macros: Macros
    undefined: list[str] = field(default_factory=list)
    steps: int = 0
    length: int = 0

    def expand(self, text: str, trail: tuple[str, ...]) -> str:
        out: list[str] = []
        position = 0
        while match := _REFERENCE.search(text, position):
            start, end = match.start(), _closing(text, match.end())
            out.append(text[position:start])
            if start and text[start - 1] == "$":  # $$(X) belongs to jobs, not to daemons.
                out.append(text[start:end])
            else:
                out.append(self._value(match[1], text[match.end() : end - 1], trail))
            position = end
        out.append(text[position:])
        result = "".join(out)
        self.length += len(result)
        if self.length > 16 * LONGEST_VALUE:
            raise Refused("expands to more than can be meant", "look for $(NAME) used many times")
        return result

    def _value(self, function: str, body: str, trail: tuple[str, ...]) -> str:
        self.steps += 1
        if self.steps > 5_000:
            raise Refused("expands to more than can be meant", "look for $(NAME) used many times")
        name, colon, default = body.partition(":")
        name = name.strip()
        if function == "ENV":
            return self._environment(name, self.expand(default, trail) if colon else None)
        if function:
            raise Refused(f"${function}() is not understood", "write the value that it stands for")
        if not NAME.fullmatch(name):
            raise Refused(f"$({body}) names no variable", "write $(NAME) or $(NAME:default)")
        return self._variable(name, default if colon else None, trail)

    def _environment(self, name: str, default: str | None) -> str:
        if name in self.macros.environ:
            return self.macros.environ[name]
        if default is not None:
            return default
        raise Refused(
            f"the environment has no {name}", f"set {name}, or write $ENV({name}:a default)"
        )

    def _variable(self, name: str, default: str | None, trail: tuple[str, ...]) -> str:
        key = name.lower()
        if key == "dollar":
            return "$"
        if key in trail:
            raise Refused(f"$({name}) leads back to itself", "break the loop")
        found = self.macros.find(name)
        if found is not None:
            return self.expand(found.text, (*trail, key))
        if default is not None and not self.macros.builtin.get(key):
            return self.expand(default, (*trail, key))
        if not self.macros.builtin.get(key):
            self.undefined.append(name)
        return self.expand(self.macros.builtin.get(key, ""), (*trail, key))


def _closing(text: str, start: int) -> int:
    """The index after the bracket that closes the one before `start`."""
    depth = 1
    for index in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return index + 1
    raise Refused("a bracket of $( is not closed", "write $(NAME)")
