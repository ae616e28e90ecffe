"""This member's certificate: read."""

from dataclasses import dataclass

from hadelect.config.model import TlsSpec


class TlsError(Exception):
    """A certificate or key cannot be used: one line with the remedy."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What is in the three files, as PEM."""

    cert: bytes
    key: bytes
    ca: bytes


def read(tls: TlsSpec) -> KeyPair:
    """Never called on the event loop. Raises TlsError."""
    try:
        return KeyPair(*(path.read_bytes() for path in (tls.cert, tls.key, tls.ca)))
    except OSError as error:
        raise TlsError(
            f"HAD_TLS_*: {error.filename}: {error.strerror}; name files that this user may read"
        ) from None
