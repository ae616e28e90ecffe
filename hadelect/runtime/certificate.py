"""When certificates expire, read off their DER (RFC 5280, 4.1).

Law: for a metric and a warning; it decides nothing (rehearsal.py does).
"""

import binascii
from datetime import UTC, datetime

NEVER = float("inf")
DAY = 86_400
WARNED = 14 * DAY  # So long before the end.
BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
SEQUENCE, VERSION, UTC_TIME, GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def expires_at(cert: bytes, ca: bytes = b"") -> float:
    """Seconds since 1970: until when members take the certificate, by its chain's first end and
    its authorities' last (an old one may stay for a while); NEVER if that cannot be read.
    """
    return min([*_ends(cert), max(_ends(ca), default=NEVER)])


def expiry_warning(expires_at: float, now: float) -> str:
    """What an operator must hear in good time; "" = there is time."""
    left = expires_at - now
    if left >= WARNED:
        return ""
    day = datetime.fromtimestamp(expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"the certificate (HAD_TLS_CERT, HAD_TLS_CA) "
        f"{f'ends in {left // DAY:.0f} days' if left > 0 else 'has ended'} ({day}), and members"
        " take no new connection with it then; renew it, then hadelect reload"
    )


def _ends(pem: bytes) -> list[float]:
    found = []
    for part in pem.split(BEGIN)[1:]:
        try:
            found.append(_not_after(binascii.a2b_base64(part.split(END, 1)[0])))
        except (IndexError, ValueError):
            found.append(NEVER)
    return found


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
