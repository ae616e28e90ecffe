"""The controllee's stdout and stderr, line by line.

1. Bounded: one chunk of each stream per turn of the loop, whatever the controllee writes. A reader
   that falls behind makes the controllee wait, nothing else.
2. A line longer than a chunk comes in pieces; the last one may lack its newline.
"""

import asyncio
import os
from collections.abc import Callable, Sequence

CHUNK_BYTES = 4096

OnOutput = Callable[[str, str], None]


class OutputReader:
    """Reads one stream until its end; owns the descriptor."""

    def __init__(self, fd: int, stream: str, on_output: OnOutput) -> None:
        self._fd = fd
        self._stream = stream  # stdout or stderr.
        self._on_output = on_output
        self._rest = b""
        os.set_blocking(fd, False)
        asyncio.get_running_loop().add_reader(fd, self._read)

    @property
    def is_closed(self) -> bool:
        return self._fd < 0

    def close(self) -> None:
        if self._fd < 0:
            return
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, CHUNK_BYTES)
        except BlockingIOError:
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._rest and (not chunk or len(self._rest) >= CHUNK_BYTES):
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._on_output(self._stream, line.decode("utf-8", "replace").rstrip("\r"))
        if not chunk:
            self.close()


def readers(fds: Sequence[int], on_output: OnOutput) -> list[OutputReader]:
    """Of stdout and stderr, as far as they came."""
    streams = zip(fds, ("stdout", "stderr"), strict=False)
    return [OutputReader(fd, stream, on_output) for fd, stream in streams]
