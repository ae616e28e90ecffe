"""A real Prometheus and the rules that we ship: it scrapes; alerts fire by a standby alone."""

import http.client
import json
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.host import Host, socket_to
from tests.e2e.lab import Lab, Pool, until

Build = Callable[[Pool], Lab]
RULES = Path(__file__).parents[2] / "deploy" / "prometheus"
UNPACKED = Path(sys.executable).parents[1] / "debian" / "usr" / "bin"  # By `make e2e`.

PORT = 9090


def program(name: str) -> str:
    found = shutil.which(name, path=f"{UNPACKED}:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"{name} is missing; `make e2e` unpacks Debian's package prometheus")
    return found


def test_the_rules_are_right_and_proved() -> None:
    """promtool: the syntax, and the tests of every alert."""
    for words in (
        ("check", "rules", "hadelect.rules.yml"),
        ("test", "rules", "hadelect.rules.test.yml"),
    ):
        done = subprocess.run(
            [program("promtool"), *words],
            cwd=RULES,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class Prometheus:
    """One that runs on a host of the lab."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def ask(self, path: str, **query: str) -> Any:
        with socket_to(self._host, "127.0.0.1", PORT) as link:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.sock = link
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise OSError(f"it answers {answer.status}")  # It is starting.
            return json.loads(answer.read())["data"]

    def value(self, expression: str) -> float | None:
        try:
            found = self.ask("query", query=expression)["result"]
        except OSError:
            return None
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        alerts = self.ask("alerts")["alerts"]  # Raises OSError.
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}


@contextmanager
def prometheus(home: Path, host: Host, targets: list[Host]) -> Iterator[Prometheus]:
    """Scrapes `targets` from `host`, five times a second; alerts do not wait to be sure."""
    home.mkdir()
    rules = (RULES / "hadelect.rules.yml").read_text()
    (home / "rules.yml").write_text(
        rules.replace("for: 1m", "for: 1s").replace("for: 15s", "for: 1s")
    )
    scraped = ", ".join(f'"{target.address}:9460"' for target in targets)
    (home / "prometheus.yml").write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"
        f"rule_files: [{home}/rules.yml]\n"
        f"scrape_configs: [{{job_name: pool, static_configs: [{{targets: [{scraped}]}}]}}]\n"
    )
    command = [*host.inside(), program("prometheus"), f"--config.file={home}/prometheus.yml"]
    command += [f"--storage.tsdb.path={home}/data", f"--web.listen-address=127.0.0.1:{PORT}"]
    with (home / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as running:
        try:
            yield Prometheus(host)
        finally:
            running.terminate()


def becomes(holds: Callable[[], object], words: str) -> None:
    until(lambda: holds() or None, 30.0, lambda: f"never {words}")


def test_three_members_are_scraped_and_a_standby_alone_raises_the_alarm(
    build: Build, tmp_path: Path
) -> None:
    """All three answer; two machines die, and what the third says is enough."""
    lab = build(Pool("majority", preset="fast"))
    program("prometheus")
    lab.start()
    leader = lab.settled()
    last = lab.peers(leader)[0]
    with prometheus(tmp_path / "all", last, lab.hosts) as seen:
        becomes(lambda: seen.value("sum(up)") == 3, "were three scraped")
        becomes(lambda: seen.value("sum(hadelect_is_leader)") == 1, "did one lead")
        becomes(lambda: seen.value("max(hadelect_redundancy)") == 1, "was there redundancy")
        assert "HadelectNoLeader" not in seen.firing()
    with prometheus(tmp_path / "one", last, [last]) as seen:
        becomes(lambda: seen.value("max(hadelect_peer_controllee_up)") == 1, "did it run elsewhere")
        becomes(lambda: not seen.firing(), "was it calm")  # At its start Prometheus is blind.
        for host in lab.peers(last):
            host.power_off()
        wanted = {"HadelectNoLeader", "HadelectPeerDown", "HadelectRedundancyLost"}
        becomes(lambda: wanted <= seen.firing(), f"did {wanted} fire")
