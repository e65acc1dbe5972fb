"""Removes all traces of one cluster, whatever state it is in: running, half started, half stopped, killed.

There is one way down. It needs no record of what was started: processes are found by the cluster's cgroup,
mounts and files by its two folders, links by its slot. All of it is thrown away, so nothing is stopped gently.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
from pathlib import Path

from . import cgroups, layout as layouts, network
from .layout import ClusterError, Layout

_MNT_DETACH, _UMOUNT_NOFOLLOW = 2, 8
_libc = ctypes.CDLL(None, use_errno=True)


def mounts_below(*folders: Path) -> list[str]:
    """Mount points at or below the folders, in the order they were mounted."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), line.split()[4])
        if any(point == str(folder) or point.startswith(f"{folder}/") for folder in folders):
            found.append(point)
    return found


def _unmount(layout: Layout) -> None:
    for _ in range(5):  # a mount on top of a mount needs another round
        points = mounts_below(layout.run, layout.data)
        if not points:
            return
        for point in reversed(points):
            _libc.umount2(os.fsencode(point), _MNT_DETACH | _UMOUNT_NOFOLLOW)
    if points := mounts_below(layout.run, layout.data):
        raise ClusterError(f"cannot unmount {', '.join(points)}")


def _remove_tree(folder: Path) -> None:
    """Only after _unmount: a folder with a mount in it could be somebody's data."""
    if mounts_below(folder):
        raise ClusterError(f"{folder} still holds mounts; not deleting it")
    if folder.exists():
        shutil.rmtree(folder)


def shim_sockets(layout: Layout) -> list[Path]:
    """Where this cluster's shims listen: containerd 1.x has one folder for all its instances, and names a socket by
    the hash of its own address and the sandbox. A killed shim leaves its socket behind."""
    sandboxes = layout.data / "containerd/io.containerd.grpc.v1.cri/sandboxes"
    tasks = layout.containerd_state / "io.containerd.runtime.v2.task/k8s.io"
    names = {entry.name for entry in (*sandboxes.glob("*"), *tasks.glob("*"))}
    return [Path("/run/containerd/s") / hashlib.sha256(f"{layout.containerd_socket}/k8s.io/{name}".encode()).hexdigest()
            for name in names]


def _remove_strays(layout: Layout) -> None:
    """What kubelet and libcni put into folders shared by all clusters; ours name a path of ours."""
    links = Path("/var/log/containers")
    if links.is_dir():
        for link in links.iterdir():
            if link.is_symlink() and os.readlink(link).startswith(f"{layout.pod_logs}/"):
                link.unlink(missing_ok=True)
    results = Path("/var/lib/cni/results")
    if results.is_dir():
        for entry in results.iterdir():
            if f"{layout.containerd_state}/" in entry.read_text(errors="replace"):
                entry.unlink(missing_ok=True)


def remove(layout: Layout, step=lambda text: None) -> None:
    left = cgroups.kill_all(layout.cgroup)
    if left:
        raise ClusterError(f"processes {sorted(left)} do not end")
    step("processes ended")
    sockets = shim_sockets(layout)
    _unmount(layout)
    network.remove(layout)
    step("mounts and network removed")
    if left := cgroups.remove(layout.cgroup):
        raise ClusterError(f"cannot remove {', '.join(map(str, left))}")
    _remove_strays(layout)
    for socket in sockets:
        socket.unlink(missing_ok=True)
    _remove_tree(layout.data)
    _remove_tree(layout.run)
    layouts.release(layout)
    step("files removed")
