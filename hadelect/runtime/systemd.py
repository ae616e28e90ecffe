"""What systemd wants to hear (sd_notify(3)): the whole protocol is a datagram of NAME=value lines.

Law: READY and WATCHDOG are said by the loop that supervises, and by nobody for it.
"""

import socket
import time
from collections.abc import Mapping


class Notifier:
    """Says nothing when systemd does not listen (no NOTIFY_SOCKET)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket:
            self._socket.setblocking(False)
        micros = environ.get("WATCHDOG_USEC", "")
        asked = micros.isdigit() and int(micros) > 0 and self._socket is not None
        self.watchdog_seconds: float | None = int(micros) / 2_000_000 if asked else None

    def ready(self, status: str) -> None:
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """`ready` must follow. With Type=notify-reload systemd waits for both."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._say(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def status(self, text: str) -> None:
        self._say(f"STATUS={text}")

    def watchdog(self) -> None:
        """To be called every `watchdog_seconds`: half of what systemd allows."""
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    def close(self) -> None:
        if self._socket:
            self._socket.close()

    def _say(self, lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(lines.encode(), self._address)
        except OSError:
            return  # systemd is gone or its queue is full: the next word will reach it.
