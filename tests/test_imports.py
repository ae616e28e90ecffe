"""What import-linter cannot say: two packages live on the standard library alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever the import stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("package", ["core", "supervisor"])
def test_standard_library_only(package: str) -> None:
    """The core and the supervisor import the standard library and themselves, nothing else."""
    own = f"hadelect.{package}"
    foreign = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "hadelect" / package).rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names
        and name != own
        and not name.startswith(f"{own}.")
    }
    assert not foreign


def loaded_by(module: str) -> set[str]:
    """What a fresh interpreter has imported once it has imported this."""
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


OPENSSL = {"ssl", "_ssl", "_hashlib"}  # 7 MB; SHA-256 is the interpreter's.
FOR_PEOPLE = {"click", "rich"}


def test_the_daemon_loads_what_it_needs() -> None:
    """Nothing that is there for people at a terminal."""
    loaded = loaded_by("hadelect.daemon")
    assert "asyncio" in loaded
    assert not loaded & FOR_PEOPLE


def test_the_supervisor_loads_what_it_needs() -> None:
    """Its pages are the init's, too: no OpenSSL, nothing that one imports out of habit."""
    loaded = loaded_by("hadelect.supervisor.__main__")
    habits = {"asyncio", "dataclasses", "inspect", "logging", "pathlib", "subprocess", "typing"}
    assert loaded & (OPENSSL | habits) == set()


def test_had_hands_over_without_reading_the_configuration() -> None:
    """The daemon reads it; `hadelect had` becomes the supervisor before."""
    loaded = loaded_by("hadelect.cli.main, hadelect.cli.had")
    assert not {name for name in loaded if name.startswith(("hadelect.config", "hadelect.core"))}
