"""A pool for a test, and a way to type commands at it."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hadelect.cli.main import cli
from tests.cli.pool import Pool


@dataclass(frozen=True)
class Typed:
    """What a command did."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """Types `hadelect ARGUMENTS` with the pool's configuration."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __call__(self, command: str, *arguments: str) -> Typed:
        start = time.monotonic()
        words = [*command.split(), "--config", str(self._pool.config), *arguments]
        result = CliRunner().invoke(cli, words, env={"SUDO_USER": "alice"})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Typed(result.exit_code, result.stdout, result.stderr, time.monotonic() - start)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(tmp_path)
    yield made
    made.close()


@pytest.fixture
def hadelect(pool: Pool) -> Terminal:
    return Terminal(pool)
