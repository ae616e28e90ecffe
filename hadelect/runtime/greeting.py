"""Whether who says hello may take part, and if not, why: in words that name both values.

Law: a refusal is about the pool's safety (other identity, our own name, another protocol); it is
answered with our own Hello, so that the other side can say the same to its operator.
"""

from collections.abc import Set as AbstractSet

from hadelect.core.messages import Hello
from hadelect.core.render import difference
from hadelect.core.vocabulary import Name
from hadelect.runtime.wire import PROTOCOL, Opened, ProtocolError, Wire


class Unwelcome(Exception):
    """This peer must not take part; `sender` is the name it gave."""

    def __init__(self, sender: Name, because: str) -> None:
        super().__init__(because)
        self.sender = sender
        self.because = because


class Greeter:
    """Judges the Hello that begins every stream."""

    def __init__(self, me: Name, wire: Wire, life: str) -> None:
        self._me = me
        self._wire = wire
        self._life = life
        self._lives: dict[Name, list[str]] = {}

    def judge(self, opened: Opened, address: str) -> Hello:
        """The Hello of a peer that may take part. Raises Unwelcome, ProtocolError.

        `address`: where the stream comes from or leads to.
        """
        hello = opened.message
        if not isinstance(hello, Hello):
            raise ProtocolError("the first message is not a Hello")
        because = self._objection(opened, hello, address)
        if because:
            raise Unwelcome(opened.sender, because)
        return hello

    def _objection(self, opened: Opened, hello: Hello, address: str) -> str:
        sender = opened.sender
        if opened.protocol != PROTOCOL:
            return (
                f"it speaks protocol {opened.protocol} (version {hello.version}), we speak"
                f" {PROTOCOL}; install the same release on both"
            )
        if sender == self._me:
            if hello.life == self._life:
                return f"{address} leads back to this very daemon; correct HAD_LIST or the resolver"
            return f"another HAD runs under my name at {address}; stop one of the two"
        ours = self._wire.identity
        differs = difference(ours, hello.identity)
        if differs:
            return differs
        if opened.identity_digest != self._wire.digest or opened.pool != ours.pool:
            return "its envelope does not fit the identity in its Hello"
        if sender not in ours.voters:
            return f"{sender} is not in HAD_LIST"
        return self._doubled(sender, hello.life, address)

    def _doubled(self, sender: Name, life: str, address: str) -> str:
        """A life that comes back after another one was heard: two daemons use one name."""
        lives = self._lives.setdefault(sender, [])
        if lives and lives[-1] != life and life in lives:
            lives.clear()  # Whichever comes next is heard again: we cannot tell who is right.
            return f"two HADs run under the name {sender}, one of them at {address}; stop one"
        if not lives or lives[-1] != life:
            lives.append(life)
            del lives[:-4]
        return ""


def admits(names: AbstractSet[str], host: str) -> bool:
    """Whether a certificate with these names speaks for this HAD_LIST host."""
    host = host.lower()
    _, _, domain = host.partition(".")
    return host in names or (bool(domain) and f"*.{domain}" in names)
