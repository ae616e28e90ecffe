"""Where configuration comes from, in order; the last word counts.

`--config FILE`, else $HADELECT_CONFIG, else /etc/hadelect/hadelect.conf; then `config.d/*.conf`
beside it in the order of their names; then the environment (`_HADELECT_NAME=value`); then
`--set NAME=VALUE`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hadelect.config.findings import ConfigError, Finding, Place, Refused, printable
from hadelect.config.language import Language
from hadelect.config.macros import NAME, Macros
from hadelect.config.schema import builtins

DEFAULT_PATH = Path("/etc/hadelect/hadelect.conf")
PREFIX = "_HADELECT_"


def read(
    path: Path | None, sets: Sequence[str], environ: Mapping[str, str], host_name: str
) -> Language:
    """Everything that is said, not yet judged. Raises ConfigError if a file cannot be read."""
    macros = Macros(environ, builtins(host_name))
    language = Language(macros)
    for file in _files(path, environ, nothing_else=not (sets or _has_prefix(environ))):
        try:
            language.read(file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                [printable(f"{file}: cannot be read ({reason}); correct --config or the file")],
                unreadable=True,
            ) from error
    _environment(language, environ)
    _sets(language, sets)
    return language


def _files(path: Path | None, environ: Mapping[str, str], *, nothing_else: bool) -> list[Path]:
    named = path or (Path(environ["HADELECT_CONFIG"]) if environ.get("HADELECT_CONFIG") else None)
    main = named or DEFAULT_PATH
    if named is None and not main.exists():
        if nothing_else:
            raise ConfigError(
                [f"{main}: does not exist; write it, or name a file: --config FILE"],
                unreadable=True,
            )
        return []
    return [main, *sorted((main.parent / "config.d").glob("*.conf"))]


def _has_prefix(environ: Mapping[str, str]) -> bool:
    return any(name.upper().startswith(PREFIX) for name in environ)


def _environment(language: Language, environ: Mapping[str, str]) -> None:
    for variable in sorted(environ):
        if variable.upper().startswith(PREFIX):
            name, place = variable[len(PREFIX) :], Place(f"environment {variable}")
            _define(language, name, environ[variable], place)


def _sets(language: Language, sets: Sequence[str]) -> None:
    for item in sets:
        name, equals, value = item.partition("=")
        if not equals:
            finding = Finding(Place("--set"), f"{item}: no value", "write --set NAME=VALUE")
            language.errors.append(finding)
            continue
        _define(language, name.strip(), value, Place("--set"))


def _define(language: Language, name: str, value: str, place: Place) -> None:
    try:
        if not NAME.fullmatch(name):
            raise Refused("the name has letters, digits, _ and .", "correct the name")
        language.macros.define(name, value, place)
    except Refused as refused:
        text = f"{name} = {value[:80]}: {refused.allowed}"
        language.errors.append(Finding(place, text, refused.remedy))
