#!/usr/bin/env python3
"""The speed of the sidecar beside nginx, haproxy, Envoy and Portkey, in one interleaved run.

Usage: tests/bench/run.py --sidecar BINARY --tools FOLDER [--quick] [--keep-noisy] [--write]
  --quick       two short rounds of everything: shows that it works, judges nothing
  --keep-noisy  keeps samples although other processes were busy, and says so
  --write       puts the tables into docs/performance.md
About eight minutes on a quiet machine, at most twelve. Loopback only. Exit code 1: a gate failed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import sys
import tempfile
import time
from collections.abc import Callable

import gates
import hostile
import instructions
import memory
import peers
import report
import shapes
from machine import LOAD_CORE, Child, busy_jiffies, cpu_seconds, jiffies, memory_kb, TICKS
from measure import inspection, one_start
from world import Place, World

FOREIGN = 0.15  # of a core
RETRIES = 4
STOP_RETRYING_AFTER = 570.0
Sampler = Callable[[], gates.Sample]


class Run:
    def __init__(self, args: argparse.Namespace, folder: pathlib.Path) -> None:
        self.quick, self.keep_noisy = args.quick, args.keep_noisy or args.quick
        self.world = World(folder, args.sidecar, args.tools)
        self.samples: gates.Samples = {}
        self.retries = 0
        self.noisy_kept = 0
        self.began = time.monotonic()

    def rounds(self, count: int) -> range:
        return range(2 if self.quick else count)

    def seconds(self, usual: float) -> str:
        return str(0.5 if self.quick else usual)

    # One sample, repeated while something else keeps the machine busy.
    def take(self, workload: str, who: str, sampler: Sampler) -> None:
        sample: gates.Sample | None = None
        for attempt in range(RETRIES + 1):
            began, busy, own = time.monotonic(), busy_jiffies(), self._own_jiffies()
            got = sampler()
            elapsed = time.monotonic() - began
            foreign = (busy_jiffies() - busy - (self._own_jiffies() - own)) / TICKS / elapsed
            if foreign <= FOREIGN:
                sample = got
                break
            if self.keep_noisy:
                sample = got
                self.noisy_kept += 1
                break
            if attempt == RETRIES or time.monotonic() - self.began > STOP_RETRYING_AFTER:
                break
            self.retries += 1
        self.samples.setdefault(workload, {}).setdefault(who, []).append(sample)

    def _own_jiffies(self) -> int:
        return sum(jiffies(pid) for pid in (os.getpid(), *(child.pid for child in self.world.children)))

    def load(self, place: Place, kind: str, mode: str, connections: int, amount: str, status: int = 200) -> dict:
        """bench-load's findings, with the CPU seconds that the place's process used meanwhile."""
        argv = [str(self.world.tools / "bench-load"), str(place.port), self.world.request_file(place, kind), mode,
                str(connections), amount, str(status)]  # fmt: skip
        before = cpu_seconds(place.child.pid) if place.child else 0.0
        child = Child("load", argv, LOAD_CORE)
        child.process.wait(120)
        used = cpu_seconds(place.child.pid) - before if place.child else 0.0
        output = child.output()
        child.stop()
        found = json.loads(output or "{}")
        if not found.get("answers") or found["bad"] > found["answers"] / 100:
            raise SystemExit(f"bench: {place.name}, {kind} {mode}: {output}")
        share = {"core_percent": used / found["seconds"] * 100} if place.child else {}
        return {**found, "cpu": used, **share}

    def closed(self, place: Place, seconds: float, status: int = 200, kind: str = "post", connections: int = 64) -> Sampler:
        def sample() -> gates.Sample:
            found = self.load(place, kind, "closed", connections, self.seconds(seconds), status)
            return {"rps": found["answers"] / found["seconds"], "cpu_per_100k": found["cpu"] / found["answers"] * 1e5,
                    "per_core": found["answers"] / max(found["cpu"], 1e-9), "p50_us": found["p50_us"],
                    "rss_mb": memory_kb(place.child.pid)[0] / 1024 if place.child else 0.0}  # fmt: skip

        return sample

    def post(self, places: list[Place]) -> None:
        for _ in self.rounds(5):
            for place in places:
                self.take("post", place.name, self.closed(place, 2))

    def paced(self, places: list[Place]) -> None:
        # A p99 says more the longer it is sampled and the more rounds there are.
        for rate, rounds, seconds in ((2000, 9, 1.5), (10000, 15, 2.0)):
            for _ in self.rounds(rounds):
                for place in places:
                    def sample(place: Place = place, rate: int = rate, seconds: float = seconds) -> gates.Sample:
                        return self.load(place, "post", "open", 64, f"{rate}:{self.seconds(seconds)}")

                    self.take(f"open{rate}", place.name, sample)

    def stream(self, places: list[Place]) -> None:
        for _ in self.rounds(5):
            for place in places:
                def sample(place: Place = place) -> gates.Sample:
                    found = self.load(place, "stream", "stream", 16, self.seconds(2))
                    return {**found, "cpu_per_event_us": found["cpu"] / found["events"] * 1e6}

                self.take("stream", place.name, sample)

    def circuit(self, proxied: Place) -> None:
        def without_chain(policy: dict) -> None:
            del policy["fallbackChain"]
            policy["retries"] = {"maxRetries": 0}
            for breaker in policy["circuitBreakers"]:
                breaker["openForMs"] = breaker["maxOpenForMs"]

        broken = self.world.sidecar(change=without_chain)
        trip = Child("load", [str(self.world.tools / "bench-load"), str(broken.port),
                              self.world.request_file(broken, "fail"), "count", "1", "50", "503"], LOAD_CORE)  # fmt: skip
        trip.process.wait(30)
        trip.stop()
        self.world.answer(broken, 503)
        for _ in self.rounds(5):
            self.take("circuit", "proxied", self.closed(proxied, 1.5))
            self.take("circuit", "open", self.closed(broken, 1.5, status=503))
        self.world.stop(broken.child)

    def tls(self, names: list[str]) -> None:
        self.world.start_tls_upstream()
        places = [self.world.sidecar(tls=True), *(self.world.peer(name, tls=True) for name in names)]
        for place in places:
            self.world.answer(place)
        for _ in self.rounds(3):
            for place in places:
                self.take("tls", place.name, self.closed(place, 1.5))
        for place in places:
            self.world.stop(place.child)

    def portkey(self, ours: Place) -> None:
        theirs = self.world.peer("portkey")
        self.world.answer(theirs)
        self.closed(theirs, 1, connections=16)()  # its compiler warms up
        for _ in self.rounds(3):
            self.take("portkey", "sidecar", self.closed(ours, 1.5, connections=16))
            self.take("portkey", "portkey", self.closed(theirs, 3, connections=16))
        self.world.stop(theirs.child)

    def start(self) -> None:
        for _ in range(3 if self.quick else 11):
            self.take("start", "sidecar", lambda: {"ms": one_start(self.world)})

    def whole(self, tools: pathlib.Path, sidecar: pathlib.Path) -> None:
        world = self.world
        nginx, haproxy, envoy = (world.peer(name) for name in ("nginx", "haproxy", "envoy"))
        ours = world.sidecar()
        places = [world.direct, ours, nginx, haproxy]
        for place in (*places, envoy):
            world.answer(place)
        fresh: memory.Makers = {"sidecar": world.sidecar, **{
            n: (lambda n=n: world.peer(n)) for n in ("nginx", "haproxy", "envoy")}}  # fmt: skip
        for name, part in (
            ("POST 2 KB at saturation", lambda: self.post([*places, envoy])),
            ("GET, POST 64 KB, tools/call", lambda: shapes.plain(self, [*places, envoy])),
            ("fixed rates", lambda: self.paced(places)),
            ("event streams", lambda: self.stream([ours, nginx, haproxy])),
            ("open circuit", lambda: self.circuit(ours)),
            ("repeated calls", lambda: shapes.repeated(self, ["nginx", "haproxy", "envoy"])),
            ("TLS upstream", lambda: self.tls(["nginx", "haproxy", "envoy"])),
            ("Portkey", lambda: self.portkey(ours)),
            ("start", self.start),
            ("slow heads", lambda: hostile.slow_heads(self, {n: fresh[n] for n in ("sidecar", "nginx", "haproxy")})),
            ("streams that nobody reads", lambda: hostile.unread_streams(self, fresh)),
            ("memory", lambda: memory.measure(self, fresh)),
        ):
            print(f"bench: {name} ({time.monotonic() - self.began:.0f} s)", file=sys.stderr, flush=True)
            part()
        world.close()
        print("bench: inspection, instructions", file=sys.stderr, flush=True)
        for who, sample in inspection(tools).items():
            self.samples.setdefault("inspect", {})[who] = [sample]
        counted = instructions.measure(sidecar, tools, None)
        self.samples["instructions"] = {who: [{"count": counted[who]}] for who in ("sidecar", "nginx")}


def machine_text() -> str:
    model = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())  # fmt: skip
    return f"{len(os.sched_getaffinity(0))} virtual cores ({model}), Linux {platform.release()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sidecar", type=pathlib.Path, required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    for flag in ("--quick", "--keep-noisy", "--write"):
        parser.add_argument(flag, action="store_true")
    args = parser.parse_args()
    args.sidecar, args.tools = args.sidecar.resolve(), args.tools.resolve()
    try:
        versions = ", ".join(peers.version(name) for name in peers.NAMES)
    except peers.Missing as missing:
        print(f"bench: {missing}")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        run = Run(args, pathlib.Path(name))
        try:
            run.whole(args.tools, args.sidecar)
        finally:
            run.world.close()
    note = (f" {run.noisy_kept} samples were kept although other processes were busy: "
            "instructions and memory hold, latencies and CPU times are rough." if run.noisy_kept else "")  # fmt: skip
    kept = " (run.py --keep-noisy)" if args.keep_noisy else ""
    facts = {"command": "make bench" + (" QUICK=1" if args.quick else "") + kept, "machine": machine_text(), "peers": versions,
             "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"), "retries": str(run.retries),
             "foreign": str(FOREIGN), "note": note}  # fmt: skip
    text = report.text(run.samples, facts)
    print(text)
    (args.tools / "bench.json").write_text(json.dumps({"facts": facts, "samples": run.samples}, indent=1))
    if args.write:
        report.write(pathlib.Path(__file__).resolve().parents[2] / "docs" / "performance.md", text)
    failed = [row for row in gates.rows(run.samples) if row.verdict == "FAIL"]
    return 1 if failed and not args.quick else 0


if __name__ == "__main__":
    sys.exit(main())
