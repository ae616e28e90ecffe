"""The daemon as a process: its start, its ends, and what may hang without holding it up."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hadelect.config.model import Config
from hadelect.core.vocabulary import Role
from hadelect.supervisor import descriptors
from tests.runtime.pool import free_port, led, pool_of, until
from tests.runtime.test_tls import certify

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Had:
    """`hadelect had` of a pool of one, as the command line starts it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.settings = {
            "HAD_LIST": f"127.0.0.1:{self.port}",
            "NEGOTIATOR": "/bin/sleep",
            "NEGOTIATOR_ARGS": "1000",
            "HAD_STATE_DIR": str(home / "state"),
            "HAD_HTTP_ADDRESS": "off",
            "HAD_HEARTBEAT_INTERVAL": "0.1",
            "HAD_LEASE_DURATION": "1",
        }
        self.log = home / "stderr"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str, module: str = "hadelect.supervisor") -> None:
        config = self.home / "hadelect.conf"
        config.write_text("".join(f"{k} = {v}\n" for k, v in self.settings.items()))
        before = ["--"] if module == "hadelect.supervisor" else []
        command = [sys.executable, "-P", "-m", module, *before, "--config", str(config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *arguments], env=ENVIRONMENT, stderr=log, stdout=log
            )

    def says(self, words: str) -> bool:
        return words in self.log.read_text()

    def ends(self, within: float = 10) -> int:
        assert self.process is not None
        return self.process.wait(within)


@pytest.fixture
def had(tmp_path: Path) -> Iterator[Had]:
    had = Had(tmp_path)
    yield had
    if had.process is not None and had.process.poll() is None:
        had.process.kill()
        had.process.wait()


async def test_a_pool_of_one_leads_and_stops_cleanly(had: Had) -> None:
    """It takes part soon, runs its controllee, and SIGTERM ends it with 0."""
    began = time.monotonic()
    had.start()
    await until(lambda: had.says("NEGOTIATOR runs"))
    assert time.monotonic() - began < 5
    assert had.process is not None
    had.process.send_signal(signal.SIGHUP)
    await until(lambda: had.says("reload: nothing has changed"))
    had.process.send_signal(signal.SIGTERM)
    assert had.ends() == 0
    assert "Traceback" not in had.log.read_text()
    assert (had.home / "state" / "history").read_text().count("\n") >= 5


async def test_many_may_connect_and_the_controllee_may_select(had: Had) -> None:
    """Systemd's soft limit of 1024: the daemon raises its own; the controllee's stays."""
    given = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, given[1]))
    try:
        had.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, given)
    await until(lambda: had.says("NEGOTIATOR runs"))
    assert had.process is not None
    supervisor = had.process.pid
    enough = min(given[1], descriptors.ENOUGH)
    daemon, *inits = children(supervisor)
    (controllee,) = (pid for init in inits for pid in children(init) if named(pid) == "sleep")
    limits = [resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in (daemon, controllee)]
    assert limits == [(enough, given[1]), (1024, given[1])]


def children(pid: int) -> list[int]:
    """In the order of their birth."""
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return list(map(int, words))


def named(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_what_the_daemon_starts_gets_the_limit_that_was_given() -> None:
    """Its raised limit is no gift to a status command."""
    code = """if True:
        import os, resource
        from hadelect.supervisor import command, descriptors
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        descriptors.raise_limit()
        argv = ["/bin/sh", "-c", "ulimit -Sn"]
        os.waitpid(command.spawned(argv, dict(os.environ), 1), 0)
        print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, timeout=60, check=True
    )
    given, ours = map(int, done.stdout.split())
    assert given == 512
    assert ours == min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], descriptors.ENOUGH)


async def test_configuration_errors_are_said_at_once(had: Had) -> None:
    """Two mistakes, two lines, exit 78, no traceback."""
    had.settings["HAD_ARBITRATION"] = "quorum"
    had.settings["NEGOTIATOR"] = "/nonexistent/negotiator"
    had.start()
    assert had.ends() == 78
    assert had.says("quorum")
    assert had.says("/nonexistent/negotiator")
    assert not had.says("Traceback")


async def test_a_certificate_that_has_ended_stops_the_start(had: Had) -> None:
    """As any mistake in the configuration: one line with the remedy, exit 78."""
    tls = certify(had.home, "IP:127.0.0.1", days=-1)
    for name, path in (("CERT", tls.cert), ("KEY", tls.key), ("CA", tls.ca)):
        had.settings[f"HAD_TLS_{name}"] = str(path)
    had.start()
    assert had.ends() == 78
    (line,) = had.log.read_text().splitlines()
    assert "certificate has expired" in line
    assert "install a certificate that is valid now" in line


@pytest.mark.parametrize("arguments", [["--no-such-option"], []])
async def test_a_daemon_without_supervisor_is_refused(had: Had, arguments: list[str]) -> None:
    """Nobody would hold the controllee's deadline: 78, and how to start it."""
    had.start(*arguments, module="hadelect.daemon")
    assert had.ends() == 78
    assert had.says("hadelect had")


async def test_a_second_sigterm_gives_a_clean_stop_up(had: Had) -> None:
    """A controllee that does not stop: the second signal ends the daemon, and not with 0."""
    stubborn = had.home / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
    stubborn.chmod(0o755)
    had.settings.update({"NEGOTIATOR": str(stubborn), "NEGOTIATOR_STOP_TIMEOUT": "60"})
    had.start()
    await until(lambda: had.says("NEGOTIATOR runs"))
    assert had.process is not None
    had.process.send_signal(signal.SIGTERM)
    await until(lambda: had.says("stops its controllee"))
    time.sleep(1.2)  # Signals closer together count as one.
    had.process.send_signal(signal.SIGTERM)
    assert had.ends() != 0
    assert had.says("ends without a clean stop")


async def test_a_hung_log_does_not_delay_the_loop(tmp_path: Path) -> None:
    """Nobody reads the log's pipe: it fills up, lines are lost, the leader goes on leading."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def into_pipe(config: Config) -> Config:
        return replace(config, log=replace(config.log, path=pipe))

    async with pool_of(tmp_path, 3, into_pipe) as pool:
        leader = await led(pool)
        for _ in range(5000):
            leader.member.output("stdout", "x" * 100)
        assert leader.member.log.dropped > 0
        extends = leader.supervisor.extends
        await until(lambda: leader.supervisor.extends > extends + 20)
        assert [r.role for r in pool].count(Role.LEADER) == 1
        assert leader.role is Role.LEADER
        reading = threading.Thread(target=read_all, args=(reader,))
        reading.start()  # So that the threads that write can end.
    reading.join()
    os.close(reader)


def read_all(reader: int) -> None:
    """Until every writer has closed the pipe."""
    os.set_blocking(reader, True)
    while os.read(reader, 65536):
        pass
