"""What kinds of values there are: text becomes a value, or Refused says what is allowed.

Shapes: seconds are numbers or plain arithmetic (`10 * 60`), sizes may have a unit, booleans are
HTCondor's words, lists are separated by commas or blanks. Nothing here looks at the machine.
"""

import ast
import ipaddress
import operator
import re
import signal
from pathlib import Path

from hadelect.config.findings import Refused
from hadelect.config.language import FALSE, TRUE
from hadelect.config.model import Address

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIZE = re.compile(r"([0-9.]+)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_V6 = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]:([0-9]+)")
_HOST = re.compile(r"([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?):([0-9]+)")
_ENTRY = "HOST:PORT, IP:PORT or [V6]:PORT with a port of 1 to 65535"


def boolean(text: str) -> bool:
    word = text.lower()
    if word in TRUE | FALSE:
        return word in TRUE
    raise Refused("must be true or false", _comment_remedy(text))


def number(text: str) -> float:
    """A number, or plain arithmetic of numbers as HTCondor allows it."""
    if len(text) > 200 or "#" in text:
        raise Refused("must be a number", _comment_remedy(text))
    try:
        value = _arithmetic(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, MemoryError, RecursionError) as error:
        raise Refused("must be a number", _comment_remedy(text)) from error
    if not abs(value) <= 1e15:
        raise Refused("must be a number", "write a smaller one")
    return value


def _arithmetic(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_arithmetic(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return float(_OPERATORS[type(op)](_arithmetic(left), _arithmetic(right)))
    raise ValueError("no number")


def size(text: str) -> int:
    """Bytes: `640000`, `10 MB`, `64k`. 0 means no limit."""
    match = _SIZE.fullmatch(text.strip())
    try:
        if match is None:
            return int(number(text))
        return int(float(match[1]) * _UNITS[match[2].lower()])
    except (Refused, ValueError) as error:
        raise Refused("must be bytes, such as 640000 or 10 MB", _comment_remedy(text)) from error


def path(text: str) -> Path:
    if not text.startswith("/"):
        raise Refused("must be an absolute path", "begin it with /")
    return Path(text)


def paths(text: str) -> tuple[Path, ...]:
    """Raises Refused."""
    return tuple(path(entry) for entry in entries(text))


def signal_number(text: str) -> int:
    """TERM, SIGTERM or 15. Raises Refused."""
    word = text.upper().removeprefix("SIG")
    numbers = {item.name.removeprefix("SIG"): int(item) for item in signal.Signals}
    if word.isascii() and word.isdigit() and int(word) in numbers.values():
        return int(word)
    if word in numbers:
        return numbers[word]
    raise Refused("must be the name of a signal", "write TERM, INT, QUIT, HUP, USR1, …")


def entries(text: str) -> tuple[str, ...]:
    """A list as HTCondor splits it: at commas and blanks."""
    return tuple(item for item in re.split(r"[\s,]+", text) if item)


def address(entry: str) -> Address:
    """One entry of HAD_LIST; `<>` around it go. Raises Refused."""
    bare = entry.removeprefix("<").removesuffix(">")
    if "?" in bare:
        raise Refused(
            f"{entry} names a shared port",
            "give each HAD a port of its own: HOST:PORT in HAD_LIST, HAD_ARGS = -p PORT there",
        )
    match = _V6.fullmatch(bare) or _HOST.fullmatch(bare)
    if match is None and bare.count(":") > 1:
        raise Refused(f"{entry} is not {_ENTRY}", "put an IPv6 address in []")
    if match is None and ":" not in bare:
        raise Refused(f"{entry} is not {_ENTRY}", f"add the port: {bare}:51450")
    if match is None or not 1 <= int(match[2][:6]) <= 65535:
        raise Refused(f"{entry} is not {_ENTRY}", _comment_remedy(entry) or "correct the entry")
    if (bare[0] == "[" or re.fullmatch(r"[0-9.]+", match[1])) and not is_literal(match[1]):
        raise Refused(f"{entry}: {match[1]} is no IP address", "correct the address")
    return Address(name=bare, host=match[1], port=int(match[2]))


def is_literal(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def http_address(text: str) -> tuple[str, int] | None:
    """`:9460`, `HOST:PORT`, `[V6]:PORT`; port 0 picks one; `off` is None. Raises Refused."""
    if text.lower() in {"off", "none", "false"}:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port[:6]) > 65535:
        raise Refused("must be :PORT, HOST:PORT, [V6]:PORT or off", "write :9460, or off for none")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _comment_remedy(text: str) -> str:
    return "put the comment on a line of its own" if "#" in text else ""
