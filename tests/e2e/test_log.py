"""A ClassAd-log-like file that grows by 1 000 lines a second, replicated: what a move costs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.e2e.host import Host
from tests.e2e.lab import Lab, Pool, until
from tests.e2e.replicas import replicating

Build = Callable[[Pool], Lab]

SCHEDULER = Path(__file__).with_name("log_scheduler.py")
FRESH = 2.0  # Seconds that a backup may be behind in a pool where nothing is wrong.
# What a word cannot know of its own way, from the leader's daemon to the backup's HAD.
ON_ITS_WAY_NS = 200_000_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """A line that was in the log at this instant."""

    ns: int
    number: int


class Log:
    """The log of each host, and the receipts for all lines of all lives of the scheduler."""

    def __init__(self, lab: Lab) -> None:
        self._receipts = lab.journal.path.with_name("receipts")
        for host in lab.hosts:
            (host.home / "spool").mkdir()
            arguments = f"{lab.journal.path} {self.of(host)} {self._receipts}"
            host.configure(
                {
                    **lab.settings(host),
                    "NEGOTIATOR_ARGS": f"-I -S -E {SCHEDULER} {arguments}",
                    **replicating(lab.hosts, self.of(host)),
                }
            )

    def of(self, host: Host) -> Path:
        return host.home / "spool" / "job_queue.log"

    def numbers(self, host: Host) -> list[int]:
        """Of the whole lines of its copy."""
        whole, _, _ = self.of(host).read_text().rpartition("\n")
        return [int(line.split()[-1]) for line in whole.splitlines()]

    def receipts(self) -> list[Receipt]:
        whole, _, _ = self._receipts.read_text().rpartition("\n")
        return [Receipt(*map(int, line.split())) for line in whole.splitlines()]

    def lost(self) -> list[Receipt]:
        """Receipts for lines that a later life of the scheduler did not find."""
        receipts = self.receipts()
        for number, (before, after) in enumerate(pairwise(receipts), 1):
            if after.number <= before.number:
                return [r for r in receipts[:number] if r.number >= after.number]
        return []


@dataclass(frozen=True, slots=True)
class Scrape:
    """What a member's hadelect_replica_lag_seconds was, asked for at this instant."""

    ns: int
    lag: float

    @property
    def safe_ns(self) -> int:
        """What was written before this is said to survive."""
        return self.ns - int(self.lag * 1e9)


@contextmanager
def scraped(host: Host) -> Iterator[list[Scrape]]:
    """Its lag, asked for all the time."""
    scrapes: list[Scrape] = []
    enough = threading.Event()

    def scrape() -> None:
        while not enough.is_set():
            asked = time.monotonic_ns()
            lag = host.metric("hadelect_replica_lag_seconds")
            scrapes.append(Scrape(asked, lag))

    thread = threading.Thread(target=scrape)
    thread.start()
    yield scrapes
    enough.set()
    thread.join()


def lag(host: Host) -> float:
    return host.metric("hadelect_replica_lag_seconds")


def started(build: Build) -> tuple[Lab, Log, Host]:
    """A pool whose backups are up to date while its leader writes."""
    lab = build(Pool("majority"))
    log = Log(lab)
    lab.start()
    for host in lab.hosts:
        host.start_replication()
    leader = lab.settled()
    backups = lab.peers(leader)

    def current() -> bool:
        return all(log.of(b).exists() and log.numbers(b) and lag(b) < FRESH for b in backups)

    until(current, 20, lambda: f"lag {[lag(b) for b in backups]}\n{lab.story()}")
    return lab, log, leader


def whole(log: Log, host: Host) -> None:
    """Every number from 1 on stands in its copy, once."""
    numbers = log.numbers(host)
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_handover_loses_not_a_line(build: Build) -> None:
    """The new leader goes on at the very line at which the old one ended."""
    lab, log, leader = started(build)
    for successor in lab.peers(leader):
        before = lab.ran()
        assert lab.settled().cli("handover", "--to", successor.name, "--wait", "20").returncode == 0
        assert lab.moved(before).member == successor.name
    assert not log.lost()
    whole(log, lab.one())
    lab.never_two()


def test_a_lost_machine_costs_no_more_than_the_lag_that_was_shown(build: Build) -> None:
    """The leader's machine is gone at once. Whenever the winner's hadelect_replica_lag_seconds was
    scraped before, what was older than that then is not missing.
    """
    lab, log, leader = started(build)
    before = lab.ran()
    one, other = lab.peers(leader)
    with scraped(one) as ones, scraped(other) as others:
        time.sleep(1.5)  # It is written all the time: any moment is as good as another.
        gone = time.monotonic_ns()
        lab.net.cut(leader.number)
        leader.power_off()
    winner = lab.host(lab.moved(before).member)
    lab.one()
    shown = [scrape for scrape in (ones if winner is one else others) if scrape.ns < gone]
    assert shown[-1].lag < FRESH
    best = max(shown, key=lambda scrape: scrape.safe_ns)
    unexpected = [r for r in log.lost() if r.ns < best.safe_ns - ON_ITS_WAY_NS]
    assert not unexpected, f"{len(unexpected)} of {len(log.lost())} older than {best}"
    whole(log, winner)
    lab.never_two()
