"""The rule of tests/conftest.py itself: in CI, a skipped end-to-end test is a failed run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
SKIPPED = 'import pytest\n\n@pytest.mark.skip(reason="no root here")\ndef test_x():\n    pass\n'
WHOLE_FILE = 'import pytest\n\npytest.skip("no nftables", allow_module_level=True)\n'


def run(directory: Path, *arguments: str, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env={**os.environ, "CI": "", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project with our conftest; tests/e2e and tests/core are for the test to fill."""
    for name in ("tests/e2e", "tests/core"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "tests" / "core" / "test_a.py").write_text("def test_a():\n    pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.mark.parametrize("text", [SKIPPED, WHOLE_FILE])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_skipped_e2e(project: Path, text: str, workers: str) -> None:
    """A skipped end-to-end test fails the run in CI, with the reason; elsewhere it does not."""
    (project / "tests" / "e2e" / "test_b.py").write_text(text)
    reason = "no root here" if text is SKIPPED else "no nftables"
    code, output = run(project, "-n", workers, CI="true")
    assert code == 1
    assert "nothing of tests/e2e may be skipped" in output
    assert reason in output
    assert run(project, "-n", workers)[0] == 0


def test_other_skips(project: Path) -> None:
    """A skipped test elsewhere is no failure, not even in CI."""
    (project / "tests" / "core" / "test_b.py").write_text(SKIPPED)
    assert run(project, CI="true")[0] == 0
