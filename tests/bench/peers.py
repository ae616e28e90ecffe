"""What an administrator would use instead, on the same network, with the same stand-in scheduler.

Law 1: every process of a peer lives in a namespace of the lab, and is cleared away with it.
Law 2: what differs between peers is a command line, a configuration and how one sees that a node is
       ready; blows, repairs and the judge are the same for all.
"""

import subprocess
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from tests.bench.blows import Blow
from tests.bench.lives import Life, Schedulers
from tests.bench.system import DICE, SETTLING, Frozen, Strike, killed
from tests.e2e import lan
from tests.e2e.host import environment
from tests.e2e.judge import Journal
from tests.e2e.lab import until

NODES = 3
SUITS = frozenset({Blow.DAEMON, Blow.NODE, Blow.CUT, Blow.TERM, Blow.DAEMON_FROZEN})


@dataclass(slots=True)
class Node:
    """One host of a peer."""

    number: int
    namespace: str
    home: Path
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return f"node{self.number}"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def daemons(self, schedulers: list[Life]) -> list[int]:
        """All processes of the node but its schedulers."""
        kept = {life.pid for life in schedulers}
        return [pid for pid in lan.inhabitants(self.namespace) if pid not in kept]


class Peers(ABC):
    """Three nodes of one peer system."""

    def __init__(self, name: str, home: Path, period: float) -> None:
        self.name = name
        self.period = period  # Of what is sent or polled, in s.
        self.patience = max(3.0, 8 * period)
        home.mkdir(parents=True)
        self.home = home
        self.journal = Journal(home / "journal")
        self.net = lan.Lan(NODES)
        self.nodes = [Node(n, self.net.namespace(n), home / f"node{n}") for n in self.net.numbers]
        self.schedulers = Schedulers([node.namespace for node in self.nodes])
        self.schedulers.__enter__()
        self._struck: Node | None = None
        self._leaves_rest = False
        self._frozen = Frozen()
        for node in self.nodes:
            node.home.mkdir()
            self.configure(node)
            self._start(node)

    @abstractmethod
    def configure(self, node: Node) -> None: ...

    @abstractmethod
    def command(self, node: Node) -> list[str]: ...

    @abstractmethod
    def ready(self, node: Node) -> bool:
        """Whether it leads or would take over."""

    def settle(self) -> None:
        def settled() -> bool:
            return len(self.schedulers.living()) == 1 and all(map(self.ready, self.nodes))

        until(settled, SETTLING, lambda: f"{self.name} did not settle: {self.schedulers.living()}")

    def phase(self) -> float:
        return DICE.uniform(0.1 + self.period, 0.1 + 2 * self.period)

    def aim(self, blow: Blow) -> Strike:
        assert blow in SUITS, blow
        (one,) = self.schedulers.living()
        node = next(node for node in self.nodes if node.namespace == one.namespace)
        self._struck = node
        daemons = node.daemons([one])
        self._leaves_rest = blow in {Blow.DAEMON, Blow.NODE, Blow.TERM}
        if blow is Blow.DAEMON:
            return killed(daemons)
        if blow is Blow.NODE:
            return killed([*daemons, one.pid])
        if blow is Blow.CUT:
            return lambda: self.net.cut(node.number)
        if blow is Blow.TERM:
            assert node.daemon is not None
            return node.daemon.terminate
        return self._frozen.hold(daemons)

    def relieve(self) -> None:
        self._frozen.thaw()
        if self._struck is not None:
            self.net.mend(self._struck.number)

    def repair(self) -> None:
        node = self._struck
        assert node is not None
        if self._leaves_rest:
            self._clear(node)
            self._start(node)

    def swift(self, blow: Blow) -> bool:
        return self.period < 0.5 and blow in {Blow.DAEMON, Blow.NODE, Blow.TERM}

    def close(self) -> None:
        self._frozen.thaw()
        self.schedulers.__exit__()
        self.net.close()
        for node in self.nodes:
            if node.daemon is not None:
                node.daemon.wait(5)

    def _start(self, node: Node) -> None:
        self.clean(node)
        door = ["nsenter", f"--net={lan.NETNS / node.namespace}"]
        with node.log.open("ab") as log:
            node.daemon = subprocess.Popen(
                [*door, *self.command(node)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(HADELECT_MEMBER=node.name),
                start_new_session=True,
            )

    @abstractmethod
    def clean(self, node: Node) -> None:
        """Remove what says that the node is ready."""

    def _clear(self, node: Node) -> None:
        assert node.daemon is not None
        deadline = time.monotonic() + 5
        while self._ends_by_itself(node) and time.monotonic() < deadline:
            time.sleep(0.02)
        lan.evict(node.namespace)
        node.daemon.wait(5)

    def _ends_by_itself(self, node: Node) -> bool:
        """Whether a daemon that was asked to end still does so."""
        assert node.daemon is not None
        return node.daemon.poll() is None and not lan.zombie(node.daemon.pid)
