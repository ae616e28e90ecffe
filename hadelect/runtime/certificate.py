"""When a certificate expires, read off its DER (RFC 5280, 4.1): for a metric, decides nothing."""

import binascii
from datetime import UTC, datetime

NEVER = float("inf")
BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
SEQUENCE, VERSION, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def expires_at(pem: bytes) -> float:
    """Seconds since 1970 of the first certificate's notAfter; NEVER if it cannot be read."""
    try:
        body = pem.split(BEGIN, 1)[1].split(END, 1)[0]
        der = binascii.a2b_base64(body)
        return _not_after(der)
    except (IndexError, ValueError):
        return NEVER


def _not_after(der: bytes) -> float:
    """Raises IndexError, ValueError."""
    _, certificate, _ = _element(der)
    _, to_be_signed, _ = _element(certificate)
    kind, _, rest = _element(to_be_signed)
    if kind == VERSION:
        _, _, rest = _element(rest)  # The serial number stands behind it.
    for _ in range(2):  # Signature algorithm, issuer.
        _, _, rest = _element(rest)
    kind, validity, _ = _element(rest)
    if kind != SEQUENCE:
        raise ValueError("no validity where it should be")
    _, _, after = _element(validity)
    kind, text, _ = _element(after)
    form = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(kind, "")
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC).timestamp()


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, what follows)."""
    tag, length, start = der[0], der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length:
        raise ValueError("cut short")
    return tag, der[start : start + length], der[start + length :]
