"""What processes hold, fresh ones: idle, after 64 busy connections, and for every connection more."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from machine import LOAD_CORE, Child, memory_kb
from world import Place

FEW, MANY = 64, 2000
Makers = dict[str, Callable[[], Place]]


def measure(run, makers: Makers) -> None:
    for _ in range(1 if run.quick else 3):
        for name, make in makers.items():
            place = make()
            time.sleep(0.5)
            idle = memory_kb(place.child.pid)
            run.load(place, "post", "closed", FEW, run.seconds(1))
            busy = memory_kb(place.child.pid)
            per_connection = _per_idle_connection(run, place)
            run.world.stop(place.child)
            run.samples.setdefault("memory", {}).setdefault(name, []).append({
                "idle_mb": idle[0] / 1024, "busy_mb": busy[0] / 1024, "busy_pss_mb": busy[1] / 1024,
                "per_connection_kb": per_connection})  # fmt: skip


def _per_idle_connection(run, place: Place) -> float:
    """KiB that one more idle connection costs: 2,000 against 64, each after one call."""
    sizes = []
    for count in (FEW, MANY):
        argv = [str(run.world.tools / "bench-load"), str(place.port), run.world.request_file(place, "post"), "idle",
                str(count), "0"]  # fmt: skip
        child = Child("load", argv, LOAD_CORE, stdin=subprocess.PIPE)
        end = time.monotonic() + 30
        while "answers" not in child.output() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        sizes.append(memory_kb(place.child.pid)[0])
        child.process.stdin.close()
        child.process.wait(10)
        child.stop()
    return (sizes[1] - sizes[0]) / (MANY - FEW)
