"""The cluster's network namespace, the link to it and the host's routes into it.

The namespace gets no default route: pods and node reach the host's end of the link and nothing beyond, so no
packet of a test can leave the machine. Nothing is masqueraded and the host forwards nothing.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from .layout import ClusterError, Layout


def _run(*command: str, check: bool = True) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise ClusterError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


def _inside(layout: Layout, *command: str) -> None:
    _run("nsenter", f"--net={layout.netns_path}", "--", *command)


def create(layout: Layout) -> None:
    _run("ip", "netns", "add", layout.netns)
    _run("ip", "link", "add", layout.outer_link, "type", "veth", "peer", "name", layout.inner_link,
         "netns", layout.netns)
    _run("ip", "address", "add", f"{layout.host_address}/30", "dev", layout.outer_link)
    _run("ip", "link", "set", layout.outer_link, "up")
    for line in (f"address add {layout.node_address}/30 dev {layout.inner_link}", "link set lo up",
                 f"link set {layout.inner_link} up",
                 # Only to give a local connection to a Service address a source; kube-proxy rewrites the target.
                 f"route add {layout.service_range} via {layout.host_address} src {layout.node_address}"):
        _inside(layout, "ip", *line.split())
    _inside(layout, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    # A Service address that kube-proxy does not know is refused at once instead of wandering back to the host.
    for chain in ("OUTPUT", "FORWARD"):
        # A reset and not only an ICMP answer: the kernel limits the rate of those.
        for match in ("-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT"):
            _inside(layout, "iptables", "-w", "-A", chain, "-d", layout.service_range, *match.split())
    for destination in (layout.pod_range, layout.service_range):
        _run("ip", "route", "add", destination, "via", layout.node_address, "dev", layout.outer_link)


def remove(layout: Layout) -> None:
    """Works on any half of a namespace; the host's routes go with the link."""
    if Path("/sys/class/net", layout.outer_link).exists():
        _run("ip", "link", "delete", layout.outer_link)
    if layout.netns_path.exists():
        _run("ip", "netns", "delete", layout.netns)


def raise_inotify_limit() -> None:
    """kubelet, containerd and a few sidecars under one uid need more than the default of 128 instances."""
    path = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(path.read_text()) < 1024:
        path.write_text("1024")
