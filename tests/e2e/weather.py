"""A network in bad weather: hosts as in lan.py, joined by a relay (relay.py) in place of a bridge.

Law: the relay starts and ends with the network. There are no cables here: nothing to cut or mend.
"""

import fcntl
import json
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.lan import Lan, ip, within_namespace

RELAY = Path(__file__).with_name("relay.py")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclass(frozen=True, slots=True)
class Weather:
    loss: float  # Of one frame.
    jitter: float  # Seconds; each frame takes between 0 and this long.
    seed: int = 51450


class StormyLan(Lan):
    def __init__(self, size: int, weather: Weather) -> None:
        self.weather = weather
        self._relay: subprocess.Popen[str] | None = None
        super().__init__(size)

    def calm(self) -> dict[str, float]:
        """End the relay: what it says of the frames."""
        assert self._relay is not None
        self._relay.terminate()
        said, _ = self._relay.communicate(timeout=10)
        told: dict[str, float] = json.loads(said)
        return told

    def close(self) -> None:
        if self._relay is not None:
            self._relay.kill()
            self._relay.communicate()
        super().close()

    def _build(self) -> None:
        names = (*map(self.namespace, self.numbers), self.bridge)
        ip("", *(f"netns add {name}" for name in names))
        ports = [within_namespace(self.namespace(number), _tun) for number in self.numbers]
        for number in self.numbers:
            ip(
                self.namespace(number),
                "link set lo up",
                f"addr add {self.address(number)}/24 dev eth0",
                "link set eth0 up",
            )
        weather = (self.weather.loss, self.weather.jitter, self.weather.seed, *ports)
        self._relay = subprocess.Popen(
            [sys.executable, "-I", "-S", "-E", RELAY, *map(str, weather)],
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=ports,
        )
        for port in ports:
            os.close(port)


def _tun() -> int:
    port = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(port, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TUN | IFF_NO_PI))
    return port
