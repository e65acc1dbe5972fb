#!/usr/bin/env python3
"""What an idle sidecar costs: time from exec to listening, resident memory, wake-ups. Prints, judges nothing.

Usage: tests/bench/sidecar_idle.py BINARY [RUNS]
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

POLICY = {
    "schema": "1.0", "workload": "bench/Deployment/agent", "enforcement": "Enforce",
    "upstreams": [
        {"kind": "LLM", "name": "openai", "format": "OpenAI", "url": "http://127.0.0.1:9/v1"},
        {"kind": "MCP", "name": "orders", "url": "http://127.0.0.1:9/mcp"}],
    "turn": {"timeoutMs": 15000, "synthesisReserveMs": 3000},
    "timeouts": {"llmMs": 10000, "toolMs": 5000, "connectMs": 1000, "firstTokenMs": 8000, "streamIdleMs": 5000,
                 "toolOverrides": []},
    "circuitBreakers": [], "slos": [],
}


def status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0


def switches(pid):
    return sum(int(line.split()[1]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
               for line in (task / "status").read_text(encoding="ascii").splitlines()
               if line.startswith("voluntary_ctxt_switches"))


def run(binary, policy):
    begin = time.perf_counter()
    process = subprocess.Popen([binary, "--policy", policy, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        line = process.stdout.readline()
        started = (time.perf_counter() - begin) * 1000
        if json.loads(line).get("event") != "listening":
            raise SystemExit(f"unexpected first line: {line!r}")
        time.sleep(1)  # what it does while idle is the thing measured
        before = switches(process.pid)
        time.sleep(2)
        return started, status(process.pid, "VmRSS") / 1024, (switches(process.pid) - before) / 2
    finally:
        process.terminate()
        process.wait()


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    runs = int(sys.argv[2]) if len(sys.argv) == 3 else 7
    with tempfile.NamedTemporaryFile("w", suffix=".json") as policy:
        json.dump(POLICY, policy, sort_keys=True, separators=(",", ":"))
        policy.flush()
        results = [run(sys.argv[1], policy.name) for _ in range(runs)]
    for name, unit, values in zip(("exec to listening", "resident memory", "wake-ups"), ("ms", "MiB", "/s"),
                                  zip(*results)):
        print(f"{name}: median {statistics.median(values):.1f} {unit} (min {min(values):.1f}, max {max(values):.1f}, n {runs})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
