"""A configuration of three members on loopback that is in order, and ways to change one thing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hadelect.config.load import load
from hadelect.config.model import Config

Load = Callable[..., Config]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "hadelect.conf"
    path.write_text(
        "HAD_LIST = 127.0.0.1:5001, 127.0.0.1:5002, 127.0.0.1:5003\n"
        "HAD_ARGS = -p 5001\n"
        "NEGOTIATOR = /bin/sleep\n"
        "NEGOTIATOR_ARGS = 1000\n"
        f"HAD_STATE_DIR = {tmp_path}/state\n"
    )
    return path


@pytest.fixture
def loaded(good: Path) -> Load:
    """Loads the good configuration with NAME=VALUE texts on top."""

    def load_with(*sets: str) -> Config:
        return load(good, sets, {})

    return load_with
