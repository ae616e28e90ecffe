"""The words of the log and of the traces."""

from hadelect.core.effects import Emit


def emitted(effect: Emit) -> str:
    """`ELECTION  no Alive from cm1 for 3.0 s`; what changes no role is told without one."""
    if effect.cause is None:
        return f"{'warns: ' if effect.warning else ''}{effect.because}"
    term = f"term {effect.term}: " if effect.role.value == "LEADER" else ""
    return f"{effect.role.value:<8} {term}{effect.because}"
