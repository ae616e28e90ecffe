"""keepalived (VRRP) as one of the systems: its notify scripts start and stop the scheduler.

VRRPv3, unicast, no preemption, priorities 100, 90, 80, one virtual address; the rest is default.
"""

import shutil
import sys
from pathlib import Path

from tests.bench.peers import Node, Peers
from tests.e2e.lab import SCHEDULER

NOTIFY = """#!/bin/sh
# notify HOME WORD: what keepalived says it has become.
home=$1
if [ "$2" = master ]; then
    {scheduler} </dev/null >/dev/null 2>&1 &
    echo $! >"$home/pid"
elif [ -s "$home/pid" ]; then
    kill "$(cat "$home/pid")" 2>/dev/null
    rm -f "$home/pid"
fi
echo "$2" >"$home/said"
"""
CONFIGURATION = """global_defs {{
    router_id {name}
    script_user root
    vrrp_version 3
}}
vrrp_instance scheduler {{
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int {period}
    unicast_src_ip {address}
    unicast_peer {{
        {peers}
    }}
    virtual_ipaddress {{
        10.77.0.200/32 dev eth0
    }}
    notify_master "{notify} {home} master"
    notify_backup "{notify} {home} backup"
    notify_fault "{notify} {home} fault"
    notify_stop "{notify} {home} stop"
}}
"""


def missing() -> str:
    """Why there is no keepalived to compare with; empty when there is."""
    return "" if shutil.which("keepalived") else "keepalived is not installed (Debian: keepalived)"


class Keepalived(Peers):
    def __init__(self, name: str, home: Path, period: float) -> None:
        self._notify = home / "notify"
        super().__init__(name, home, period)

    def configure(self, node: Node) -> None:
        words = (sys.executable, "-I", "-S", "-E", SCHEDULER, self.journal.path, "plain")
        command = f"HADELECT_MEMBER={node.name} exec {' '.join(map(str, words))}"
        notify = node.home / "notify"
        notify.write_text(NOTIFY.format(scheduler=f"({command})"))
        notify.chmod(0o755)
        others = (other.number for other in self.nodes if other is not node)
        (node.home / "keepalived.conf").write_text(
            CONFIGURATION.format(
                name=node.name,
                priority=110 - 10 * node.number,
                period=f"{self.period:g}",
                address=self.net.address(node.number),
                peers="\n        ".join(map(self.net.address, others)),
                notify=notify,
                home=node.home,
            )
        )

    def command(self, node: Node) -> list[str]:
        home = node.home
        files = {"use-file": "keepalived.conf", "pid": "keepalived.pid", "vrrp_pid": "vrrp.pid"}
        named = (f"--{option}={home / name}" for option, name in files.items())
        return ["keepalived", "--vrrp", "--dont-fork", "--log-console", *named]

    def clean(self, node: Node) -> None:
        for name in ("said", "pid", "keepalived.pid", "vrrp.pid"):
            (node.home / name).unlink(missing_ok=True)

    def ready(self, node: Node) -> bool:
        said = node.home / "said"
        word = said.read_text().strip() if said.exists() else ""
        led = {life.namespace for life in self.schedulers.living()}
        return word == ("master" if node.namespace in led else "backup")
