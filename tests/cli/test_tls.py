"""Asking a pool that speaks mutual TLS, with real certificates."""

import shutil
import subprocess
from pathlib import Path

import grpc
import pytest

from tests.cli.conftest import Terminal
from tests.cli.pool import Pool, healthy


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A CA, and a certificate of it for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")
    here = tmp_path / "tls"
    here.mkdir()
    (here / "san").write_text("subjectAltName = IP:127.0.0.1\n")
    new_key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    by_ca = "-CA ca.pem -CAkey ca.key -CAcreateserial"
    for words in (
        f"req -x509 {new_key} -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
        f"req {new_key} -subj /CN=127.0.0.1 -keyout key.pem -out request.pem",
        f"x509 -req -in request.pem {by_ca} -days 2 -extfile san -out cert.pem",
    ):
        subprocess.run(["openssl", *words.split()], cwd=here, check=True, capture_output=True)
    return here


def secure(pool: Pool, certificates: Path) -> None:
    """The pool's configuration names the certificates."""
    with pool.config.open("a") as config:
        for name, file in (("CERT", "cert"), ("KEY", "key"), ("CA", "ca")):
            config.write(f"HAD_TLS_{name} = {certificates / file}.pem\n")


def serve(pool: Pool, certificates: Path) -> None:
    ca, key, cert = ((certificates / f"{f}.pem").read_bytes() for f in ("ca", "key", "cert"))
    credentials = grpc.ssl_server_credentials([(key, cert)], ca, require_client_auth=True)
    pool.remote(0, healthy(pool.names, pool.names[0]), credentials)


def test_a_pool_with_tls(pool: Pool, hadelect: Terminal, certificates: Path) -> None:
    """With the certificates of the configuration, members answer."""
    serve(pool, certificates)
    secure(pool, certificates)
    answer = hadelect("leader")
    assert (answer.code, answer.out) == (0, f"{pool.names[0]}\n")


def test_without_certificates(pool: Pool, hadelect: Terminal, certificates: Path) -> None:
    """Asked in plain, a member with TLS is one that does not answer; within 2 s, with a reason."""
    serve(pool, certificates)
    answer = hadelect("status")
    assert (answer.code, answer.seconds < 2) == (3, True)
    assert "TLS on one side only" in answer.out


def test_with_certificates_at_a_pool_without(
    pool: Pool, hadelect: Terminal, certificates: Path
) -> None:
    """The other way round the handshake fails, and this is what is said."""
    pool.remote(0, healthy(pool.names, pool.names[0]))
    secure(pool, certificates)
    answer = hadelect("status")
    assert answer.code == 3
    assert "TLS handshake failed" in answer.out


def test_a_key_that_cannot_be_read(pool: Pool, hadelect: Terminal, certificates: Path) -> None:
    """A missing file is a configuration error with its name."""
    secure(pool, certificates)
    (certificates / "key.pem").unlink()
    answer = hadelect("status")
    assert answer.code == 78
    assert str(certificates / "key.pem") in answer.err
