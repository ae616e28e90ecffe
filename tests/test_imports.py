"""What import-linter cannot say: two packages live on the standard library alone."""

import ast
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
