"""A Slurm pool of machines: three head nodes under hadelect, one compute node, all with munge.

Law: what runs is what deploy/slurm holds, byte by byte: hadelect.conf, slurm.conf, the hook. What
     the lab must say besides (its address, no TLS, quick timing) stands in config.d, as an
     administrator would override it.

A machine is a network namespace, and for each of its commands a mount and a UTS namespace with the
machine's own /etc/slurm, /etc/hosts, /run and /var/lib and its name.
"""

import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.e2e import lan
from tests.e2e.host import ROOT, Host, environment
from tests.e2e.lab import PATIENCE, until
from tests.e2e.lan import Lan

DEPLOY = ROOT / "deploy" / "slurm"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "arping")
DEBIAN = "slurmctld, slurmd, slurm-client, munge, iputils-arping"
HEADS = ("cm1", "cm2", "cm3")
NODE = "n1"
SERVICE = "10.77.0.100"

MACHINE = """\
set -e
hostname {name}
mount --bind {home}/slurm /etc/slurm
mount --bind {home}/hosts /etc/hosts
mount --bind {home}/run /run
mount --bind {home}/lib /var/lib
exec "$@"
"""
# The rest of slurm.conf, that each pool has: nodes without cgroups, held by their slurmd alone.
POOL = f"""\
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmdPidFile=/run/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MailProg=/bin/true
NodeName={NODE} CPUs=1 State=UNKNOWN
PartitionName=main Nodes={NODE} Default=YES
"""
# What differs from deploy/slurm/hadelect.conf.
LAB = f"""\
SERVICE_ADDRESS = {SERVICE}/24
LIBEXEC = {DEPLOY}
HAD_TLS_CERT =
HAD_TLS_KEY =
HAD_TLS_CA =
HAD_ALLOW_INSECURE = true
HAD_PRESET = fast
HAD_DEBUG = D_FULLDEBUG
"""
HEADER = "PROTOCOL_VERSION"  # How slurmctld's job_state begins, as its string with length and NUL.


def unavailable() -> str:
    """Why no Slurm can run here; empty when it can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_PATH) is None]
    return f"not installed: {', '.join(missing)} (Debian: {DEBIAN})" if missing else ""


_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Machine(Host):
    """A computer with a name, a disk and munge."""

    def __init__(self, net: Lan, number: int, home: Path, name: str) -> None:
        super().__init__(net, number, home)
        self.hostname = name
        self.state = home / "lib" / "slurm" / "slurmctld"
        for directory in ("slurm", "config.d", "run/munge", "lib/munge", "lib/hadelect"):
            (home / directory).mkdir(parents=True)
        for directory in ("slurmctld", "slurmd"):
            (home / "lib" / "slurm" / directory).mkdir(parents=True)
        for path, user in (("run/munge", "munge"), ("lib/munge", "munge"), (self.state, "slurm")):
            shutil.chown(home / path, user, user)
        shutil.copy(DEPLOY / "slurm.conf", home / "slurm" / "slurm.conf")
        (home / "slurm" / "pool.conf").write_text(POOL)
        (home / "hosts").write_text(_hosts(net))
        (home / "machine").write_text(MACHINE.format(name=name, home=home))

    def inside(self) -> list[str]:
        return [*super().inside(), "unshare", "--mount", "--uts", "sh", f"{self.home}/machine"]

    def run(self, *command: str, within: float = 60.0) -> str:
        """What a command of an administrator or user on this machine prints. It must succeed."""
        done = subprocess.run(
            [*self.inside(), *command],
            capture_output=True,
            text=True,
            timeout=within,
            env=environment(),
            check=False,
        )
        assert done.returncode == 0, f"{self.hostname}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def boot(self) -> None:
        """Switch it on: munge first. `munged` returns once it answers."""
        munge = ("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged")
        self.run(*munge, "--force", "--syslog")

    def controllees(self) -> list[int]:
        return [pid for pid in lan.inhabitants(self.namespace) if _named(pid, "slurmctld")]


class Head(Machine):
    """A head node: munge, the replication daemon and HAD, which runs slurmctld."""

    def __init__(self, net: Lan, number: int, home: Path, name: str) -> None:
        super().__init__(net, number, home, name)
        self.name = f"{name}:{self.port}"  # Its entry of HAD_LIST.
        shutil.copy(DEPLOY / "hadelect.conf", self.config)
        (home / "config.d" / "lab.conf").write_text(LAB)

    def boot(self) -> None:
        super().boot()
        self.start_replication()
        self.start()

    def next_job(self) -> int:
        """The number after that of the newest job in the state on this machine's own disk."""
        return next_job(self.state / "job_state")


class Pool:
    def __init__(self, home: Path) -> None:
        self.net = Lan(len(HEADS) + 1)
        named = zip(self.net.numbers, HEADS, strict=False)
        self.heads = [Head(self.net, number, home / name, name) for number, name in named]
        self.node = Machine(self.net, len(HEADS) + 1, home / NODE, NODE)

    def boot(self) -> None:
        for head in self.heads:
            head.boot()
        self.node.boot()
        self.node.service("slurmd", "-D", "-N", NODE)

    def close(self) -> None:
        self.net.close()
        for machine in (*self.heads, self.node):
            machine.reap()

    def cut(self, head: Head) -> None:
        """Its machine is lost: no link, no process."""
        self.net.cut(head.number)
        head.power_off()

    def leader(self, *among: Head) -> Head:
        """Wait until all that are up (or these) follow one of them whose slurmctld runs."""
        chosen = among or tuple(head for head in self.heads if head.up)
        named: dict[str, str | None] = {}

        def agreed() -> Head | None:
            views = {head.hostname: head.status() for head in chosen}
            named.update({name: view["leader"] if view else None for name, view in views.items()})
            found = [head for head in chosen if {*named.values()} == {head.name}]
            return found[0] if found and found[0].controllees() else None

        return until(agreed, 20 + PATIENCE, lambda: f"no slurmctld of one leader: {named}")

    def submit(self, jobs: int, *how: str) -> list[int]:
        """Submit jobs from the compute node, as a user there would: their numbers."""
        loop = f'for i in $(seq {jobs}); do sbatch --parsable "$@"; done'
        return [int(job) for job in self.node.run("sh", "-ec", loop, "sh", *how).split()]

    def jobs(self) -> dict[int, str]:
        """All that slurmctld knows of, with their states."""
        rows = self.node.run("squeue", "--noheader", "--states=all", "--format=%i %T").splitlines()
        return {int(job): state for job, state in (row.split() for row in rows)}

    def replicated(self, job: int, *among: Head) -> None:
        """Wait until a job's number is in the state on the disks of these machines."""

        def held() -> bool:
            return all(head.next_job() > job for head in among)

        until(held, 12 + PATIENCE, lambda: f"{[head.next_job() for head in among]} <= {job}")

    def story(self) -> str:
        machines: Sequence[Machine] = (*self.heads, self.node)
        return "\n".join(f"--- {machine.hostname} ---\n{machine.tail(60)}" for machine in machines)


def next_job(job_state: Path) -> int:
    """Read from the header of slurmctld's job_state; 0 while there is none. It is replaced by
    unlink and link, so for an instant there may be none.
    """
    try:
        packed = job_state.read_bytes()
    except FileNotFoundError:
        return 0
    (length,) = struct.unpack_from(">I", packed)
    assert packed[4 : 4 + length] == f"{HEADER}\0".encode(), packed[:32]
    # Version of the protocol, time of writing, number of the next job.
    _, _, number = struct.unpack_from(">HQI", packed, 4 + length)
    return int(number)


def _hosts(net: Lan) -> str:
    names = zip(net.numbers, (*HEADS, NODE), strict=True)
    lines = [f"{net.address(number)} {name}" for number, name in names]
    return "\n".join(["127.0.0.1 localhost", f"{SERVICE} slurm-head", *lines, ""])


def _named(pid: int, name: str) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == name and not lan.zombie(pid)
    except OSError:
        return False
