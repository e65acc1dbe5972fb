"""Names, folders and address ranges of one cluster; everything follows from its name and its slot.

A slot is a small number that no other live cluster on this machine holds; it picks the address ranges. Its file
is created before anything else of a cluster and removed after everything else, so a killed start is found again.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

RUN_BASE = Path("/run/agent-reliability")  # short, for unix socket paths (108 bytes)
DATA_BASE = Path("/var/lib/agent-reliability")
SLOTS = 64
NAME_PATTERN = re.compile(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?")


class ClusterError(Exception):
    """Something a person must know or do; the message is complete."""


@dataclass(frozen=True)
class Layout:
    """Pure function of (name, slot): it reads and creates nothing."""

    name: str
    slot: int

    @property
    def run(self) -> Path:
        return RUN_BASE / self.name

    @property
    def data(self) -> Path:
        return DATA_BASE / self.name

    @property
    def state_file(self) -> Path:
        return self.run / "state.json"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def config(self) -> Path:
        return self.run / "config"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def audit_log(self) -> Path:
        return self.logs / "audit.log"

    @property
    def pod_logs(self) -> Path:
        return self.data / "pods"

    @property
    def kubeconfig(self) -> Path:
        return self.run / "kubeconfig"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def containerd_state(self) -> Path:
        return self.run / "containerd"

    @property
    def netns(self) -> str:
        return f"arc-{self.name}"

    @property
    def netns_path(self) -> Path:
        return Path("/run/netns") / self.netns

    @property
    def cni_network(self) -> str:
        return f"arc-{self.name}"

    @property
    def cgroup(self) -> str:
        return f"agent-reliability-{self.name}"

    @property
    def outer_link(self) -> str:
        return f"arc{self.slot}h"

    @property
    def inner_link(self) -> str:
        return f"arc{self.slot}n"

    @property
    def host_address(self) -> str:
        """The host as seen from the node and from pods."""
        return f"10.230.{self.slot}.1"

    @property
    def node_address(self) -> str:
        return f"10.230.{self.slot}.2"

    @property
    def node_range(self) -> str:
        return f"10.230.{self.slot}.0/30"

    @property
    def pod_range(self) -> str:
        return f"10.231.{self.slot}.0/24"

    @property
    def service_range(self) -> str:
        return f"10.232.{self.slot}.0/24"

    @property
    def api_service_address(self) -> str:
        return f"10.232.{self.slot}.1"

    @property
    def dns_address(self) -> str:
        return f"10.232.{self.slot}.10"

    @property
    def server(self) -> str:
        return f"https://{self.node_address}:6443"


def check_name(name: str) -> str:
    if not NAME_PATTERN.fullmatch(name):
        raise ClusterError(f"bad cluster name {name!r}: want 1 to 20 of a-z, 0-9 and '-', starting with a letter")
    return name


@contextmanager
def locked(path: Path, what: str, log=None) -> Iterator[None]:
    """Holds an exclusive lock on the file; the kernel drops it when this process dies, however it dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if log:
                log(f"waiting for another process that works on {what}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def cluster_lock(name: str, log=None):
    return locked(RUN_BASE / f"{name}.lock", f"cluster {name}", log)


def _slot_holders() -> dict[int, str]:
    holders = {}
    folder = RUN_BASE / ".slots"
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name.isdigit():
                holders[int(entry.name)] = entry.read_text().strip()
    return holders


def find(name: str) -> Layout | None:
    """The layout of a cluster that holds a slot, running or not."""
    for slot, holder in _slot_holders().items():
        if holder == name:
            return Layout(name, slot)
    return None


def names() -> list[str]:
    return sorted(set(_slot_holders().values()))


def _host_networks() -> list[ipaddress.IPv4Network]:
    output = subprocess.run(["ip", "-4", "-j", "route", "show", "table", "all"], capture_output=True, text=True,
                            check=True).stdout
    networks = []
    for route in json.loads(output or "[]"):
        if route["dst"] != "default":
            networks.append(ipaddress.ip_network(route["dst"], strict=False))
    return networks


def allocate(name: str) -> Layout:
    """This name's slot, or a free one whose ranges overlap with no route of the host."""
    with locked(RUN_BASE / ".slots.lock", "slots"):
        if found := find(name):
            return found
        folder = RUN_BASE / ".slots"
        folder.mkdir(parents=True, exist_ok=True)
        taken, networks = _slot_holders(), _host_networks()
        for slot in range(SLOTS):
            layout = Layout(name, slot)
            ranges = [ipaddress.ip_network(text)
                      for text in (layout.node_range, layout.pod_range, layout.service_range)]
            if slot in taken or any(ours.overlaps(theirs) for ours in ranges for theirs in networks):
                continue
            scratch = folder / f".{slot}.tmp"
            scratch.write_text(name)
            os.replace(scratch, folder / str(slot))  # a reader never sees an empty slot file
            return layout
    raise ClusterError(f"no free address range among {SLOTS} slots; see {RUN_BASE}/.slots and 'ip route'")


def release(layout: Layout) -> None:
    with locked(RUN_BASE / ".slots.lock", "slots"):
        path = RUN_BASE / ".slots" / str(layout.slot)
        if path.exists() and path.read_text().strip() == layout.name:
            path.unlink()
