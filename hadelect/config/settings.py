"""The macros seen through the schema: typed values, and a finding for each that is not allowed.

Law: asking for a refused value gives its default, so that one mistake hides no other.
"""

import difflib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hadelect.config import commands, kinds
from hadelect.config.findings import Finding, Place, Refused
from hadelect.config.language import Language
from hadelect.config.macros import Macros
from hadelect.config.model import Address
from hadelect.config.schema import (
    PRESETS,
    VARIABLES,
    WITHOUT_EFFECT,
    Kind,
    Variable,
    builtins,
)

T = TypeVar("T")
DEFAULT = Place("default")


class Settings:
    """Typed access by name. Errors and warnings collect in the order in which they are found."""

    def __init__(self, language: Language) -> None:
        self.macros: Macros = language.macros
        self.errors = [str(finding) for finding in language.errors]
        self.warnings = [str(finding) for finding in language.warnings]
        self._preset: dict[str, str] = {}
        self._rows = {row.name: row for row in VARIABLES if "<X>" not in row.name}
        self.controllee = self._parsed("HAD_CONTROLLEE", _controllee_name)
        self._rows = {row.name.replace("<X>", self.controllee): row for row in VARIABLES}
        self._preset = PRESETS[self.word("HAD_PRESET")]

    @property
    def variables(self) -> tuple[tuple[str, Variable], ...]:
        """Every variable with its name in force (<X> replaced), in the schema's order."""
        return tuple(self._rows.items())

    # --- asking ---------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """The expanded value in force, or ""."""
        return self._parsed(name, str)

    def boolean(self, name: str) -> bool:
        return self._parsed(name, kinds.boolean)

    def seconds(self, name: str) -> float:
        return self._parsed(name, self._within(name))

    def count(self, name: str) -> int:
        return int(self._parsed(name, self._within(name, whole=True)))

    def size(self, name: str) -> int:
        return self._parsed(name, kinds.size)

    def word(self, name: str) -> str:
        allowed = self._rows[name].words

        def parse(text: str) -> str:
            if text.lower() in allowed:
                return text.lower()
            raise Refused(f"must be {' or '.join(allowed)}")

        return self._parsed(name, parse)

    def path(self, name: str) -> Path | None:
        return self._parsed(name, lambda text: kinds.path(text) if text else None)

    def paths(self, name: str) -> tuple[Path, ...]:
        return self._parsed(name, kinds.paths)

    def signal(self, name: str) -> int:
        return self._parsed(name, kinds.signal_number)

    def arguments(self, name: str) -> tuple[str, ...]:
        return self._parsed(name, commands.arguments)

    def environment(self, name: str) -> tuple[tuple[str, str], ...]:
        return self._parsed(name, commands.environment)

    def http(self, name: str) -> tuple[str, int] | None:
        return self._parsed(name, kinds.http_address)

    def members(self, name: str) -> tuple[Address, ...]:
        """The entries that can be understood; each other one is an error of its own."""
        found = []
        for entry in kinds.entries(self.text(name)):
            try:
                found.append(kinds.address(entry))
            except Refused as refused:
                self._refuse(name, refused)
        return tuple(found)

    def is_set(self, name: str) -> bool:
        """Whether somebody wrote a value, be it the default's."""
        return self.macros.find(name) is not None

    def undefined(self, name: str) -> tuple[str, ...]:
        """What a value refers to and nobody defined."""
        try:
            return self.macros.undefined_in(self._raw(name)[0])
        except Refused:
            return ()

    # --- saying ---------------------------------------------------------------------------------

    def error(self, name: str, allowed: str, remedy: str = "") -> None:
        self._note(self.errors, name, allowed, remedy)

    def warn(self, name: str, said: str, remedy: str = "") -> None:
        self._note(self.warnings, name, said, remedy)

    def _note(self, notes: list[str], name: str, said: str, remedy: str) -> None:
        raw, place = self._raw(name)
        try:
            shown = self.macros.expand(raw)
        except Refused:
            shown = raw
        shown = shown if len(shown) <= 200 else shown[:197] + "…"
        finding = str(Finding(place, f"{name} = {shown}: {said}", remedy))
        if finding not in notes:
            notes.append(finding)

    def _refuse(self, name: str, refused: Refused) -> None:
        """An undefined $(NAME) is the usual cause of a malformed value: it is named."""
        empty = self.undefined(name)
        hint = f" ({', '.join(empty)} is not defined)" if empty else ""
        default = self._rows[name].default
        remedy = refused.remedy or f"correct it, or remove it for the default ({default or 'none'})"
        self.error(name, refused.allowed + hint, remedy)

    # --- everything at once -----------------------------------------------------------------------

    def in_force(self) -> tuple[tuple[str, str], ...]:
        """Every variable and its text, and a finding for each that does not parse."""
        for name, row in self._rows.items():
            self.value(name, row)
        return tuple((name, self.text(name)) for name in self._rows)

    def value(self, name: str, row: Variable) -> object:
        """The parsed value of any variable; None if it has none."""
        if not self.text(name):
            return None
        ask: dict[Kind, Callable[[str], object]] = {
            Kind.BOOLEAN: self.boolean,
            Kind.SECONDS: self.seconds,
            Kind.COUNT: self.count,
            Kind.SIZE: self.size,
            Kind.PATH: self.path,
            Kind.PATHS: self.paths,
            Kind.WORD: self.word,
            Kind.TEXT: self.text,
            Kind.MEMBERS: self.members,
            Kind.ARGUMENTS: self.arguments,
            Kind.ENVIRONMENT: self.environment,
            Kind.SIGNAL: self.signal,
            Kind.HTTP: self.http,
        }
        return ask[row.kind](name)

    def warn_unknown(self) -> None:
        """Names that begin like ours and are none; names used as $(NAME) are the file's own."""
        known = {*(name.upper() for name in self._rows), *WITHOUT_EFFECT, "HAD", "REPLICATION"}
        for definition in self.macros.definitions():
            name = definition.name.upper().removeprefix("HAD.")
            ours = name.startswith(("HAD_", "REPLICATION_", f"{self.controllee.upper()}_CHECK"))
            if not ours or name in known or name.lower() in self.macros.referenced:
                continue
            near = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else "remove it"
            said = f"{definition.name} = {definition.text}: no such variable"
            self.warnings.append(str(Finding(definition.place, said, remedy)))

    # --- inside -----------------------------------------------------------------------------------

    def _raw(self, name: str) -> tuple[str, Place]:
        found = self.macros.find(name)
        if found is not None:
            return found.text, found.place
        if name in self._preset:
            return self._preset[name], Place("HAD_PRESET")
        return self.macros.builtin.get(name.lower()) or self._rows[name].default, DEFAULT

    def _expanded(self, name: str) -> str:
        value = self.macros.expand(self._raw(name)[0])
        if any(ord(char) < 32 and char not in "\t\n" for char in value):
            raise Refused("no control characters", "remove them")
        return value

    def _parsed(self, name: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(self._expanded(name))
        except Refused as refused:
            self._refuse(name, refused)
            pristine = Macros({}, builtins("localhost"))
            return parse(pristine.expand(self._rows[name].default))

    def _within(self, name: str, *, whole: bool = False) -> Callable[[str], float]:
        row = self._rows[name]

        def parse(text: str) -> float:
            if not text:
                return 0.0
            low, high = row.low or 0, row.high or 0
            allowed = f"must be {'a whole number' if whole else 'seconds'} from {low:g} to {high:g}"
            try:
                value = kinds.number(text)
            except Refused as refused:
                raise Refused(allowed, refused.remedy) from refused
            if not low <= value <= high or (whole and value != int(value)):
                raise Refused(allowed)
            return value

        return parse


def margin(settings: Settings) -> float:
    """HAD_LEASE_MARGIN in force."""
    lease = settings.seconds("HAD_LEASE_DURATION")
    return settings.seconds("HAD_LEASE_MARGIN") or max(lease / 6, 0.25)


def _controllee_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and not re.match(
        r"(HAD|REPLICATION)(_|$)", text, re.IGNORECASE
    ):
        return text
    raise Refused(
        "must be letters, digits and _, and not HAD or REPLICATION",
        "write the name, such as NEGOTIATOR",
    )
