"""A supervisor whose controllee another manager runs: the two, and what the host shows of them."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hadelect.supervisor import fence
from tests.supervisor.harness import HERE, Had, Said, is_alive, until

MANAGER = [sys.executable, "-I", "-S", "-E", str(HERE / "other_manager.py")]


def has_cgroup() -> bool:
    path = fence.cgroup_if_any(f"hadelect-test-{uuid.uuid4().hex}")
    fence.remove_cgroup(path)
    return bool(path)


needs_cgroup = pytest.mark.skipif(not has_cgroup(), reason="no cgroup v2 that we may change")
GUARDS = [pytest.param("unit", marks=needs_cgroup), "kill"]


class Outside:
    """The other manager: a daemon with one service."""

    def __init__(self, directory: Path, *, with_unit: bool) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.cgroup = fence.cgroup_path(f"unit-{uuid.uuid4().hex}") if with_unit else ""
        self._mark = f"{os.getpid()}.{uuid.uuid4().int % 10**9}"
        service = ["/bin/sleep", f"9{self._mark}"]
        self._daemon = subprocess.Popen(
            [*MANAGER, "serve", str(directory), self.cgroup or "-", *service]
        )
        until((directory / "socket").exists)

    def close(self) -> None:
        self.do("kill")
        self._daemon.kill()
        self._daemon.wait()
        for pid in self.services():
            os.kill(pid, 9)
        fence.remove_cgroup(self.cgroup)

    def do(self, word: str) -> int:
        """As an administrator would, by hand; the manners do not apply."""
        (self.directory / "manners").unlink(missing_ok=True)
        return subprocess.run([*MANAGER, word, str(self.directory)], check=False).returncode

    def manners(self, **manners: object) -> None:
        lines = "".join(f"{word} {manner}\n" for word, manner in manners.items())
        (self.directory / "new").write_text(lines)
        (self.directory / "new").rename(self.directory / "manners")

    def asked(self) -> list[str]:
        try:
            return (self.directory / "asked").read_text().splitlines()
        except FileNotFoundError:
            return []

    def services(self) -> list[int]:
        """Host pids of the living service, whoever started it."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            is_it = words[:2] == [b"/bin/sleep", f"9{self._mark}".encode()]
            if is_it and is_alive(int(path.parent.name)):
                found.append(int(path.parent.name))
        return found

    def spec(self, *, kill: bool, **other: object) -> dict[str, object]:
        """What the supervisor is told; `kill`: with the KILL command."""
        commands = {
            word: [*MANAGER, word, str(self.directory)] for word in ("start", "stop", "status")
        }
        return {
            **commands,
            "kill": [*MANAGER, "kill", str(self.directory)] if kill else [],
            "cgroup": self.cgroup,
            "kill_timeout": 3.0,  # A busy machine starts no Python within a margin.
            "status_timeout": 0.5,
            "status_interval": 0.2,
            **other,
        }


class Pair:
    """One supervisor, and the other manager beside it."""

    def __init__(self, had: Had, outside: Outside, *, kill: bool) -> None:
        self.had, self.outside, self._kill = had, outside, kill

    def ready(
        self, *, start_grace: float = 2.0, stop_timeout: float = 2.0, **other: object
    ) -> Said:
        self.had.expect("born")
        self.configure(start_grace=start_grace, stop_timeout=stop_timeout, **other)  # type: ignore[arg-type]
        return self.had.expect("SupervisorReady")

    def configure(
        self,
        *,
        start_grace: float = 2.0,
        stop_timeout: float = 2.0,
        replicates: bool = False,
        **other: object,
    ) -> None:
        external = self.outside.spec(kill=self._kill, **other)
        self.had.configure(
            replicates=replicates,
            controllee={
                "argv": [],
                "external": external,
                "start_grace": start_grace,
                "stop_timeout": stop_timeout,
            },
        )

    def running(self, term: int = 1, for_ms: int = 30_000) -> Said:
        self.had.order("start", term=term, for_ms=for_ms)
        said = self.had.expect("ControlleeChanged", state="running", term=term)
        until(lambda: len(self.outside.services()) == 1)  # A shim may be about to become it.
        return said

    def raised(self, **other: object) -> Said:
        self.ready(**other)  # type: ignore[arg-type]
        return self.running()


@contextmanager
def pair(home: Path, guard: str) -> Iterator[Pair]:
    """`guard`: unit, kill, or both."""
    outside = Outside(home / "outside", with_unit=guard != "kill")
    try:
        with Had(home / "state") as had:
            yield Pair(had, outside, kill=guard != "unit")
            outside.manners()  # What is left must be able to end.
    finally:
        outside.close()
