"""What proves that a version, a word or a question comes from a member of this pool: keyed BLAKE3.

Law 1: the key never leaves this object; what is compared is compared in constant time.
Law 2: every kind of seal has its own prefix, and every part its length: no two things share one.

Without REPLICATION_KEY_FILE the key comes from the pool's name: seals then show damage and mix-ups,
not forgery.
"""

import _operator
from pathlib import Path

from blake3 import blake3

from hadelect.core.versions import Line
from hadelect.core.vocabulary import Name

CONTEXT = "hadelect 2026-11-25 replication seals"
SIZE = 32  # Bytes of a seal.
_same = _operator._compare_digest  # noqa: SLF001 - hmac's, without OpenSSL.


class Seal:
    def __init__(self, pool: str, secret: bytes = b"") -> None:
        material = secret.strip() or pool.encode()
        self._key = blake3(material, derive_key_context=CONTEXT).digest()
        self._pool = pool.encode()

    def of_line(self, line: Line) -> bytes:
        """Of a version: by its digest of the whole set, too."""
        version = line.version
        ends = " ".join(f"{term}.{sequence}" for term, sequence in line.ends)
        return self._of(b"line", f"{version} {version.digest}".encode(), ends.encode())

    def of_word(self, stream: bytes, sender: Name, number: int, said: bytes) -> bytes:
        """Of the n-th word that `sender` says; `stream`: what both sides said in greeting."""
        return self._of(b"word", stream, sender.encode(), str(number).encode(), said)

    def of_asker(self, sender: Name, life: bytes) -> bytes:
        """Of a question of `sender` to the daemon with that life."""
        return self._of(b"asker", sender.encode(), life)

    def _of(self, *parts: bytes) -> bytes:
        hasher = blake3(key=self._key)
        for part in (self._pool, *parts):
            hasher.update(len(part).to_bytes(8, "big"))
            hasher.update(part)
        return hasher.digest()


def same(one: bytes, other: bytes) -> bool:
    return bool(_same(one, other))


def secret_of(path: Path | None) -> bytes:
    """What is in REPLICATION_KEY_FILE. Raises OSError."""
    return path.read_bytes() if path is not None else b""
