"""What was measured against what was promised. Pure: samples in, verdicts out."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

Sample = dict[str, float]
# workload -> who -> one sample a round; None: dropped, the machine was busy with something else.
Samples = dict[str, dict[str, list[Sample | None]]]

INCONCLUSIVE_ABOVE = 0.2  # share of dropped rounds


@dataclasses.dataclass
class Row:
    gate: str
    what: str
    values: list[float]  # one a round
    rounds: int
    limit: float
    target: float
    at_least: bool = False
    digits: int = 2
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        if not self.values or len(self.values) < self.rounds * (1 - INCONCLUSIVE_ABOVE):
            return "inconclusive"
        return "pass" if self.meets(self.limit) else "FAIL"

    def meets(self, bound: float) -> bool:
        return self.median >= bound if self.at_least else self.median <= bound


def paired(samples: Samples, workload: str, value: Callable[[dict[str, Sample]], float], *who: str) -> list[float]:
    """value(samples of one round by name), for every round in which all of `who` have one."""
    lists = samples.get(workload, {})
    out = []
    for together in zip(*(lists.get(name, []) for name in who), strict=False):
        if all(sample is not None for sample in together):
            out.append(value(dict(zip(who, together, strict=True))))
    return out


def ratio(samples: Samples, workload: str, metric: str, ours: str, theirs: str) -> list[float]:
    return paired(samples, workload, lambda s: s[ours][metric] / s[theirs][metric], ours, theirs)


def added(samples: Samples, workload: str, metric: str, theirs: str) -> list[float]:
    """Ratio of what each adds to the direct call."""
    def one(s: dict[str, Sample]) -> float:
        return max(s["sidecar"][metric] - s["direct"][metric], 0.1) / max(s[theirs][metric] - s["direct"][metric], 0.1)

    return paired(samples, workload, one, "sidecar", theirs, "direct")


def single(samples: Samples, workload: str, metric: str, who: str = "sidecar") -> list[float]:
    return paired(samples, workload, lambda s: s[who][metric], who)


def rows(samples: Samples) -> list[Row]:
    """Every gate that these samples can judge."""
    def rounds(workload: str) -> int:
        return max((len(found) for found in samples.get(workload, {}).values()), default=0)

    def row(gate: str, what: str, workload: str, values: list[float], limit: float, target: float, **more) -> Row:
        return Row(gate, what, values, rounds(workload), limit, target, **more)

    s = samples
    cpu, post = "cpu_per_100k", "post"
    found = [
        row("S1", "CPU per request, POST 2 KB, × nginx", post, ratio(s, post, cpu, "sidecar", "nginx"), 1.00, 0.85),
        row("S2", "the same, × haproxy", post, ratio(s, post, cpu, "sidecar", "haproxy"), 1.15, 1.00),
        row("S3", "requests/s, 64 connections, × nginx", post, ratio(s, post, "rps", "sidecar", "nginx"), 1.0, 1.2,
            at_least=True),
        row("S3", "the same, × haproxy", post, ratio(s, post, "rps", "sidecar", "haproxy"), 0.9, 1.05, at_least=True),
        row("S4", "user instructions per request, × nginx", "instructions",
            ratio(s, "instructions", "count", "sidecar", "nginx"), 1.10, 0.90),
    ]  # fmt: skip
    for rate in ("2000", "10000"):
        for peer in ("nginx", "haproxy"):
            limit = 1.10 if peer == "nginx" else float("inf")
            found.append(row("S5", f"added p50 at {int(rate):,}/s, × {peer}", f"open{rate}",
                             added(s, f"open{rate}", "p50_us", peer), limit, 0.95))  # fmt: skip
    found += [
        row("S6", "added p99 at 10,000/s, × haproxy", "open10000", added(s, "open10000", "p99_us", "haproxy"), 1.5, 1.0),
        row("S7", "CPU per server-sent event, × nginx", "stream", ratio(s, "stream", "cpu_per_event_us", "sidecar",
                                                                        "nginx"), 1.15, 1.0),
        row("S8", "p99 delay of an event, × haproxy", "stream", ratio(s, "stream", "p99_us", "sidecar", "haproxy"),
            1.25, 1.0),
        row("S9", "resident memory idle, MiB", "memory", single(s, "memory", "idle_mb"), 12, 8, digits=1),
        row("S9", "resident memory with 64 busy connections, MiB", "memory", single(s, "memory", "busy_mb"), 20, 12,
            digits=1),
        row("S9", "proportional memory, busy, × nginx", "memory", ratio(s, "memory", "busy_pss_mb", "sidecar", "nginx"),
            1.0, 0.7),
        row("S9", "KiB per idle connection", "memory", single(s, "memory", "per_connection_kb"), 10, 6, digits=1),
        row("S9", "the same, × nginx", "memory", ratio(s, "memory", "per_connection_kb", "sidecar", "nginx"), 1.0, 0.6),
        row("S10", "inspecting a 4 KB body, × rapidjson SAX", "inspect", ratio(s, "inspect", "ns4k", "sidecar",
                                                                               "rapidjson"), 0.20, 0.12),
        row("S10", "the same, 64 KB", "inspect", ratio(s, "inspect", "ns64k", "sidecar", "rapidjson"), 0.20, 0.12),
        row("S11", "requests per CPU second, × Portkey", "portkey", ratio(s, "portkey", "per_core", "sidecar",
                                                                          "portkey"), 20, 40, at_least=True, digits=0),
        row("S11", "resident memory loaded, × Portkey", "portkey", ratio(s, "portkey", "rss_mb", "sidecar", "portkey"),
            0.10, 0.05),
        row("S12", "exec to first proxied answer, ms", "start", single(s, "start", "ms"), 25, 10, digits=1),
        row("S13", "CPU of an open-circuit answer, × proxied call", "circuit", ratio(s, "circuit", cpu, "open",
                                                                                     "proxied"), 0.60, 0.45),
        row("S14", "CPU per request, × Envoy", post, ratio(s, post, cpu, "sidecar", "envoy"), 0.60, 0.45),
        row("S14", "resident memory idle, × Envoy", "memory", ratio(s, "memory", "idle_mb", "sidecar", "envoy"), 0.20,
            0.13),
    ]  # fmt: skip
    return [r for r in found if r.rounds > 0]


def dropped(samples: Samples) -> tuple[int, int]:
    """(rounds without a clean sample, all) over everything."""
    every = [sample for lists in samples.values() for found in lists.values() for sample in found]
    return sum(sample is None for sample in every), len(every)
