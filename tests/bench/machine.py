"""Processes of a benchmark: started, pinned, measured and stopped by pid. Linux only."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

PROXY_CORE, LOAD_CORE = 0, 1
TICKS = os.sysconf("SC_CLK_TCK")
_JIFFIES_OF_A_PROCESS = (13, 14)  # utime, stime of /proc/PID/stat, counted from 0


def _tasks(pid: int) -> list[pathlib.Path]:
    with contextlib.suppress(OSError):
        return list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    return []


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads, in nanosecond steps (threads that ended are not in it)."""
    total = 0
    for task in _tasks(pid):
        with contextlib.suppress(OSError, ValueError, IndexError):
            total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def jiffies(pid: int) -> int:
    """The same in ticks, as /proc/stat counts; with the children it has waited for."""
    with contextlib.suppress(OSError, IndexError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(int(fields[n - 2]) for n in (*_JIFFIES_OF_A_PROCESS, 15, 16))
    return 0


def busy_jiffies() -> int:
    """Of the whole machine since boot: everything but idle, waiting for disks and stolen time."""
    fields = pathlib.Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq = (int(f) for f in fields[:7])
    return user + nice + system + irq + softirq


def memory_kb(pid: int) -> tuple[int, int]:
    """(RSS, PSS) in KiB."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return tuple(int(re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)[1]) for name in ("Rss", "Pss"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_cores() -> bool:
    return len(os.sched_getaffinity(0)) >= 2


class Child:
    """One process on one core, its output in a file; `children` counts what it forks, too."""

    def __init__(self, name: str, argv: list[str], core: int | None, env: dict[str, str] | None = None,
                 stdout=None, stdin=subprocess.DEVNULL) -> None:  # fmt: skip
        self.name = name
        self.log = tempfile.NamedTemporaryFile(prefix=f"bench-{name}-", suffix=".log")
        pin = {core} if core is not None and two_cores() else None
        self.process = subprocess.Popen(
            argv, env={**os.environ, **(env or {})}, stdin=stdin, stdout=stdout or self.log, stderr=self.log,
            preexec_fn=(lambda: os.sched_setaffinity(0, pin)) if pin else None,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        return pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def wait_for_port(self, port: int, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.01)
        output = self.output()
        self.stop()
        raise SystemExit(f"bench: {self.name} does not listen on {port}:\n{output[-2000:]}")

    def wait_for_line(self, seconds: float = 20.0, event: str = "listening") -> dict:
        """The JSON object that names this event."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.output().splitlines():
                with contextlib.suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, dict) and found.get("event") == event:
                        return found
            time.sleep(0.002)
        output = self.output()
        self.stop()
        raise SystemExit(f"bench: {self.name} did not start:\n{output[-2000:]}")

    def stop(self, seconds: float = 10.0) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
