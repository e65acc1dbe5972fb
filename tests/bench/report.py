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

_REPORTED = (
    ("get", "GET of an HTTP tool, CPU s per 100,000", "cpu_per_100k", 2), ("get", "GET, requests/s", "rps", 0),
    ("post64k", "POST 64 KB, CPU s per 100,000", "cpu_per_100k", 2), ("post64k", "POST 64 KB, requests/s", "rps", 0),
    ("mcp", "tools/call of 225 B, CPU s per 100,000", "cpu_per_100k", 2), ("mcp", "tools/call, requests/s", "rps", 0),
    ("overloaded", "1 of 10 answers is a 503, 2,000/s: CPU s per 100,000", "cpu_per_100k", 2),
    ("overloaded", "the same, p50 µs", "p50_us", 0), ("overloaded", "the same, p99 µs", "p99_us", 0),
    ("overloaded", "the same, calls of 10,000 that failed", "failed_per_10k", 1),
    ("limited", "1 of 10 answers is a 429, 2,000/s: CPU s per 100,000", "cpu_per_100k", 2),
    ("limited", "the same, p50 µs", "p50_us", 0), ("limited", "the same, p99 µs", "p99_us", 0),
    ("limited", "the same, calls of 10,000 that failed", "failed_per_10k", 1),
    ("open2000", "2,000/s, % of a core", "core_percent", 1),
    ("slow", "2,000/s beside 1,000 slow heads, % of a core", "core_percent", 1),
    ("slow", "the same, p50 µs", "p50_us", 0), ("slow", "the same, p99 µs", "p99_us", 0),
    ("slow", "slow heads, of 1,000: closed", "closed", 0), ("slow", "of these with 408", "answered_408", 0),
    ("slow", "the last one closed after, s", "last_s", 2),
    ("unread", "32 endless streams that nobody reads, KiB each", "kb_per_stream", 0),
    ("unread", "the same, KiB that all grew by in the 2nd second", "late_kb", 0),
)  # fmt: skip
_REPORTED_WHO = ("direct", "sidecar", "nginx", "haproxy", "envoy")


def _cells(samples: gates.Samples, row: tuple[str, str, str, int], names: tuple[str, ...]) -> list[str]:
    """The medians of one row; empty where there are none."""
    workload, _, metric, digits = row
    cells = []
    for who in names:
        values = [sample[metric] for sample in samples.get(workload, {}).get(who, []) if sample and metric in sample]
        cells.append(_number(statistics.median(values), digits) if values else "")
    return cells


def absolute_table(samples: gates.Samples) -> list[str]:
    lines = ["| median of | " + " | ".join(_WHO) + " |", "|---|" + "---|" * len(_WHO)]
    for row in _ABSOLUTE:
        cells = _cells(samples, row, _WHO)
        if any(cells):
            lines.append(f"| {row[1]} | " + " | ".join(cells) + " |")
    return lines


def reported_table(samples: gates.Samples) -> list[str]:
    """Without gates: what else was measured, with the clean samples of those that were taken."""
    lines = []
    for row in _REPORTED:
        if taken := [sample for name in _REPORTED_WHO for sample in samples.get(row[0], {}).get(name, [])]:
            clean = sum(sample is not None for sample in taken)
            cells = " | ".join(_cells(samples, row, _REPORTED_WHO))
            lines.append(f"| {row[1]} | {cells} | {clean}/{len(taken)} |")
    head = ["| reported, median of | " + " | ".join(_REPORTED_WHO) + " | clean samples |",
            "|---|" + "---|" * (len(_REPORTED_WHO) + 1)]  # fmt: skip
    return [*head, *lines] if lines else []


def text(samples: gates.Samples, facts: dict[str, str]) -> str:
    lost, every = gates.dropped(samples)
    lines = [
        f"`{facts['command']}`, {facts['date']}, {facts['machine']}. Peers: {facts['peers']}. {facts['retries']} samples "
        f"were repeated because other processes used more than {facts['foreign']} core meanwhile; {lost} of {every} "
        f"stayed without a clean one.{facts['note']}",
        "", *gate_table(gates.rows(samples)), "", *absolute_table(samples), "", *reported_table(samples),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def write(path: pathlib.Path, new: str) -> None:
    """Replaces what stands between the two marks."""
    old = path.read_text(encoding="utf-8")
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n\n{new}\n{END}{tail}", encoding="utf-8")
