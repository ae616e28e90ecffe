"""What a pool of this configuration promises, in words and numbers (design, sections 3 and 8)."""

from hadelect.config.model import Config

ROUND_SECONDS = 0.5  # One election round; the core's Rules.round_ms.


def promise(config: Config) -> str:
    """Which of the two promises holds, as status, `check config` and the start line say it."""
    if config.arbitration == "majority":
        return (
            f"never two: {config.controllee.name} runs only with the votes of "
            f"{majority(config)} of {len(config.voters)} voters"
        )
    return (
        "never two within one partition: if the network splits, each side that has a member "
        f"runs a {config.controllee.name}"
    )


def majority(config: Config) -> int:
    return len(config.voters) // 2 + 1


def survives(config: Config) -> int:
    """How many members may fail at once while the pool still has a leader."""
    if config.arbitration == "majority":
        return min(len(config.voters) - majority(config), len(config.members) - 1)
    return len(config.members) - 1


def failover_bound(config: Config) -> float:
    """Seconds from a silent leader's last word to the next controllee, at worst, on idle hosts.

    The lease, the voters' 1 % (at least 20 ms) more, and one election round. A crash with a death
    notice takes milliseconds instead.
    """
    return config.lease + max(0.02, config.lease / 100) + ROUND_SECONDS
