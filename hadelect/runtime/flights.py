"""Reads what the flight recorder wrote: numbered lines of a file, as far as they are whole."""

import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from hadelect.core.flight import Line, decode_line

GZIP = b"\x1f\x8b"
CHUNK = 65_536


class Unreadable(Exception):
    """A file that is no flight record, or not of this version: in words, with the line."""


class Flight:
    """One file, gzip members of JSON lines or plain JSON lines. `torn`: why its end is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = ""

    def lines(self) -> Iterator[tuple[int, Line]]:
        """Raises Unreadable, OSError."""
        rest, number = b"", 0
        for piece in self._pieces():
            *whole, rest = (rest + piece).split(b"\n")
            for text in whole:
                number += 1
                yield number, self._line(number, text)
        if rest and not self.torn:
            self.torn = f"line {number + 1} has no end"

    def _line(self, number: int, text: bytes) -> Line:
        try:
            return decode_line(text.decode())
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"{self.path}, line {number}: {error}") from error

    def _pieces(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            chunks = iter(lambda: file.read(CHUNK), b"")
            first = next(chunks, b"")  # Read once: it may have come since, or through a pipe.
            every = chain((first,), chunks)
            yield from self._unpacked(every) if first.startswith(GZIP) else every

    def _unpacked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """A member that is cut short ends it: what is whole of it is given."""
        unpacker, inside = zlib.decompressobj(wbits=31), False
        for chunk in chunks:
            data = chunk
            while data:
                try:
                    yield unpacker.decompress(data)
                except zlib.error as error:
                    self.torn = f"damaged: {error}"
                    return
                data, inside = unpacker.unused_data, not unpacker.eof
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
        if inside:
            self.torn = "its last block is cut short"
