"""Bad weather between the hosts: a relay that delays frames with jitter and loses some by dice.

    relay.py LOSS JITTER SEED FD...

Each host has a TUN device in place of a cable; FD... are their other ends, host 1 first. Frames may
overtake each other, as on a network with several paths. On SIGTERM it prints one JSON line: frames
relayed, frames lost, and the longest time by which a frame was later than it should have been.
"""

import heapq
import json
import os
import random
import select
import signal
import sys
import time

FRAME = 2048


class Ended(Exception):
    """SIGTERM."""


class Relay:
    def __init__(self, loss: float, jitter: float, seed: int, ports: list[int]) -> None:
        self.loss, self.jitter = loss, jitter
        self.dice = random.Random(seed)
        self.ports = ports
        self.flying: list[tuple[float, int, int, bytes]] = []  # Due, number, port, frame.
        self.relayed = self.lost = 0
        self.latest = 0.0

    def turn(self) -> None:
        wait = max(0.0, self.flying[0][0] - time.monotonic()) if self.flying else 1.0
        ready, _, _ = select.select(self.ports, [], [], wait)
        for port in ready:
            self.take(os.read(port, FRAME))
        now = time.monotonic()
        while self.flying and self.flying[0][0] <= now:
            due, _, port, frame = heapq.heappop(self.flying)
            self.latest = max(self.latest, now - due)
            os.write(port, frame)

    def take(self, frame: bytes) -> None:
        """An IPv4 packet for 10.77.0.N goes to port N; anything else is not ours."""
        if len(frame) < 20 or frame[0] >> 4 != 4 or not 0 < frame[19] <= len(self.ports):
            return
        if self.dice.random() < self.loss:
            self.lost += 1
            return
        self.relayed += 1
        due = time.monotonic() + self.dice.uniform(0, self.jitter)
        heapq.heappush(self.flying, (due, self.relayed, self.ports[frame[19] - 1], frame))


def end(*_: object) -> None:
    raise Ended


def main() -> None:
    loss, jitter, seed, *ports = sys.argv[1:]
    relay = Relay(float(loss), float(jitter), int(seed), [int(port) for port in ports])
    signal.signal(signal.SIGTERM, end)
    try:
        while True:
            relay.turn()
    except Ended:
        told = {"relayed": relay.relayed, "lost": relay.lost, "latest": round(relay.latest, 3)}
        print(json.dumps(told))


if __name__ == "__main__":
    main()
