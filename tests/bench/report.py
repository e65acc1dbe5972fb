"""The results as text for people and for docs/performance.md."""

from __future__ import annotations

import math
import pathlib
import statistics

import gates

BEGIN, END = "<!-- bench: begin, written by make bench -->", "<!-- bench: end -->"


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def _bound(row: gates.Row, bound: float) -> str:
    if math.isinf(bound):
        return "–"
    return f"{'≥' if row.at_least else '≤'} {_number(bound, row.digits)}"


def gate_table(found: list[gates.Row]) -> list[str]:
    lines = ["| gate | what | limit | target | median | min to max | rounds | verdict |", "|---|---|---|---|---|---|---|---|"]
    for row in found:
        if row.values:
            middle = _number(row.median, row.digits)
            spread = f"{_number(min(row.values), row.digits)} to {_number(max(row.values), row.digits)}"
        else:
            middle = spread = "–"
        verdict = "reported" if math.isinf(row.limit) else row.verdict
        lines.append(f"| {row.gate} | {row.what} | {_bound(row, row.limit)} | {_bound(row, row.target)} | {middle} "
                     f"| {spread} | {len(row.values)}/{row.rounds} | {verdict} |")  # fmt: skip
    return lines


# workload, heading, metric, how it is written
_ABSOLUTE = (
    ("post", "POST 2 KB, CPU s per 100,000", "cpu_per_100k", 2), ("post", "POST 2 KB, requests/s", "rps", 0),
    ("open2000", "2,000/s, p50 µs", "p50_us", 0), ("open2000", "2,000/s, p99 µs", "p99_us", 0),
    ("open10000", "10,000/s, p50 µs", "p50_us", 0), ("open10000", "10,000/s, p99 µs", "p99_us", 0),
    ("stream", "SSE, CPU µs per event", "cpu_per_event_us", 2), ("stream", "SSE, p50 delay µs", "p50_us", 0),
    ("stream", "SSE, p99 delay µs", "p99_us", 0),
    ("tls", "TLS upstream, POST 2 KB, CPU s per 100,000", "cpu_per_100k", 2),
    ("tls", "TLS upstream, requests/s", "rps", 0),
    ("memory", "RSS idle MiB", "idle_mb", 1), ("memory", "RSS busy MiB", "busy_mb", 1),
    ("memory", "PSS busy MiB", "busy_pss_mb", 1), ("memory", "KiB per idle connection", "per_connection_kb", 1),
    ("instructions", "user instructions per POST", "count", 0), ("start", "exec to first answer, ms", "ms", 1),
    ("portkey", "requests per CPU second", "per_core", 0),
)  # fmt: skip
_WHO = ("direct", "sidecar", "nginx", "haproxy", "envoy", "portkey")


def absolute_table(samples: gates.Samples) -> list[str]:
    lines = ["| median of | " + " | ".join(_WHO) + " |", "|---|" + "---|" * len(_WHO)]
    for workload, heading, metric, digits in _ABSOLUTE:
        cells = []
        for who in _WHO:
            values = gates.single(samples, workload, metric, who) if who in samples.get(workload, {}) else []
            cells.append(_number(statistics.median(values), digits) if values else "")
        if any(cells):
            lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    return lines


def text(samples: gates.Samples, facts: dict[str, str]) -> str:
    lost, every = gates.dropped(samples)
    lines = [
        f"`{facts['command']}`, {facts['date']}, {facts['machine']}. Peers: {facts['peers']}. {facts['retries']} samples "
        f"were repeated because other processes used more than {facts['foreign']} core meanwhile; {lost} of {every} "
        f"stayed without a clean one.{facts['note']}",
        "", *gate_table(gates.rows(samples)), "", *absolute_table(samples),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def write(path: pathlib.Path, new: str) -> None:
    """Replaces what stands between the two marks."""
    old = path.read_text(encoding="utf-8")
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n\n{new}\n{END}{tail}", encoding="utf-8")
