"""Members with mutual TLS, with real certificates."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import grpc.aio
import pytest

from hadelect.config.model import Config, LogSpec, ReplicationSpec, TlsSpec
from hadelect.pb.control_pb2 import HandoverRequest, StatusRequest
from hadelect.pb.control_pb2_grpc import ControlStub
from hadelect.replication import start
from hadelect.runtime import certificates, channels, expiry
from hadelect.runtime.certificate import DAY, NEVER, expires_at, expiry_warning
from hadelect.runtime.greeting import admits
from hadelect.runtime.prepare import StartRefused, prepare
from tests.runtime.pool import Running, addresses, config_of, led, pool_of, until
from tests.runtime.test_member import unix

AUTHORITY = """
[ca]
default_ca = ours
[ours]
certificate = ca.pem
private_key = ca.key
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def certify(home: Path, name: str, days: int = 2, first: int = 0) -> TlsSpec:
    """A certificate for `name` (as openssl writes it: IP:127.0.0.1), of one CA per directory, from
    the `first` day on, for `days` days from now.
    """
    if shutil.which("openssl") is None:
        pytest.skip("makes its certificates with openssl")

    def openssl(words: str) -> None:
        subprocess.run(["openssl", *words.split()], cwd=home, check=True, capture_output=True)

    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    if not (home / "ca.pem").exists():
        openssl(f"{new} -x509 -days 99 -subj /CN=test-ca -keyout ca.key -out ca.pem")
    stem = name.replace(":", "_")
    (home / f"{stem}.ext").write_text(f"subjectAltName={name}")
    openssl(f"{new} -subj /CN=member -keyout {stem}.key -out {stem}.csr")
    (home / "ca.conf").write_text(AUTHORITY)
    (home / "index").touch()
    begins, ends = (
        (datetime.now(UTC) + timedelta(days=day)).strftime("%Y%m%d%H%M%SZ")
        for day in (min(first, days - 1), days)
    )
    openssl(
        f"ca -batch -config ca.conf -startdate {begins} -enddate {ends} -in {stem}.csr"
        f" -extfile {stem}.ext -notext -out {stem}.pem"
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

    senior, junior = Running(config(0, right)), Running(config(1, right))
    assert junior.prepared.tls is not None
    junior.prepared.tls.renew(certificates.read(wrong))  # With which it would not have started.
    await senior.start()
    await junior.start()
    log = senior.config.log.path
    assert log is not None
    await until(lambda: "its certificate is for cm9.example" in log.read_text())
    assert not senior.member.peers.connected(senior.member.rules.peers[0])
    await junior.vanish()
    await senior.vanish()


def encrypted(tls: TlsSpec) -> TlsSpec:
    key = tls.key.with_name("encrypted.key")
    words = f"pkcs8 -topk8 -in {tls.key} -passout pass:secret -out {key}"
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    return replace(tls, key=key)


SPOILED: list[tuple[Callable[[TlsSpec, Path], TlsSpec], str]] = [
    (lambda _, home: certify(home, "IP:127.0.0.1", days=-1), "has expired; this machine's clock"),
    (lambda _, home: certify(home, "IP:127.0.0.1", days=9, first=1), "is not yet valid; this mach"),
    (lambda _, home: certify(home, "DNS:cm9.example"), "it is for cm9.example, members expect 127"),
    (lambda tls, home: replace(certify(home, "DNS:cm9.example"), cert=tls.cert), "mismatch"),
    (lambda tls, _: encrypted(tls), "unencrypted"),
    (lambda tls, home: replace(tls, key=home / "missing"), "No such file"),
    (lambda tls, _: replace(tls, cert=Path(os.devnull)), "HAD_TLS_CERT"),
    (lambda tls, _: replace(tls, ca=Path(os.devnull)), "HAD_TLS_CA: it holds no certificate"),
    (lambda tls, _: replace(tls, ca=tls.cert), "unable to get"),
]
spoiled = pytest.mark.parametrize(("spoil", "words"), SPOILED)


@spoiled
async def test_a_certificate_that_peers_would_refuse_stops_the_start(
    tmp_path: Path, spoil: Callable[[TlsSpec, Path], TlsSpec], words: str
) -> None:
    """With what is wrong and what to install, beside all other problems; HAD's start and the
    replication daemon's.
    """
    tls = spoil(certify(tmp_path, "IP:127.0.0.1"), tmp_path)
    me = addresses(1)
    for name, start_of in (("had", prepare), ("replication", replicates)):
        taken = replace(config_of(me[0], me, tmp_path), tls=tls, log=LogSpec(path=tmp_path))
        with pytest.raises(StartRefused) as refused:
            start_of(taken)
        first, *others = refused.value.problems
        assert words in first, name
        assert "install" in first or "name files" in first
        assert others


def replicates(config: Config) -> None:
    """The replication daemon of a member."""
    spec = ReplicationSpec(
        daemons=(config.me,),
        me=config.me,
        roots=(config.state_dir / "state",),
        interval=300,
        settle=0.05,
        max_lag=300,
        flush_timeout=30,
        keep=5,
        transfer_lifetime=300,
        rate_limit=0,
        compression="none",
        key_file=None,
        snapshot_command=(),
        http_address=None,
        log=config.log,
    )
    start.prepare(replace(config, replication=spec))


# --- the end in sight ---


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (14 * DAY, ""),
        (14 * DAY - 1, "ends in 13 days (2026-"),
        (DAY - 1, "ends in 0 days"),
        (0, "has ended"),
        (-DAY, "has ended"),
        (NEVER, ""),
    ],
)
def test_two_weeks_before_its_end_it_is_said(left: float, words: str) -> None:
    """With the day, what happens then, and what to do."""
    text = expiry_warning(1_782_000_000 + left, 1_782_000_000)
    assert words in text
    assert bool(text) == bool(words)
    assert not text or "renew it, then hadelect reload" in text


def test_the_first_end_of_a_chain_counts_and_the_last_of_the_authorities(tmp_path: Path) -> None:
    """An old authority may stay in the file after its end."""
    near, far = (certify(tmp_path, f"DNS:{day}.x", day).cert.read_bytes() for day in (3, 9))
    assert expires_at(far) > expires_at(near)
    assert expires_at(far + near) == expires_at(near)
    assert expires_at(far, near + b"\n" + far) == expires_at(far)
    assert expires_at(far, near) == expires_at(near)
    assert expires_at(far, b"junk") == expires_at(far)


async def test_the_log_has_the_end_once_a_day_and_status_has_it_until_it_is_renewed(
    tmp_path: Path,
) -> None:
    """A reload with a new one, and the warning is gone."""
    tls = certify(tmp_path, "IP:127.0.0.1")
    async with pool_of(tmp_path, 1, lambda config: replace(config, tls=tls)) as (running,):
        log = running.config.log.path
        assert log is not None
        await until(lambda: "ends in 1 days" in log.read_text())
        (said,) = [text for text in running.member.status().warnings if "HAD_TLS_CERT" in text]
        assert "ends in 1 days" in said
        assert running.prepared.tls is not None
        running.prepared.tls.renew(certificates.read(certify(tmp_path, "IP:127.0.0.1", 30)))
        assert not [text for text in running.member.status().warnings if "HAD_TLS_CERT" in text]


async def test_each_day_that_is_left_is_said_once(tmp_path: Path) -> None:
    """However often it is looked at; another end is said anew."""
    tls = channels.credentials(certify(tmp_path, "IP:127.0.0.1", 5), "127.0.0.1")
    assert tls is not None
    said: list[str] = []
    watching = asyncio.create_task(expiry.watch(tls, said.append, pause_seconds=0))
    for days in (4, 3):
        tls.expires_at = time.time() + days * DAY + 3600
        for _ in range(9):
            await asyncio.sleep(0)  # It looks once in every turn of the loop.
    watching.cancel()
    assert ["in 4 days" in said[0], "in 3 days" in said[1], len(said)] == [True, True, 2]


def test_which_names_admit_a_host() -> None:
    """Exactly, whatever the case, or by a wildcard of one label."""
    assert admits({"cm1.example"}, "CM1.example")
    assert admits({"*.example"}, "cm1.example")
    assert not admits({"*.example"}, "a.cm1.example")
    assert not admits({"cm2.example"}, "cm1.example")
    assert not admits(set(), "cm1.example")
