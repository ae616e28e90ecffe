"""Texts become values; what is refused says what is allowed."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.config import commands, kinds
from hadelect.config.findings import Refused
from hadelect.config.model import Address


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (kinds.boolean, "True", True),
        (kinds.boolean, "t", True),
        (kinds.boolean, "YES", True),
        (kinds.boolean, "1", True),
        (kinds.boolean, "False", False),
        (kinds.boolean, "no", False),
        (kinds.boolean, "0", False),
        (kinds.number, "0.5", 0.5),
        (kinds.number, "3", 3.0),
        (kinds.number, ".25", 0.25),
        (kinds.number, "(60 * 5)", 300.0),
        (kinds.number, "1 + 2 / 4 - -1", 2.5),
        (kinds.size, "640000", 640_000),
        (kinds.size, "10 MB", 10_000_000),
        (kinds.size, "10Mb", 10_000_000),
        (kinds.size, "64k", 64_000),
        (kinds.size, "1.5 GiB", 1_500_000_000),
        (kinds.size, "0", 0),
        (kinds.size, "10 * 1000", 10_000),
        (kinds.signal_number, "TERM", 15),
        (kinds.signal_number, "sigint", 2),
        (kinds.signal_number, "9", 9),
        (kinds.http_address, ":9460", ("", 9460)),
        (kinds.http_address, "127.0.0.1:0", ("127.0.0.1", 0)),
        (kinds.http_address, "[::1]:80", ("::1", 80)),
        (kinds.http_address, "off", None),
        (kinds.entries, "a, b c,,d\t\n", ("a", "b", "c", "d")),
        (kinds.entries, "", ()),
        (commands.arguments, "-f  -p 5", ("-f", "-p", "5")),
        (commands.arguments, r"-n \"x\"", ("-n", '"x"')),
        (commands.arguments, "\"-a 'b c' d\"", ("-a", "b c", "d")),
        (commands.arguments, "\"it''s 'it''s' '' x\"", ("its", "it's", "", "x")),
        (commands.arguments, '"say ""hi"""', ("say", '"hi"')),
        (commands.arguments, "", ()),
        (commands.environment, "A=1;B=2 3; C=", (("A", "1"), ("B", "2 3"), ("C", ""))),
        (commands.environment, "\"A=1 B='2 3'\"", (("A", "1"), ("B", "2 3"))),
        (commands.port_of, "-p 51450", 51450),
        (commands.port_of, "-f -p 51450", 51450),
        (commands.port_of, "", None),
    ],
)
def test_values(parse: Callable[[str], object], text: str, expected: object) -> None:
    """Each text means this value."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("cm1:51450", "cm1", 51450),
        ("cm1.wisc.edu:51450", "cm1.wisc.edu", 51450),
        ("<cm1:51450>", "cm1", 51450),
        ("<10.0.0.1:51450>", "10.0.0.1", 51450),
        ("[fd00::1]:51450", "fd00::1", 51450),
        ("<[fd00::1]:51450>", "fd00::1", 51450),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("1and1.de:65535", "1and1.de", 65535),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    """The entry without its brackets is the member's name."""
    assert kinds.address(text) == Address(text.strip("<>"), host, port)


@pytest.mark.parametrize(
    ("parse", "text", "said"),
    [
        (kinds.boolean, "maybe", "true or false"),
        (kinds.number, "3 s", "a number"),
        (kinds.number, "3 # seconds", "line of its own"),
        (kinds.number, "2 ** 99999", "a number"),
        (kinds.number, "1 / 0", "a number"),
        (kinds.number, "1e999", "a number"),
        (kinds.number, "True", "a number"),
        (kinds.number, "(" * 150, "a number"),
        (kinds.number, "9" * 500, "a number"),
        (kinds.size, "1.2.3 MB", "bytes"),
        (kinds.path, "log", "absolute"),
        (kinds.signal_number, "FOO", "signal"),
        (kinds.signal_number, "0", "signal"),
        (kinds.http_address, "9460", "off"),
        (kinds.http_address, ":99999", "off"),
        (kinds.http_address, ":²", "off"),
        (kinds.address, "cm1", "cm1:51450"),
        (kinds.address, "cm1:0", "1 to 65535"),
        (kinds.address, "cm1:65536", "1 to 65535"),
        (kinds.address, "cm1:99999999999", "1 to 65535"),
        (kinds.address, "cm1:x", "1 to 65535"),
        (kinds.address, ":51450", "1 to 65535"),
        (kinds.address, "fd00::1:51450", "in []"),
        (kinds.address, "[zz]:1", "correct the entry"),
        (kinds.address, "[1:2]:1", "no IP address"),
        (kinds.address, "300.0.0.1:51450", "no IP address"),
        (kinds.address, "10.0.1:51450", "no IP address"),
        (kinds.address, "<10.0.0.1:9618?sock=had>", "HAD_ARGS = -p PORT"),
        (kinds.address, "cm1:51450#x", "line of its own"),
        (commands.arguments, '-n "x"', "double quote"),
        (commands.arguments, '"-n', "closing double quote"),
        (commands.arguments, '"\'-n"', "closing single quote"),
        (commands.arguments, '"a " b"', "double it"),
        (commands.environment, "A", "not NAME=value"),
        (commands.port_of, "-sock had", "port of its own"),
        (commands.port_of, "-p", "1 to 65535"),
        (commands.port_of, "-p x", "1 to 65535"),
        (commands.port_of, "-local-name x", "not understood"),
    ],
)
def test_refusals(parse: Callable[[str], object], text: str, said: str) -> None:
    """What is not allowed is refused, and the remedy is said."""
    with pytest.raises(Refused) as refusal:
        parse(text)
    assert said in f"{refusal.value.allowed}; {refusal.value.remedy}"


@given(st.text(max_size=40) | st.from_regex(r"[\[\]<>:.0-9a-f#? *+/()-]{0,12}", fullmatch=True))
def test_no_text_crashes_a_kind(text: str) -> None:
    """Every text is a value or refused."""
    for parse in (
        kinds.boolean,
        kinds.number,
        kinds.size,
        kinds.path,
        kinds.signal_number,
        kinds.entries,
        kinds.address,
        kinds.http_address,
        commands.arguments,
        commands.environment,
        commands.port_of,
    ):
        try:
            parse(text)
        except Refused:
            continue
