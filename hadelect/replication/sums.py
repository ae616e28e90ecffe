"""Reading files block by block: their digests, and the cheaper sums by which a reader sees which
blocks are what they were.

Law: a sum is a keyed XXH3 of 128 bits, with a key of this store's own that nobody is told. Equal
     sums of blocks that this store read are equal blocks; what leaves this machine, or comes from
     another one, has its BLAKE3 digest looked at.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from xxhash import xxh3_128_digest

from hadelect.replication.manifest import BLOCK, DIGEST, digest_of

SUM = 16  # Bytes.
PIECE = 4 << 20  # Bytes read at once.
STEP = 4 * BLOCK  # That stay in the processor's cache.

_readers = ThreadPoolExecutor(2, thread_name_prefix="reader")
_own = threading.local()


@dataclass(frozen=True, slots=True)
class Piece:
    length: int  # Bytes read; less than asked for: the file ends there.
    digests: bytes
    sums: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a file's blocks."""

    seed: int
    since: Callable[[int], tuple[bytes, bytes]]  # Digests and sums from this block on.


NOTHING_KNOWN = Known(0, lambda _: (b"", b""))


def unknown(count: int) -> bytes:
    """The sums of so many blocks of which none is known."""
    return bytes(count * SUM)


def hashed(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The digests of an open file's blocks up to `size`, or to its end: (bytes read, digests)."""
    for piece in pieces(fd, size, NOTHING_KNOWN):
        yield piece.length, piece.digests


def pieces(fd: int, size: int, known: Known) -> Iterator[Piece]:
    """All of an open file up to `size`, or to its end."""
    waiting: list[Future[Piece]] = []
    for at in range(0, size, PIECE):
        length = min(PIECE, size - at)
        work = fd, at, length, known.seed, known.since(at // BLOCK)
        if size <= PIECE:
            yield _piece(*work)
            return
        waiting.append(_readers.submit(_piece, *work))
        if len(waiting) > 2:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()


def _buffer() -> memoryview:
    if not hasattr(_own, "buffer"):
        _own.buffer = memoryview(bytearray(STEP))
    view: memoryview = _own.buffer
    return view


def _piece(fd: int, at: int, length: int, seed: int, known: tuple[bytes, bytes]) -> Piece:
    buffer = _buffer()
    digests, sums = known
    read = 0
    found: list[bytes] = []
    summed: list[bytes] = []
    while read < length:
        got = _filled(fd, buffer[: min(STEP, length - read)], at + read)
        for start in range(0, got, BLOCK):
            block = buffer[start : min(start + BLOCK, got)]
            own, index = xxh3_128_digest(block, seed), len(found)
            same = sums[index * SUM : (index + 1) * SUM] == own
            found.append(digests[index * DIGEST :][:DIGEST] if same else digest_of(block))
            summed.append(own)
        read += got
        if got < len(buffer):
            break
    return Piece(read, b"".join(found), b"".join(summed))


def _filled(fd: int, buffer: memoryview, at: int) -> int:
    """How much of it there was."""
    got = 0
    while got < len(buffer):
        more = os.preadv(fd, [buffer[got:]], at + got)
        if not more:
            break
        got += more
    return got
