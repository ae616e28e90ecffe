"""Which leadership may start a controllee here, and the secret that proves its end.

1. One secret per leadership. Until it is revealed its leadership may start again (local restarts);
   from then on no term up to it ever starts here.
2. A term is bound by its first start and never outlives the daemon that won it.
"""

from __future__ import annotations

import hashlib
import os


class Terms:
    __slots__ = ("released", "revealed", "secret", "term")

    def __init__(self) -> None:
        self.term = 0  # Of the leadership that the secret belongs to; 0 = not started yet.
        self.released = 0  # Nothing up to this term ever starts here again.
        self.revealed = ""  # The secret of `released`.
        self.secret = os.urandom(32).hex()

    @property
    def secret_hash(self) -> str:
        """SHA-256 of the secret's hexadecimal text; this is what every Alive carries."""
        return hashlib.sha256(self.secret.encode()).hexdigest()

    def refusal(self, term: int) -> str:
        """Why `term` may not start; "" if it may. The caller knows that no tree runs."""
        if term <= self.released:
            return f"term {term} is over: term {self.released} was released here"
        if term < self.term:
            return f"term {term} is over: term {self.term} was started here"
        return ""

    def bind(self, term: int) -> None:
        """`term` starts. An earlier one that was not released had the same secret and is over."""
        if self.term and term != self.term:
            self.released = self.term
            self.revealed = ""
        self.term = term

    def retitle(self, term: int, to: int) -> str:
        """The leadership goes on under a higher term, with its secret; else the refusal."""
        if not self.term or term != self.term:
            return f"term {term} is not the one in force here ({self.term or 'none'})"
        if to <= term:
            return f"term {to} is not above {term}"
        self.term = to
        return ""

    def release(self, term: int) -> str:
        """The tree of `term` is verified dead for good: reveal its secret, draw the next one."""
        secret = self.secret
        self.released = max(term, self.term, self.released)
        self.revealed = secret
        self.term = 0
        self.secret = os.urandom(32).hex()
        return secret
