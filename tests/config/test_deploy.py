"""The configuration in deploy/ is in order: nothing in them that hadelect would warn of."""

from pathlib import Path

from hadelect.config.load import load

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_slurm() -> None:
    """deploy/slurm/hadelect.conf, on a head node where everything is installed."""
    installed = [
        "HAD_MEMBER=cm1:51450",
        f"LIBEXEC={DEPLOY}/slurm",
        "SLURMCTLD=/bin/sleep",
        "SLURMCTLD_CHECK=/bin/true",
        *(f"HAD_TLS_{name}=/etc/passwd" for name in ("CERT", "KEY", "CA")),
    ]
    config = load(DEPLOY / "slurm" / "hadelect.conf", installed, {})
    assert not config.warnings
