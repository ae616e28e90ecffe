"""Replication daemons beside the members of a lab, and a scheduler that keeps its jobs in files.

Law 1: the ledger is the only witness of what a scheduler took, and of what it found when it began.
Law 2: nobody writes to a state file but schedulers, and stories that say so.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e import lan
from tests.e2e.host import Host
from tests.e2e.lab import Lab, until
from tests.e2e.scheduler import JOB_PERIOD

PORT = 41450


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger."""

    ns: int  # CLOCK_MONOTONIC.
    word: str  # began, job, torn.
    number: int
    term: int
    member: str


class Ledger:
    """The one file in which all schedulers tell what they took: not replicated, always at hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def entries(self) -> list[Entry]:
        lines = (line.split() for line in self.path.read_text().splitlines())
        return [Entry(int(n), word, int(num), int(t), who) for n, word, num, t, who in lines]

    def began(self) -> list[Entry]:
        """Each start of a scheduler and how many jobs it found; torn ones are a failure."""
        found = [entry for entry in self.entries() if entry.word != "job"]
        assert not [entry for entry in found if entry.word == "torn"], found
        return found

    def taken(self) -> int:
        """The number of the last job that was told."""
        jobs = [entry for entry in self.entries() if entry.word == "job"]
        return jobs[-1].number if jobs else 0


def replicating(hosts: Sequence[Host], state: Path) -> dict[str, object]:
    """The configuration of one of these hosts, whose state is kept on all of them."""
    return {
        "HAD_USE_REPLICATION": "true",
        "REPLICATION_LIST": ", ".join(f"{host.address}:{PORT}" for host in hosts),
        "REPLICATION_ARGS": f"-p {PORT}",
        "STATE_FILE": state,
    }


class Replicas:
    """The replication daemons of a lab, known by their processes."""

    def __init__(self, lab: Lab, **more: object) -> None:
        self.lab = lab
        self.ledger = Ledger(lab.journal.path.with_name("ledger"))
        self.more = more
        self._spools = {host: host.home / "spool" for host in lab.hosts}
        for host in lab.hosts:
            self._spools[host].mkdir()
            host.configure({**lab.settings(host), **self.settings(host)})

    def settings(self, host: Host) -> dict[str, object]:
        return {
            **replicating(self.lab.hosts, self.state(host)),
            "NEGOTIATOR_ENVIRONMENT": f"STATE={self.state(host)};LEDGER={self.ledger.path}",
            **self.more,
        }

    def state(self, host: Host) -> Path:
        return self._spools[host] / "state"

    def key(self, host: Host) -> Path:
        """Its REPLICATION_KEY_FILE."""
        return host.home / "key"

    def on_disk(self, host: Host, disk: Path) -> None:
        """Before it is started: its state lies there."""
        self._spools[host] = disk
        host.configure({**self.lab.settings(host), **self.settings(host)})

    def keyed(self, key: bytes) -> None:
        """Before anything is started: all have this key."""
        for host in self.lab.hosts:
            self.key(host).write_bytes(key)
            self.key(host).chmod(0o600)
            settings = {**self.lab.settings(host), **self.settings(host)}
            host.configure({**settings, "REPLICATION_KEY_FILE": self.key(host)})

    # --- life ----------------------------------------------------------------------------------

    def start(self, *hosts: Host) -> None:
        for host in hosts or self.lab.hosts:
            host.start_replication()

    def start_all(self, *hosts: Host) -> None:
        """Both daemons of each host, as after its boot."""
        self.start(*hosts)
        self.lab.start(*hosts)

    def kill(self, host: Host) -> None:
        """SIGKILL to the replication daemon alone."""
        daemon = self._daemon(host)
        daemon.kill()
        daemon.wait(5)

    @contextlib.contextmanager
    def frozen(self, host: Host) -> Iterator[None]:
        pid = self._daemon(host).pid
        os.kill(pid, signal.SIGSTOP)
        yield
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def power_off(self, *hosts: Host) -> None:
        """All processes of these hosts at once."""
        for host in hosts or self.lab.hosts:
            for pid in lan.inhabitants(host.namespace):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
        for host in hosts or self.lab.hosts:
            host.power_off()

    def _daemon(self, host: Host) -> subprocess.Popen[bytes]:
        assert host.replication is not None, f"no replication daemon on {host}"
        return host.replication

    def lose_live(self, *hosts: Host) -> None:
        """The live files of a host that is down are gone."""
        for host in hosts:
            shutil.rmtree(self.state(host))

    def lose_all(self, *hosts: Host) -> None:
        """All that a host keeps of the state, but for what it remembers about it."""
        for host in hosts:
            for path in self._spools[host].iterdir():
                shutil.rmtree(path)
            shutil.rmtree(host.home / "state/replication/packs", ignore_errors=True)

    # --- asking --------------------------------------------------------------------------------

    def copies(self, host: Host) -> dict[str, dict[str, Any] | None]:
        """Of every member that this host reaches: what it says of its copy."""
        view = host.status()
        rows = view["members"] if view else []
        return {row["member"]: row["replica"] for row in rows if row["reachable"]}

    def problem(self, host: Host) -> str:
        """What this host says is wrong with its own copy; empty also while it does not answer."""
        copy = self.copies(host).get(host.name)
        return str(copy["problem"]) if copy else ""

    def current(self, *among: Host, within: float | None = None) -> Host:
        """Wait until the pool is settled and each of these hosts has a copy that is kept fresh."""
        chosen = among or tuple(host for host in self.lab.hosts if host.up)
        leader = self.lab.settled(*among, within=within)

        def fresh() -> bool:
            found = self.copies(leader)
            said = [found.get(host.name) for host in chosen]
            return all(
                c and c["version"] and c["lag_seconds"] < 1 and not c["problem"] for c in said
            )

        bound = self.lab.pool.bound if within is None else within
        until(fresh, bound, lambda: f"copies are late: {self.copies(leader)}")
        return leader

    def grown(self, jobs: int = 3) -> int:
        """Wait for so many jobs more; the number of the last."""
        before = self.ledger.taken()

        def enough() -> bool:
            return self.ledger.taken() >= before + jobs

        until(enough, self.lab.pool.bound + jobs * JOB_PERIOD, lambda: f"no job after {before}")
        return self.ledger.taken()

    def asides(self, *hosts: Host) -> list[tuple[Host, str, Path]]:
        """What these hosts keep aside: where, its name, its path."""
        return [
            (host, aside["name"], Path(aside["path"]))
            for host in hosts
            for aside in self.listed(host)["asides"]
        ]

    def listed(self, host: Host) -> dict[str, Any]:
        """`hadelect state list` there."""
        answer = host.cli("state", "list", "--format", "json")
        assert answer.stdout, answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout)
        return found

    def trouble(self, host: Host, with_: Host) -> str:
        """Why its daemon is not connected to that one."""
        peers = self.listed(host)["peers"]
        return next(str(peer["trouble"]) for peer in peers if peer["member"] == with_.name)

    # --- judging -------------------------------------------------------------------------------

    def lost_nothing(self) -> None:
        """The scheduler that began last found every job that was told before."""
        start = self._last_start()
        told = max(e.number for e in self.ledger.entries() if e.word == "job" and e.ns < start.ns)
        assert start.number >= told, f"{told} jobs were told, {start} found less"
        assert start.number <= told + 1, f"{told} jobs were told, {start} found more"

    def lost_at_most(self, seconds: float, known: int) -> None:
        """It found all of the jobs known at some time, but those of so many seconds before."""
        start = self._last_start()
        missed = (known - start.number) * JOB_PERIOD
        assert missed <= seconds, (
            f"{missed:.1f} s of jobs are lost: {known} were told, then {start}"
        )

    def found(self) -> int:
        """How many jobs the scheduler found that began last."""
        return self._last_start().number

    def _last_start(self) -> Entry:
        """Of the scheduler that the journal says began last; its own word may come a bit later."""
        run = self.lab.ran()

        def told() -> Entry | None:
            last = self.ledger.began()[-1]
            return last if (last.term, last.member) == (run.term, run.member) else None

        return until(told, self.lab.pool.bound, lambda: f"{run} did not say what it found")

    @contextlib.contextmanager
    def quiet(self, *among: Host) -> Iterator[tuple[str, int]]:
        """The scheduler is frozen, all copies are the same: their version and their last job."""
        hosts = among or tuple(self.lab.hosts)
        frozen = self.lab.controllees()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)

        def alike() -> tuple[str, int] | None:
            copies = self.copies(hosts[0])
            found = [copies[host.name] for host in hosts]
            versions = {str(copy and copy["version"]) for copy in found}
            jobs = {self.jobs(host) for host in hosts}
            return (versions.pop(), jobs.pop()) if len(versions) == 1 == len(jobs) else None

        yield until(alike, self.lab.pool.bound, lambda: f"copies differ: {self.copies(hosts[0])}")
        for pid in frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def everywhere(self, known: int) -> None:
        """Wait until the live files of all hosts have this job."""

        def there() -> bool:
            return all(self.jobs(host) >= known for host in self.lab.hosts)

        found = lambda: f"{known} is not in all of {[self.jobs(h) for h in self.lab.hosts]}"  # noqa: E731
        until(there, self.lab.pool.bound, found)

    def torn(self, host: Host) -> str:
        """What in the live files there is a mixture of two versions; empty = nothing."""
        state = self.state(host)
        done = [int(line) for line in (state / "jobs").read_text().split()]
        last = int((state / "last").read_text())
        whole = done == list(range(1, len(done) + 1)) and len(done) - last in {0, 1}
        return "" if whole else f"last job {last}, jobs {done[:3]} … {done[-3:]}, {len(done)}"

    def jobs(self, host: Host) -> int:
        """The number of the last job in the live files there; -1 if there are none."""
        try:
            return int((self.state(host) / "last").read_text())
        except (OSError, ValueError):
            return -1
