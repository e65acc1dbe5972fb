"""Samples that need no load generator: one start, and the two micro-benchmarks."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import time

import workload
from machine import PROXY_CORE, Child


def one_start(world) -> float:
    """Milliseconds from exec to the first byte of a proxied answer."""
    folder = world.folder / f"start-{time.monotonic_ns()}"
    folder.mkdir()
    policy = workload.write(folder, "policy.json", workload.document(f"http://127.0.0.1:{world.upstream_port}/v1"))
    request = workload.request(workload.CHAT_PATH, workload.chat_body(2048))
    argv = workload.sidecar_argv(world.binary, policy)
    began = time.perf_counter()
    child = Child("sidecar", argv, PROXY_CORE, stdout=subprocess.PIPE)
    try:
        port = json.loads(child.process.stdout.readline())["proxy_port"]
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request)
            first = connection.recv(65536)
        took = (time.perf_counter() - began) * 1000
    finally:
        child.process.terminate()
        child.process.communicate(timeout=10)
        child.stop()
    if not first.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"bench: the first answer of a fresh sidecar: {first[:200]!r}")
    return took


def inspection(tools: pathlib.Path) -> dict[str, dict[str, float]]:
    """Nanoseconds for the bodies of S10, best of several repetitions. They alternate: other processes hit all of them."""
    argv = [str(tools / "bench-inspect"), "--benchmark_format=json", "--benchmark_repetitions=9",
            "--benchmark_min_time=0.1", "--benchmark_enable_random_interleaving=true"]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: bench-inspect: {done.stderr[-500:]}")
    best: dict[str, dict[str, float]] = {}
    for entry in json.loads(done.stdout)["benchmarks"]:
        if entry.get("run_type") != "iteration":
            continue
        who, _, size = entry["run_name"].partition("/")
        if who not in ("sidecar", "rapidjson"):
            continue
        sample = best.setdefault(who, {})
        sample[f"ns{size}"] = min(sample.get(f"ns{size}", float("inf")), entry["real_time"])
    return best
