#!/usr/bin/env python3
"""S4: user instructions that one request costs the sidecar, against nginx, counted by callgrind.

Usage: tests/bench/instructions.py --sidecar BINARY --tools FOLDER [--keep FOLDER] [--at-most RATIO]
  --tools    where bench-load and bench-upstream are
  --keep     leaves the profiles there, for callgrind_annotate
  --at-most  exit code 1 above this ratio (default: the gate)

One connection sends the same 2 KB POST again and again. The figure is the slope between a run of 500 requests and one
of 2,500, so what the start costs cancels out; what an idle process does in the time between is subtracted. All policies
are on, tracing is off. Deterministic within a percent, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import sys
import tempfile
import time

import configs
import peers
import workload
from machine import Child, free_port

GATE, TARGET = 1.10, 0.90
FEW, MANY = 500, 2500
IDLE_SECONDS = 4.0


class Counter:
    """Counts the instructions of one kind of process."""

    def __init__(self, folder: pathlib.Path, tools: pathlib.Path, keep: pathlib.Path | None) -> None:
        self.folder, self.tools, self.keep = folder, tools, keep
        self.upstream = Child("upstream", [str(tools / "bench-upstream")], None)
        self.upstream_port = self.upstream.wait_for_line()["port"]

    def run(self, name: str, argv: list[str], env: dict[str, str], port: int | None, path: str,
            requests: int, idle: float = 0.0) -> tuple[int, float]:  # fmt: skip
        """(instructions from start to end, seconds between the two)."""
        out = (self.keep or self.folder) / f"callgrind.{name}.{requests}"
        child = Child(name, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *argv], None, env)
        try:
            if port is None:
                port = child.wait_for_line(60)["proxy_port"]
            else:
                child.wait_for_port(port, 60)
            began = time.monotonic()
            if requests:
                self.load(port, path, requests)
            time.sleep(idle)
            took = time.monotonic() - began
        finally:
            child.stop(120)  # callgrind writes its profile now
        counted = re.search(r"^(?:summary|totals): (\d+)", out.read_text(encoding="utf-8", errors="replace"), re.M)
        if counted is None:
            raise SystemExit(f"bench: callgrind wrote no summary for {name}")
        return int(counted[1]), took

    def load(self, port: int, path: str, requests: int) -> None:
        file = self.folder / "request"
        file.write_bytes(workload.request(path, workload.chat_body(2048)))
        child = Child("load", [str(self.tools / "bench-load"), str(port), str(file), "count", "1", str(requests)], None)
        child.process.wait(300)
        output = child.output()
        child.stop()
        if f'"answers":{requests},"bad":0' not in output:
            raise SystemExit(f"bench: not every request was answered: {output}")

    def per_request(self, name: str, argv: list[str], env: dict[str, str], port: int | None, path: str) -> float:
        def run(requests: int, idle: float = 0.0) -> tuple[int, float]:
            return self.run(name, argv, env, port, path, requests, idle)

        still, _ = run(0)
        idle, idle_took = run(0, IDLE_SECONDS)
        few, few_took = run(FEW)
        many, many_took = run(MANY)
        per_second = max(0.0, (idle - still) / idle_took)
        return (many - few - per_second * (many_took - few_took)) / (MANY - FEW)


def measure(sidecar: pathlib.Path, tools: pathlib.Path, keep: pathlib.Path | None) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = pathlib.Path(name)
        counter = Counter(folder, tools, keep)
        try:
            policy = workload.write(folder, "policy.json",
                                    workload.document(f"http://127.0.0.1:{counter.upstream_port}/v1"))  # fmt: skip
            ours = counter.per_request("sidecar", workload.sidecar_argv(sidecar, policy), {}, None, workload.CHAT_PATH)
            argv, env = peers.get("nginx")
            port = free_port()
            argv = argv + configs.nginx(folder, port, counter.upstream_port)
            nginx = counter.per_request("nginx", argv, env, port, "/v1/chat/completions")
        finally:
            counter.upstream.stop()
    return {"sidecar": ours, "nginx": nginx, "ratio": ours / nginx}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sidecar", type=pathlib.Path, required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--at-most", type=float, default=GATE)
    args = parser.parse_args()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    found = measure(args.sidecar.resolve(), args.tools.resolve(), args.keep)
    verdict = "pass" if found["ratio"] <= GATE else "FAIL"
    print(f"S4 instructions per request: sidecar {found['sidecar']:,.0f}, nginx {found['nginx']:,.0f}, "
          f"ratio {found['ratio']:.2f} (gate {GATE:.2f}, target {TARGET:.2f}): {verdict}")  # fmt: skip
    if found["ratio"] > args.at_most:
        print(f"Above {args.at_most:.2f}. Next: run it with --keep and look at callgrind_annotate")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
