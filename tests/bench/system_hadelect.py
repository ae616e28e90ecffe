"""hadelect as one of the systems: the lab of the end-to-end stories, configured as shipped."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import assert_never

from tests.bench.blows import Blow
from tests.bench.lives import Schedulers
from tests.bench.system import DICE, SETTLING, Frozen, Strike, killed
from tests.e2e import lan
from tests.e2e.host import Host, Part
from tests.e2e.lab import Lab, Pool

AS_SHIPPED = (
    ("HAD_DEBUG", ""),  # The lab's own default is D_FULLDEBUG.
    ("HAD_RESTART_LIMIT", 1000),  # We kill the scheduler's tree more often than the world does:
    ("HAD_RESTART_WINDOW", 0),  # every one is the first, which is started again at once.
)
SWIFT = frozenset(
    {Blow.DAEMON, Blow.SUPERVISOR, Blow.INIT, Blow.TERM, Blow.HANDOVER, Blow.INIT_FROZEN}
)


def shipped(mode: str, preset: str = "", hosts: int = 3) -> Pool:
    """A pool with default timing (or a preset) and without the lab's debugging."""
    return Pool(mode, hosts=hosts, preset=preset, more=AS_SHIPPED)


@contextmanager
def running(pool: Pool, started: int | None = None) -> Iterator[Lab]:
    """A settled pool (its first `started` hosts; default: all) in a lab that is gone afterwards."""
    with TemporaryDirectory(prefix="hadelect-bench-") as home:
        lab = Lab(Path(home) / "lab", pool)
        try:
            lab.start(*lab.hosts[:started])
            lab.settled(within=SETTLING)
            yield lab
        finally:
            lab.close()


class Hadelect:
    """A settled pool; every blow falls on its leader."""

    patience = 20.0

    def __init__(self, name: str, home: Path, pool: Pool) -> None:
        self.name = name
        self.lab = Lab(home, pool)
        self.journal = self.lab.journal
        self.schedulers = Schedulers([host.namespace for host in self.lab.hosts])
        self.schedulers.__enter__()
        self._leader: Host | None = None
        self._cut: Host | None = None
        self._frozen = Frozen()
        self._terminated = False
        self.lab.start()

    def settle(self) -> None:
        self._leader = self.lab.settled(within=SETTLING)

    def phase(self) -> float:
        return DICE.uniform(0.1, 0.1 + (0.2 if self.lab.pool.preset else 0.5))

    def aim(self, blow: Blow) -> Strike:
        leader = self._leader
        assert leader is not None
        match blow:
            case Blow.DAEMON:
                return killed([leader.pid(Part.DAEMON)])
            case Blow.SUPERVISOR:
                return killed([leader.pid(Part.SUPERVISOR)])
            case Blow.INIT:
                return killed([leader.pid(Part.INIT)])
            case Blow.DAEMON_AND_SUPERVISOR:
                return killed([leader.pid(Part.DAEMON), leader.pid(Part.SUPERVISOR)])
            case Blow.NODE:
                return killed(list(lan.inhabitants(leader.namespace)))
            case Blow.CUT:
                self._cut = leader
                return lambda: self.lab.net.cut(leader.number)
            case Blow.TERM:
                self._terminated = True
                pid = leader.pid(Part.SUPERVISOR)
                return lambda: os.kill(pid, signal.SIGTERM)
            case Blow.HANDOVER:
                target = DICE.choice(self.lab.peers(leader)).name
                order = ("handover", "--to", target, "--reason", "bench")
                return lambda: leader.cli(*order).check_returncode()
            case Blow.DAEMON_FROZEN:
                return self._frozen.hold([leader.pid(Part.DAEMON)])
            case Blow.SUPERVISOR_FROZEN:
                return self._frozen.hold([leader.pid(Part.SUPERVISOR)])
            case Blow.INIT_FROZEN:
                return self._frozen.hold([leader.pid(Part.INIT)])
        assert_never(blow)

    def relieve(self) -> None:
        self._frozen.thaw()
        if self._cut is not None:
            self.lab.net.mend(self._cut.number)
            self._cut = None

    def repair(self) -> None:
        leader = self._leader
        assert leader is not None
        assert leader.had is not None
        if self._terminated:
            self._terminated = False
            assert leader.had.wait(15) == 0, leader.tail()
        if not leader.up:
            leader.start()

    def swift(self, blow: Blow) -> bool:
        return blow in SWIFT

    def close(self) -> None:
        self._frozen.thaw()
        self.schedulers.__exit__()
        self.lab.close()
