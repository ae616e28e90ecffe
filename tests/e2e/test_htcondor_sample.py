"""The sample of HTCondor's HA tutorial works unchanged but for the path of the negotiator."""

import sys
from collections.abc import Callable

from tests.e2e.host import CONSOLE_SCRIPT, Host
from tests.e2e.lab import SCHEDULER, Lab, Pool, until

Build = Callable[[Pool], Lab]

# condor_config.local.ha_central_manager, slides 25 to 28.
SAMPLE = """
CENTRAL_MANAGER1 = cm1.wisc.edu
CENTRAL_MANAGER2 = cm2.wisc.edu
COLLECTOR_HOST = $(CENTRAL_MANAGER1),$(CENTRAL_MANAGER2)

HAD_PORT = 51450
HAD_LIST = $(CENTRAL_MANAGER1):$(HAD_PORT), \\
           $(CENTRAL_MANAGER2):$(HAD_PORT)
HAD_ARGS = -p $(HAD_PORT)
HAD_CONNECTION_TIMEOUT = 2
HAD_USE_PRIMARY = true
HAD = $(SBIN)/condor_had
MAX_HAD_LOG = 640000
HAD_DEBUG = D_FULLDEBUG
HAD_LOG = $(LOG)/HADLog

HAD_USE_REPLICATION = true
REPLICATION_PORT = 41450
REPLICATION_LIST = $(CENTRAL_MANAGER1):$(REPLICATION_PORT), \\
                   $(CENTRAL_MANAGER2):$(REPLICATION_PORT)
REPLICATION_ARGS = -p $(REPLICATION_PORT)
REPLICATION = $(SBIN)/condor_replication
MAX_REPLICATION_LOG = 640000
REPLICATION_DEBUG = D_FULLDEBUG
REPLICATION_LOG = $(LOG)/ReplicationLog

DAEMON_LIST = MASTER, COLLECTOR, NEGOTIATOR, HAD, REPLICATION
DC_DAEMON_LIST = MASTER, COLLECTOR, NEGOTIATOR, HAD, REPLICATION
HOSTALLOW_NEGOTIATOR = $(COLLECTOR_HOST)
HOSTALLOW_ADMINISTRATOR = $(COLLECTOR_HOST)
"""


def write_sample(lab: Lab, host: Host) -> None:
    """What condor_config gives (SBIN, LOG, SPOOL), the sample, and the negotiator's path."""
    (host.home / "log").mkdir()
    (host.home / "hosts").write_text("10.77.0.1 cm1.wisc.edu\n10.77.0.2 cm2.wisc.edu\n")
    host.config.write_text(
        f"SBIN = /usr/sbin\nLOG = {host.home}/log\nSPOOL = {host.home}\n{SAMPLE}\n"
        f"NEGOTIATOR = {sys.executable}\n"
        f"NEGOTIATOR_ARGS = -I -S -E {SCHEDULER} {lab.journal.path} plain\n"
    )


def start_sample(host: Host) -> None:
    """`hadelect had` without a word of its own: a host with its /etc/hosts and its state."""
    own_hosts = f'mount --bind {host.home}/hosts /etc/hosts && exec "$@"'
    host.environment = {
        "HADELECT_CONFIG": str(host.config),
        "_HADELECT_HAD_STATE_DIR": str(host.home / "state"),
        "_HADELECT_HAD_ALLOW_INSECURE": "true",
        "_HADELECT_HAD_USE_REPLICATION": "false",  # Its daemon is not started here.
    }
    host.had = host.service(
        *("unshare", "--mount", "sh", "-c", own_hosts, "sh"),
        *(sys.executable, "-P", "-c", CONSOLE_SCRIPT, "had"),
    )


def test_the_sample_of_the_tutorial(build: Build) -> None:
    """Two central managers, the primary leads, and is followed when it dies, with its old file."""
    lab = build(Pool("none", hosts=2, preset=""))
    for host, name in zip(lab.hosts, ("cm1.wisc.edu:51450", "cm2.wisc.edu:51450"), strict=True):
        write_sample(lab, host)
        host.name = name
    for host in lab.hosts:
        start_sample(host)
    until(
        lambda: [run.member for run in lab.journal.running()] == [lab[0].name],
        30,
        lambda: "the primary does not lead",
    )
    assert lab.one() is lab[0]
    before = lab.ran()
    lab[0].power_off()
    assert lab.moved(before).member == "cm2.wisc.edu:51450"
    assert lab.one() is lab[1]
    assert "LEADER" in (lab[1].home / "log" / "HADLog").read_text()
    assert (lab[1].home / "log" / "HADLog").stat().st_size < 640_000
    lab.never_two()
