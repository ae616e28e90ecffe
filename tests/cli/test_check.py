"""`hadelect check config`: first line and exit code as monitoring plug-ins have them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hadelect.cli.check import check
from tests.runtime.test_tls import certify

GOOD = """HAD_LIST = 127.0.0.1:5001, 127.0.0.1:5002, 127.0.0.1:5003
HAD_ARGS = -p 5001
NEGOTIATOR = /bin/sleep
HAD_STATE_DIR = /tmp/hadelect-check
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "hadelect.conf"
    path.write_text(GOOD)
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(check, ["config", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("sets", "code", "first"),
    [
        ([], 0, "OK: 127.0.0.1:5001 of pool hadelect, mode none, 3 members; survives 2 failures"),
        (["--set", "HAD_LEASE_DURATON=3"], 1, "WARNING: 1 warning; 127.0.0.1:5001 of pool"),
        (["--set", "NEGOTIATOR=/no", "--set", "HAD_POOL=$(X"], 2, "CRITICAL: 2 errors; hadelect"),
    ],
)
def test_verdicts(good: Path, sets: list[str], code: int, first: str) -> None:
    """One line first, then the details; the exit code says the worst of them."""
    got, output = run("--config", str(good), *sets)
    assert got == code
    assert output.splitlines()[0].startswith(first)


@pytest.mark.parametrize(
    ("name", "days", "code", "said"),
    [
        ("IP:127.0.0.1", 30, 0, ("OK: 127.0.0.1:5001", "promise: ")),
        ("IP:127.0.0.1", 3, 1, ("WARNING: 1 warning", "warning: the certificate (")),
        ("IP:127.0.0.1", -3, 2, ("CRITICAL: 1 error", "error: HAD_TLS_CERT: members would")),
        ("DNS:cm9", 30, 2, ("CRITICAL: 1 error", "error: HAD_TLS_CERT: it is for cm9")),
    ],
)
def test_a_certificate(good: Path, name: str, days: int, code: int, said: tuple[str, str]) -> None:
    """What would stop the start is critical, an end within two weeks a warning."""
    tls = certify(good.parent, name, days)
    with good.open("a") as file:
        file.write(f"HAD_TLS_CERT = {tls.cert}\nHAD_TLS_KEY = {tls.key}\nHAD_TLS_CA = {tls.ca}\n")
    got, output = run("--config", str(good))
    first, *others = output.splitlines()
    assert (got, first[: len(said[0])]) == (code, said[0])
    assert any(line.startswith(said[1]) for line in others)


def test_unreadable(tmp_path: Path) -> None:
    """What cannot be read is unknown, not critical."""
    code, output = run("--config", str(tmp_path / "none"))
    assert code == 3
    assert output.startswith("UNKNOWN: 1 error")


def test_json(good: Path) -> None:
    """The same for programs: which promise holds, the bound, the advice."""
    code, output = run("--config", str(good), "--format", "json", "-p", "5002")
    report = json.loads(output)
    assert (code, report["status"], report["member"]) == (0, "ok", "127.0.0.1:5002")
    assert report["survives_failures"] == 2
    assert report["failover_bound_seconds"] == 3.53
    assert "within one partition" in report["promise"]
    assert "majority" in report["advice"][0]


def test_json_of_errors(good: Path) -> None:
    """Errors are data too."""
    code, output = run("--config", str(good), "--format", "json", "--set", "HAD_ARBITRATION=x")
    report = json.loads(output)
    assert (code, report["status"], report["promise"]) == (2, "critical", None)
    assert "must be none or majority" in report["errors"][0]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["HAD_LIST=127.0.0.1:5001"], "a single member survives no failure"),
        (
            ["HAD_ARBITRATION=majority", "HAD_WITNESS_LIST=127.0.0.1:5004"],
            "4 voters survive no more failures than 3",
        ),
        (["HAD_LIST=127.0.0.1:5001 cm2:5002", "HAD_ALLOW_INSECURE=1"], "TCP and UDP"),
    ],
)
def test_advice(good: Path, sets: list[str], said: str) -> None:
    """Advice is said and changes no exit code."""
    code, output = run("--config", str(good), *(word for text in sets for word in ("--set", text)))
    assert code == 0
    assert said in output
