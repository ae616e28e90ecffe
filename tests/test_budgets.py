"""Size budgets: what makes code feared is the one function that everything is poured into."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILE_LINES = 350
FUNCTION_LINES = 40
PARAMETERS = 5

FILES = sorted(
    path
    for path in (ROOT / "hadelect").rglob("*.py")
    if (ROOT / "hadelect" / "pb") not in path.parents
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST, inside_class: bool = False) -> Iterator[tuple[Function, bool]]:
    """Every function of a module, and whether it is a method."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, inside_class
        yield from functions(node, isinstance(node, ast.ClassDef))


def parameters(function: Function, is_method: bool) -> int:
    given = function.args
    named = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    is_static = any(
        isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in function.decorator_list
    )
    return named - (is_method and not is_static)


def is_command(function: Function) -> bool:
    """A click command takes one parameter per option of the command line."""
    return any(
        isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Attribute)
        and mark.func.attr in {"command", "group", "option", "argument"}
        for mark in function.decorator_list
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_budgets(path: Path) -> None:
    """A file has at most 350 lines, a function at most 40, and it takes at most 5 parameters."""
    text = path.read_text()
    over = []
    if (lines := len(text.splitlines())) > FILE_LINES:
        over.append(f"{path.name}: {lines} lines, {FILE_LINES} are allowed")
    for function, is_method in functions(ast.parse(text)):
        where = f"{path.name}:{function.lineno} {function.name}"
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES:
            over.append(f"{where}: {length} lines, {FUNCTION_LINES} are allowed")
        if parameters(function, is_method) > PARAMETERS and not is_command(function):
            over.append(f"{where}: more than {PARAMETERS} parameters")
    assert not over, "\n".join(over)
