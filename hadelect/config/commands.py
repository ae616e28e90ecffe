r"""Arguments and environments as condor_master writes them.

Old syntax: arguments separated by blanks, `\"` for a double quote; environment `A=1;B=2`.
New syntax: the whole in double quotes, 'single quotes' keep blanks, doubled quotes stand for one.
Source: HTCondor manual, condor_submit, "arguments" and "environment".
"""

from hadelect.config.findings import Refused


def arguments(text: str) -> tuple[str, ...]:
    """Raises Refused."""
    if text.startswith('"'):
        return _new_syntax(text)
    plain = text.replace('\\"', "\0")
    if '"' in plain:
        raise Refused(
            "a double quote inside the arguments",
            "put the whole in double quotes and blanks in single quotes: \"-a 'b c'\"",
        )
    return tuple(word.replace("\0", '"') for word in plain.split())


def environment(text: str) -> tuple[tuple[str, str], ...]:
    """Names and values in the order written. Raises Refused."""
    if text.startswith('"'):
        items = _new_syntax(text)
    else:
        items = tuple(item.strip() for item in text.split(";") if item.strip())
    pairs = []
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise Refused(f"{item} is not NAME=value", "write A=1;B=2, or \"A=1 B='two words'\"")
        pairs.append((name, value))
    return tuple(pairs)


def _new_syntax(text: str) -> tuple[str, ...]:
    if len(text) < 2 or not text.endswith('"'):
        raise Refused("the closing double quote is missing", "add it")
    inner = text[1:-1].replace('""', "\0")
    if '"' in inner:
        raise Refused("a double quote inside", 'double it: ""')
    words: list[str] = []
    word: list[str] | None = None
    quoted = False
    position = 0
    while position < len(inner):
        char = inner[position]
        if char == "'" and quoted and inner[position + 1 : position + 2] == "'":
            word = [*(word or []), "'"]
            position += 1
        elif char == "'":
            quoted = not quoted
            word = word or []
        elif char.isspace() and not quoted:
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = [*(word or []), char]
        position += 1
    if quoted:
        raise Refused("the closing single quote is missing", "add it")
    if word is not None:
        words.append("".join(word))
    return tuple(item.replace("\0", '"') for item in words)


def port_of(text: str) -> int | None:
    """The PORT of `-p PORT` in HAD_ARGS; None if there is none. Raises Refused."""
    words = arguments(text)
    port: int | None = None
    expected = iter(words)
    for word in expected:
        if word in {"-f", "-t"}:
            continue  # In the foreground, log to the terminal: as hadelect does anyway.
        if word == "-sock":
            raise Refused(
                "a shared port is not understood",
                "give this HAD a port of its own: HAD_ARGS = -p PORT",
            )
        if word != "-p" and not word.startswith("-p="):
            raise Refused(f"{word} is not understood", "write -p PORT")
        value = next(expected, "") if word == "-p" else word.removeprefix("-p=")
        if not (value.isascii() and value.isdigit()) or not 1 <= int(value[:6]) <= 65535:
            raise Refused("-p takes a port of 1 to 65535", "write -p PORT")
        port = int(value)
    return port
