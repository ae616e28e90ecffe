"""`replace` for frozen values, as dataclasses.replace, at a fifth of its cost.

A step makes a handful of new values, and the simulator lives whole days of steps:
dataclasses.replace was two thirds of its time. Values made here are not run through
__init__ again: nothing in the core has a __post_init__. For the type checker this is
dataclasses.replace itself.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414 - re-exported to the type checker
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy of a frozen dataclass with these fields changed."""
        try:
            old = value.__dict__
        except AttributeError:  # With slots: small, rarely changed.
            return dataclasses.replace(value, **changes)
        new = object.__new__(value.__class__)
        object.__setattr__(new, "__dict__", old | changes)  # One copy: half the time of two.
        return new
