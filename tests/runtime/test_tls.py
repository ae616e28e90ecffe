"""Members with mutual TLS, with real certificates."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest

from hadelect.config.model import Config, TlsSpec
from hadelect.pb.control_pb2 import HandoverRequest, StatusRequest
from hadelect.pb.control_pb2_grpc import ControlStub
from hadelect.runtime.greeting import admits
from tests.runtime.pool import Running, addresses, config_of, led, pool_of, until
from tests.runtime.test_member import unix


def certify(home: Path, name: str, days: int = 2) -> TlsSpec:
    """A certificate for `name` (as openssl writes it: IP:127.0.0.1), of one CA per directory."""
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")

    def openssl(words: str) -> None:
        subprocess.run(["openssl", *words.split()], cwd=home, check=True, capture_output=True)

    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    if not (home / "ca.pem").exists():
        openssl(f"{new} -x509 -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem")
    stem = name.replace(":", "_")
    (home / f"{stem}.ext").write_text(f"subjectAltName={name}")
    openssl(f"{new} -subj /CN=member -keyout {stem}.key -out {stem}.csr")
    openssl(
        f"x509 -req -days {days} -in {stem}.csr -CA ca.pem -CAkey ca.key -CAcreateserial"
        f" -extfile {stem}.ext -out {stem}.pem"
    )
    return TlsSpec(home / f"{stem}.pem", home / f"{stem}.key", home / "ca.pem")


async def test_members_with_certificates_elect_and_hand_over(tmp_path: Path) -> None:
    """The streams, and a command forwarded between members, go through mutual TLS."""
    tls = certify(tmp_path, "IP:127.0.0.1")
    async with pool_of(tmp_path, 3, lambda config: replace(config, tls=tls)) as pool:
        leader = await led(pool)
        asked = next(r for r in pool if r is not leader)
        async with unix(asked) as channel:
            reply = await ControlStub(channel).Handover(HandoverRequest())
        assert reply.ok, reply.text


async def test_who_shows_no_certificate_hears_nothing(tmp_path: Path) -> None:
    """Not even the status: with TLS on, TCP is for holders of a certificate."""
    tls = certify(tmp_path, "IP:127.0.0.1")
    async with pool_of(tmp_path, 1, lambda config: replace(config, tls=tls)) as pool:
        await led(pool)
        ca = grpc.ssl_channel_credentials(tls.ca.read_bytes())
        for channel in (
            grpc.aio.insecure_channel(pool[0].name),
            grpc.aio.secure_channel(pool[0].name, ca),
        ):
            async with channel:
                with pytest.raises(grpc.aio.AioRpcError):
                    await ControlStub(channel).Status(StatusRequest(), timeout=3)


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    """A member whose certificate names another host is told apart, and why is said."""
    members = addresses(2)
    right, wrong = certify(tmp_path, "IP:127.0.0.1"), certify(tmp_path, "DNS:cm9.example")

    def config(number: int, tls: TlsSpec) -> Config:
        return replace(config_of(members[number], members, tmp_path), tls=tls)

    senior, junior = Running(config(0, right)), Running(config(1, wrong))
    await senior.start()
    await junior.start()
    log = senior.config.log.path
    assert log is not None
    await until(lambda: "its certificate is for cm9.example" in log.read_text())
    assert not senior.member.peers.connected(senior.member.rules.peers[0])
    await junior.vanish()
    await senior.vanish()


def test_which_names_admit_a_host() -> None:
    """Exactly, whatever the case, or by a wildcard of one label."""
    assert admits({"cm1.example"}, "CM1.example")
    assert admits({"*.example"}, "cm1.example")
    assert not admits({"*.example"}, "a.cm1.example")
    assert not admits({"cm2.example"}, "cm1.example")
    assert not admits(set(), "cm1.example")
