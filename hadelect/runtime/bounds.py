"""What a text or a number that comes from outside may be; else ProtocolError says what is wrong."""

import re

from hadelect.core.vocabulary import MAX_TERM

MAX_TEXT = 255  # Of a name, a pool, a version.
MAX_WORDS = 2000  # Of a reason.
MAX_NUMBER = int(MAX_TERM)  # Of a term, or of milliseconds.

HEX_256 = re.compile(r"[0-9a-f]{64}")


class ProtocolError(Exception):
    """A peer erred: refuse it, count it, say why."""


def bounded(number: int, what: str, most: int) -> int:
    if number > most:
        raise ProtocolError(f"{what}: {number} is more than {most}")
    return number


def digits(secret: str, what: str) -> str:
    if secret and not HEX_256.fullmatch(secret):
        raise ProtocolError(f"{what}: 64 hexadecimal digits are needed")
    return secret


def text(value: str, what: str, least: int = 1) -> str:
    if not least <= len(value) <= MAX_TEXT:
        raise ProtocolError(f"{what}: {len(value)} characters, {least} to {MAX_TEXT} are allowed")
    if not value.isprintable():
        raise ProtocolError(f"{what}: {value!r} has characters that cannot be printed")
    return value


def words(value: str, what: str) -> str:
    """A reason; what cannot be printed is shown as an escape, so that no log is forged."""
    if len(value) > MAX_WORDS:
        raise ProtocolError(f"{what}: {len(value)} characters, at most {MAX_WORDS} are allowed")
    return value if value.isprintable() else value.encode("unicode_escape").decode()[:MAX_WORDS]
