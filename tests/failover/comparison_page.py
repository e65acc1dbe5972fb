"""The tables of docs/comparison.md; nothing there between the marks is written by hand."""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from runs import Result
from scenarios import SCENARIOS
from verdict import Verdict, worst

BEGIN, END = "<!-- comparison: begin, written by make comparison -->", "<!-- comparison: end -->"
_REASON_CHARACTERS = 150


@dataclass(frozen=True)
class Column:
    name: str
    results: list[Result]
    version: str = ""
    settings: tuple[str, object] | None = None  # what it is, and it
    missing: str = ""  # why there are no results


def _of(column: Column, scenario: str) -> list[Result]:
    return [result for result in column.results if result.run.id == scenario]


def _verdict(column: Column, scenario: str) -> Verdict:
    return worst([result.verdict for result in _of(column, scenario)])


def _cell(column: Column, scenario: str) -> str:
    """The worst verdict, and of how many runs it is if not of all."""
    verdict, results = _verdict(column, scenario), _of(column, scenario)
    count = sum(result.verdict is verdict for result in results)
    shown = f"**{verdict}**" if verdict is Verdict.PASS else str(verdict)
    return shown if count == len(results) else f"{shown} ({count} of {len(results)})"


def _verdicts(columns: Sequence[Column]) -> list[str]:
    ids = [(s.id, s.title) for s in SCENARIOS if all(_of(column, s.id) for column in columns)]
    lines = ["| | fault | " + " | ".join(c.name for c in columns) + " |", "|---|---|" + "---|" * len(columns)]
    for scenario, title in ids:
        lines.append(f"| {scenario} | {title} | " + " | ".join(_cell(c, scenario) for c in columns) + " |")
    for verdict in Verdict:
        counts = [str(sum(_verdict(c, scenario) is verdict for scenario, _ in ids)) for c in columns]
        lines.append(f"| | {verdict}, of {len(ids)} | " + " | ".join(counts) + " |")
    counts = [f"{sum(r.verdict is Verdict.PASS for r in c.results)} of {len(c.results)}" for c in columns]
    return [*lines, "| | runs that pass | " + " | ".join(counts) + " |"]


def _reason(result: Result) -> str:
    """The first check that failed, else what became of the call, without what differs from run to run."""
    reasons = [" ".join(reason.split()) for reason in result.reasons]
    checks = [reason.partition(": ")[2] for reason in reasons if reason.startswith(("required", "advisory"))]
    text = "; ".join(dict.fromkeys(checks or reasons[-1:]))
    if any(reason in ("hang", "cut answer shown as a success") for reason in reasons):
        text = f"{reasons[0]}; {reasons[-1]}"
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text).replace("|", "/").replace("`", "'").replace("<", "&lt;")
    return text if len(text) <= _REASON_CHARACTERS else text[:_REASON_CHARACTERS].rsplit(" ", 1)[0] + " …"


def _why(column: Column) -> list[str]:
    """Of each scenario that does not pass, its worst run."""
    lines = []
    for scenario in SCENARIOS:
        results = _of(column, scenario.id)
        if results and (verdict := _verdict(column, scenario.id)) is not Verdict.PASS:
            result = next(r for r in results if r.verdict is verdict)
            lines.append(f"| {scenario.id} | {verdict} | {result.run.mode} | {_reason(result)} |")
    if not lines:
        return []
    return ["", f"{column.name}, one of the worst runs of each scenario that does not pass:", "",
            "| | verdict | run | what was seen |", "|---|---|---|---|", *lines]  # fmt: skip


def text(columns: Sequence[Column], seconds: float) -> str:
    there = [column for column in columns if column.results]
    sdks = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("openai", "anthropic"))
    versions = "; ".join([f"{sdks} (Python {platform.python_version()})", *(c.version for c in columns if c.version)])
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    runs = sum(len(column.results) for column in there)
    busy = f"{os.cpu_count()} cores, load average {os.getloadavg()[1]:.1f}"
    lines = [f"`make comparison`, {date}, {runs} runs in {seconds:.0f} s, {busy}. Versions: {versions}.", ""]
    lines += [f"{c.name} is left out: {' '.join(c.missing.split())}\n" for c in columns if c.missing]
    lines += _verdicts(there) if there else []
    for column in there:
        lines += _why(column)
    for column in there:
        if column.settings:
            lines += ["", f"{column.name}, {column.settings[0]}:", "", as_json(column.settings[1])]
    return "\n".join(lines) + "\n"


def as_json(settings: object) -> str:
    """Indented, with lists of numbers on one line."""
    spread = json.dumps(settings, indent=2)
    short = re.sub(r"\[[\d,\s]+\]", lambda numbers: f"[{' '.join(numbers[0][1:-1].split())}]", spread)
    return f"```json\n{short}\n```"


def write(path: pathlib.Path, new: str) -> None:
    """Replaces what stands between the two marks."""
    head, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n\n{new}\n{END}{tail}", encoding="utf-8")
