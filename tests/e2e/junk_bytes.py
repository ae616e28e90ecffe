"""Bytes that nobody should send: noise, damaged messages, HTTP/2 that is abused.

Law: all of it is drawn from the dice that it is given: the same seed, the same junk.
"""

import json
from collections.abc import Callable, Iterator
from random import Random

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
BEGIN = PREFACE + bytes(3) + bytes([SETTINGS]) + bytes(5)
CONNECT = "/hadelect.v1.Election/Connect"
OPERATE = "/hadelect.v1.Election/Operate"
CONTROL = "/hadelect.v1.Control/"
# By the Unix socket whoever may write it is an operator: no junk there that may be a command.
READING = (
    *(CONTROL + name for name in ("Status", "Explain", "History")),
    "/grpc.health.v1.Health/Check",
    "/hadelect.v1.Election/Surprise",
    "/",
    CONNECT,
    OPERATE,
)
METHODS = (*READING, *(CONTROL + name for name in ("Handover", "Drain", "Reload")))
WATCHES = (CONTROL + "Watch", "/grpc.health.v1.Health/Watch")  # Without an end.


def mutated(dice: Random, data: bytes) -> bytes:
    """After one to three blows."""
    for _ in range(dice.randint(1, 3)):
        start = dice.randrange(len(data) + 1)
        end = min(len(data), start + dice.randrange(9))
        data = data[:start] + dice.randbytes(dice.randrange(9)) + data[end:]
    return data


# --- datagrams -----------------------------------------------------------------------------------


def notice(dice: Random, pool: str, names: list[str]) -> bytes:
    """Looks like a member's, and proves nothing: another secret, another pool, damage."""
    body = {
        "v": 1,
        "kind": dice.choice(["released", "probe", "probe_reply", "surprise"]),
        "pool": dice.choice([pool, pool, "another"]),
        "from": dice.choice([*names, "10.77.0.99:1"]),
        "term": dice.choice([0, 1, 64, 129, 2**53, 2**63 - 1, 2**80, -1]),
        "leader": dice.choice(names),
        "secret": dice.randbytes(32).hex(),
        "sent_at": dice.randrange(2**40),
        "leads": 0,
    }
    data = json.dumps(body).encode()
    return mutated(dice, data) if dice.random() < 0.5 else data


def noise(dice: Random) -> bytes:
    return dice.choice([dice.randbytes(dice.randrange(1500)), b"[" * dice.randrange(1100)])


# --- HTTP/2 --------------------------------------------------------------------------------------


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def _literal(text: bytes) -> bytes:
    """HPACK: a string without Huffman."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    length, rest = b"\x7f", len(text) - 127
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + text


def fields(path: str, *more: tuple[bytes, bytes]) -> bytes:
    """A header block of a gRPC call: literals, nothing indexed."""
    needed = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b":authority", b"x"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    )
    return b"".join(b"\0" + _literal(name) + _literal(value) for name, value in (*needed, *more))


def message(payload: bytes) -> bytes:
    """One gRPC message within DATA."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def call(stream: int, path: str, payload: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A whole call: headers, one message, the end."""
    return frame(HEADERS, END_HEADERS, stream, fields(path, *more)) + frame(
        DATA, END_STREAM, stream, message(payload)
    )


def rpc(dice: Random, stream: int, methods: tuple[str, ...], samples: tuple[bytes, ...]) -> bytes:
    """Valid or unknown methods with damaged or random payloads, sometimes with much beside them."""
    payload = mutated(dice, dice.choice(samples)) if dice.random() < 0.7 else dice.randbytes(40)
    more: list[tuple[bytes, bytes]] = []
    if dice.random() < 0.05:
        more.append((b"x-huge", b"y" * dice.choice([1000, 7000, 12_000])))
    if dice.random() < 0.05:
        more.append((b"grpc-timeout", dice.choice([b"1n", b"0S", b"-1S", b"99999999H", b"x"])))
    return call(stream, dice.choice(methods), payload, *more)


def ended_streams(received: bytes) -> int:
    """How many calls were answered: frames of headers that end their stream, and resets."""
    place = ended = 0
    while place + 9 <= len(received):
        kind, flags = received[place + 3], received[place + 4]
        ended += (kind == HEADERS and bool(flags & END_STREAM)) or kind == RESET
        place += 9 + int.from_bytes(received[place : place + 3], "big")
    return ended


# --- connections ---------------------------------------------------------------------------------


def settings_flood(dice: Random) -> bytes:
    return BEGIN + frame(SETTINGS, 0, 0, b"\0\4" + dice.randbytes(4)) * 300


def ping_flood(dice: Random) -> bytes:
    return BEGIN + frame(PING, 0, 0, dice.randbytes(8)) * 300


def rapid_reset(dice: Random) -> bytes:
    block = fields(CONNECT)
    return BEGIN + b"".join(
        frame(HEADERS, END_HEADERS, stream, block) + frame(RESET, 0, stream, b"\0\0\0\x08")
        for stream in range(1, 200, 2)
    )


def endless_headers(dice: Random) -> bytes:
    more = frame(CONTINUATION, 0, 1, b"\0" + _literal(b"x") + _literal(b"y" * 2000))
    return BEGIN + frame(HEADERS, 0, 1, fields(CONNECT)) + more * 20


def window_games(dice: Random) -> bytes:
    closed = frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0")
    steps = [0, 1, 2**31 - 1]
    more = (frame(WINDOW, 0, 0, dice.choice(steps).to_bytes(4, "big")) for _ in range(20))
    return BEGIN + closed + call(1, READING[0], b"") + b"".join(more)


def any_frames(dice: Random) -> bytes:
    return BEGIN + b"".join(
        frame(dice.randrange(12), dice.randrange(256), dice.randrange(9), dice.randbytes(20))
        for _ in range(dice.randrange(20))
    )


def damaged_call(dice: Random) -> bytes:
    return mutated(dice, BEGIN + call(1, dice.choice(READING + WATCHES), dice.randbytes(30)))


def half_a_call(dice: Random) -> bytes:
    whole = BEGIN + call(1, dice.choice(READING + WATCHES), dice.randbytes(30))
    return whole[: dice.randrange(len(whole))]


def tls_hello(dice: Random) -> bytes:
    body = b"\x03\x03" + dice.randbytes(32) + b"\0\0\x02\x13\x01\x01\0"
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(hello).to_bytes(2, "big") + hello


def http_1(dice: Random) -> bytes:
    verb = dice.choice([b"GET", b"POST", b"HEAD", b"\0", b"G" * 300])
    path = dice.choice([b"/", b"/leader", b"/metrics", b"/" + b"a" * 3000, b"//%00"])
    return verb + b" " + path + b" HTTP/1.1\r\n" + b"X: y\r\n" * dice.randrange(120) + b"\r\n"


def nothing(dice: Random) -> bytes:
    return b""


KINDS: tuple[Callable[[Random], bytes], ...] = (
    settings_flood,
    ping_flood,
    rapid_reset,
    endless_headers,
    window_games,
    any_frames,
    damaged_call,
    half_a_call,
    tls_hello,
    http_1,
    nothing,
    noise,
)


def openings(dice: Random, count: int) -> Iterator[bytes]:
    """What is said on so many connections. What is long is rarer."""
    weights = [1 if kind(Random(1)).__len__() > 2000 else 8 for kind in KINDS]
    for kind in dice.choices(KINDS, weights, k=count):
        yield kind(dice)
