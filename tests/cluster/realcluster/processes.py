"""Starting, recognising and stopping the processes of one cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import cgroups
from .layout import ClusterError, Layout


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int] | None:
    """(state letter, start time in clock ticks since boot)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


@dataclass(frozen=True)
class Process:
    """A process as it was recorded: a reused pid has another start time, or another boot."""

    pid: int
    start_ticks: int
    boot: str

    def alive(self) -> bool:
        stat = _stat(self.pid)
        return stat is not None and stat[0] not in "ZX" and stat[1] == self.start_ticks and self.boot == boot_id()

    def to_json(self) -> dict:
        return asdict(self)


def start(layout: Layout, name: str, command: list[str], environment: dict[str, str] | None = None) -> Process:
    """Starts a daemon in the cluster's network namespace and cgroup; output goes to log/NAME.log.

    nsenter, not 'ip netns exec': the latter remounts sysfs and hides the cgroup mounts.
    """
    layout.logs.mkdir(parents=True, exist_ok=True)
    membership = cgroups.membership_file(layout.cgroup)

    def join() -> None:  # runs in the child, before it executes anything
        with open(membership, "w") as handle:
            handle.write(str(os.getpid()))

    with open(layout.logs / f"{name}.log", "ab") as log:
        child = subprocess.Popen(["nsenter", f"--net={layout.netns_path}", "--", *command], stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd="/",
                                 preexec_fn=join, env={**base_environment(), **(environment or {})})
    stat = _stat(child.pid)
    child.returncode = 0  # it outlives us on purpose: no "still running" warning from Popen's destructor
    if stat is None:
        raise ClusterError(f"{name} died at once:\n{log_tail(layout, name)}")
    return Process(child.pid, stat[1], boot_id())


def base_environment() -> dict[str, str]:
    """Daemons get no proxy settings, credentials or GOFLAGS of whoever starts them."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def stop(process: Process, grace: float) -> None:
    """SIGTERM, then SIGKILL after `grace` seconds (0: at once); returns when the process is gone."""
    deadline = time.monotonic() + grace
    signals = [signal.SIGTERM, signal.SIGKILL] if grace > 0 else [signal.SIGKILL]
    for number in signals:
        if not process.alive():
            break
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            break
        if number == signal.SIGKILL:
            deadline = time.monotonic() + 10
        while process.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
    reap(process.pid)
    if process.alive():
        raise ClusterError(f"process {process.pid} does not end")


def reap(pid: int) -> None:
    """Takes the exit status if the process happens to be our own child, so that no zombie stays."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def log_tail(layout: Layout, name: str, lines: int = 15) -> str:
    try:
        text = (layout.logs / f"{name}.log").read_text(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])
