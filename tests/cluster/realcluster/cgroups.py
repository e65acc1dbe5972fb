"""One cgroup per cluster, in every hierarchy, v1 or v2.

Every process of a cluster is put into it before it executes anything, and pods live below it, so "all that this
cluster started" is a fact the kernel keeps, also for processes that nobody had time to write down.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def _hierarchies() -> list[tuple[Path, str, set[str]]]:
    """(mount point, "cgroup" or "cgroup2", options) of each mounted hierarchy."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount_point, kind, options, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            found.append((Path(mount_point), kind, set(options.split(","))))
    return found


def _copy_cpuset(folder: Path) -> None:
    """A fresh v1 cpuset allows nothing until it is told what."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not (folder / name).read_text().strip():
            (folder / name).write_text((folder.parent / name).read_text())


def create(name: str) -> None:
    for mount_point, kind, options in _hierarchies():
        folder = mount_point / name
        folder.mkdir(exist_ok=True)
        if kind == "cgroup2":
            for parent in (mount_point, folder):
                available = (parent / "cgroup.controllers").read_text().split()
                for controller in ("cpuset", "cpu", "io", "memory", "pids", "hugetlb"):
                    if controller in available:
                        (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        elif "cpuset" in options:
            _copy_cpuset(folder)
        (folder / "system").mkdir(exist_ok=True)
        if kind == "cgroup" and "cpuset" in options:
            _copy_cpuset(folder / "system")


def membership_file(name: str) -> str:
    """The file to which a new process writes its pid.

    On v1 one hierarchy is enough to keep track, and leaves the cpu and memory accounting of daemons alone.
    """
    mounts = _hierarchies()
    for mount_point, kind, options in mounts:
        if kind == "cgroup" and "pids" in options:
            return str(mount_point / name / "system" / "cgroup.procs")
    for mount_point, kind, _ in mounts:
        if kind == "cgroup2":
            return str(mount_point / name / "system" / "cgroup.procs")
    return str(mounts[0][0] / name / "system" / "cgroup.procs")


def processes(name: str) -> set[int]:
    pids: set[int] = set()
    for mount_point, _, _ in _hierarchies():
        for folder, _, _ in os.walk(mount_point / name):
            try:
                pids.update(int(pid) for pid in Path(folder, "cgroup.procs").read_text().split())
            except OSError:
                continue  # the cgroup went away while we looked
    pids.discard(0)
    return pids


def kill_all(name: str, timeout: float = 8.0) -> set[int]:
    """SIGKILLs everything in the cgroup; returns what is left after the timeout (normally nothing)."""
    deadline = time.monotonic() + timeout
    while pids := processes(name):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            return pids
        time.sleep(0.02)
    return set()


def remove(name: str, timeout: float = 3.0) -> list[Path]:
    """Removes the empty cgroups, deepest first; returns what could not be removed."""
    deadline = time.monotonic() + timeout
    while True:
        left = []
        for mount_point, _, _ in _hierarchies():
            for folder, _, _ in os.walk(mount_point / name, topdown=False):
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    pass
                except OSError:
                    left.append(Path(folder))
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)
