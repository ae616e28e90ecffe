"""A certificate, tried.

Law: a certificate is tried before it is used, at the start and at a reload: the very handshake that
peers will make, with both ends in memory. What does not work there is refused with the reason.
"""

import os
import ssl
import time
from typing import Any

from hadelect.runtime.certificates import KeyPair, TlsError
from hadelect.runtime.greeting import admits

_NOT_YET, _ENDED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED


def rehearse(pair: KeyPair, host: str) -> None:
    """Raises TlsError unless a member of the same authority would accept this certificate."""
    try:
        server, client = (
            _context(pair, ssl.PROTOCOL_TLS_SERVER),
            _context(pair, ssl.PROTOCOL_TLS_CLIENT),
        )
        shown = _shake_hands(server, client)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise TlsError(
            f"HAD_TLS_CERT: members would not accept it ({_words(error)});"
            " install a certificate that is valid now, its key, and the authority that signed it"
        ) from None
    names = frozenset(str(entry[1]).lower() for entry in shown)
    if not admits(names, host):
        raise TlsError(
            f"HAD_TLS_CERT: it is for {', '.join(sorted(names)) or 'nobody'}, members expect"
            f" {host}; install one with that subjectAltName"
        )


def _context(pair: KeyPair, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False  # `admits` judges, as it does between members.
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(cadata=pair.ca.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise TlsError(
            f"HAD_TLS_CA: it holds no certificate ({_words(error)}); install that of the authority"
            " that signed the members'"
        ) from None
    with os.fdopen(os.memfd_create("hadelect-tls"), "wb") as both:  # It takes paths only.
        both.write(pair.cert + b"\n" + pair.key)
        both.flush()
        try:
            context.load_cert_chain(f"/proc/self/fd/{both.fileno()}", password=lambda: b"")
        except ssl.SSLError as error:
            raise TlsError(
                f"HAD_TLS_CERT, HAD_TLS_KEY: they cannot be used together ({_words(error)});"
                " install a certificate and the key that it was requested with, unencrypted"
            ) from None
    return context


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[tuple[str, str], ...]:
    """The names that the client is shown. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):  # TLS 1.3: the server sees the client's certificate in the third flight.
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown: Any = ends[0].getpeercert() or {}
    names: tuple[tuple[str, str], ...] = shown.get("subjectAltName", ())
    return names


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in {_NOT_YET, _ENDED}:
            clock = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            return f"{error.verify_message}; this machine's clock says {clock}"
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return str(error)
