"""The tables of docs/comparison.md, from comparison.json alone; nothing there between the marks is written by hand.

Usage: tests/failover/comparison_page.py     writes the page anew from the committed results

Needs no SDK, so that a check can do the same (comparison_test.py).
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from collections.abc import Sequence
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "comparison.json"
PAGE = HERE.parent.parent / "docs" / "comparison.md"
BEGIN, END = "<!-- comparison: begin, written by make comparison -->", "<!-- comparison: end -->"
VERDICTS = ("pass", "partial", "safe", "fail")  # the worst one last

# A column as it was measured: name, version, settings ([what it is, it] or null), missing (why there are no results)
# and results: one object a run with id, format, stream, retries, verdict, reason.
Column = dict[str, Any]


def _of(column: Column, scenario: str) -> list[dict[str, Any]]:
    return [result for result in column["results"] if result["id"] == scenario]


def verdict(column: Column, scenario: str) -> str:
    return max((result["verdict"] for result in _of(column, scenario)), key=VERDICTS.index, default=VERDICTS[0])


def _cell(column: Column, scenario: str) -> str:
    """The worst verdict, and of how many runs it is if not of all."""
    worst, results = verdict(column, scenario), _of(column, scenario)
    count = sum(result["verdict"] == worst for result in results)
    shown = f"**{worst}**" if worst == VERDICTS[0] else worst
    return shown if count == len(results) else f"{shown} ({count} of {len(results)})"


def _verdicts(scenarios: Sequence[Sequence[str]], columns: Sequence[Column]) -> list[str]:
    ids = [(scenario, title) for scenario, title in scenarios if all(_of(column, scenario) for column in columns)]
    lines = ["| | fault | " + " | ".join(c["name"] for c in columns) + " |", "|---|---|" + "---|" * len(columns)]
    for scenario, title in ids:
        lines.append(f"| {scenario} | {title} | " + " | ".join(_cell(c, scenario) for c in columns) + " |")
    for kind in VERDICTS:
        counts = [str(sum(verdict(c, scenario) == kind for scenario, _ in ids)) for c in columns]
        lines.append(f"| | {kind}, of {len(ids)} | " + " | ".join(counts) + " |")
    counts = [f"{sum(r['verdict'] == VERDICTS[0] for r in c['results'])} of {len(c['results'])}" for c in columns]
    return [*lines, "| | runs that pass | " + " | ".join(counts) + " |"]


def _mode(result: dict[str, Any]) -> str:
    return "/".join((
        result["format"], "stream" if result["stream"] else "plain", "retries" if result["retries"] else "no retries",
    ))  # fmt: skip


def _why(scenarios: Sequence[Sequence[str]], column: Column) -> list[str]:
    """Of each scenario that does not pass, its worst run."""
    lines = []
    for scenario, _ in scenarios:
        worst = verdict(column, scenario)
        if worst != VERDICTS[0]:
            result = next(r for r in _of(column, scenario) if r["verdict"] == worst)
            lines.append(f"| {scenario} | {worst} | {_mode(result)} | {result['reason']} |")
    if not lines:
        return []
    return ["", f"{column['name']}, one of the worst runs of each scenario that does not pass:", "",
            "| | verdict | run | what was seen |", "|---|---|---|---|", *lines]  # fmt: skip


def text(measured: dict[str, Any]) -> str:
    """What stands between the marks."""
    scenarios, columns = measured["scenarios"], measured["columns"]
    there = [column for column in columns if column["results"]]
    sdks = ", ".join(f"{name} {version}" for name, version in measured["sdks"].items())
    versions = "; ".join([f"{sdks} (Python {measured['python']})", *(c["version"] for c in columns if c["version"])])
    runs = sum(len(column["results"]) for column in there)
    busy = f"{measured['cores']} cores, load average {measured['load']:.1f}"
    lines = [f"`make comparison`, {measured['date']}, {runs} runs in {measured['seconds']} s, {busy}. Versions: {versions}.", ""]
    lines += [f"{c['name']} is left out: {' '.join(c['missing'].split())}\n" for c in columns if c["missing"]]
    lines += _verdicts(scenarios, there) if there else []
    for column in there:
        lines += _why(scenarios, column)
    for column in there:
        if column["settings"]:
            what, settings = column["settings"]
            lines += ["", f"{column['name']}, {what}:", "", _as_json(settings)]
    return "\n".join(lines) + "\n"


def _as_json(settings: object) -> str:
    """Indented, with lists of numbers on one line."""
    spread = json.dumps(settings, indent=2)
    short = re.sub(r"\[[\d,\s]+\]", lambda numbers: f"[{' '.join(numbers[0][1:-1].split())}]", spread)
    return f"```json\n{short}\n```"


def page(old: str, new: str) -> str:
    """`old` with `new` between the two marks."""
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{new}\n{END}{tail}"


def dumped(measured: dict[str, Any]) -> str:
    """comparison.json: one run a line, so that a diff shows what changed."""
    rows: list[str] = []

    def shelved(value: object) -> object:
        if isinstance(value, dict) and "verdict" in value:
            rows.append(json.dumps(value))
            return f"row {len(rows) - 1}"
        if isinstance(value, dict):
            return {key: shelved(item) for key, item in value.items()}
        return [shelved(item) for item in value] if isinstance(value, list | tuple) else value

    spread = json.dumps(shelved(measured), indent=1)
    return re.sub(r'"row (\d+)"', lambda row: rows[int(row[1])], spread) + "\n"


def load() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def write() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), text(load())), encoding="utf-8")


if __name__ == "__main__":
    write()
    sys.exit(0)
