#!/usr/bin/env python3
"""Writes docs/error-classes.md from libs/policy/error_classes.inc, the table that the code uses.

Usage: tools/gen_error_classes.py [--check]     --check writes nothing and exits 1 if the page differs.
"""

import difflib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "libs" / "policy" / "error_classes.inc"
PAGE = ROOT / "docs" / "error-classes.md"

ROW = re.compile(r"^ERROR_CLASS\((.*)\)  // (.+)$")
CELL = re.compile(r'"(?:[^"\\]|\\.)*"|[^,\s]+')
COLUMNS = ["member", "name", "breaker", "call", "turn", "again", "next", "acted", "http", "anthropic",
           "openai_type", "anthropic_type", "go_on", "advice"]

WORDS = {
    "breaker": {"kSuccess": "success", "kFailure": "failure", "kHold": "hold until the named time", "kIgnored": "–",
                "kQuotaOpen": "opens at once for 5 min", "kNeutral": "neutral"},
    "call": {"kGood": "good", "kBad": "bad", "kNoEvent": "no event"},
    "turn": {"kSpoils": "bad", "kSpares": "–"},
    "again": {"kAgain": "yes", "kNever": "no"},
    "next": {"kNext": "yes", "kNoNext": "no", "kLarger": "if its context is larger"},
    "acted": {"kMayAct": "maybe", "kNoAct": "no"},
}

INTRO = """\
# Error classes

One enum says what became of a call. Retries, circuit breakers, SLOs, metrics, logs and the answers that the sidecar
makes itself read the same row, so they cannot disagree. Made from `libs/policy/error_classes.inc` by `make docs`; do
not edit.

A provider's error is classified by its body before its status, as a spent quota and a rate limit are both 429
(`libs/policy/classifier.cc`). What an upstream answered is passed on as it is, status and body. The wire columns are for
answers that the sidecar makes itself; each carries the class as `error_type` and in the header `x-agent-error-class`.

- **same target again**: a retry is possible, if the call may be repeated (`libs/policy/replay.h`) and nothing of an
  answer was passed on. Wait, budget and time: `spec.retries` of [AgentReliabilityPolicy](reference/agentreliabilitypolicy.md).
- **next target**: for chains of providers. `auth` and `not_found` end the call only where the agent asked for it: at a
  tier that stands in, key and model are not the agent's, so the next place is asked, and after the last one the agent
  gets the chain's fixed text or `all_targets_failed`.
- **may have acted**: a tool call that must not be repeated is then answered with `outcome: unknown`,
  `verify_before_retry: true`.
- **breaker**: what one attempt does to its circuit breakers. *neutral* and – free a probe's place and count for nothing.
- **tool call, turn**: the verdicts for ToolCallSuccess, and for TaskSuccess if the last call of a tool ends so.
"""


def parse(text):
    rows = []
    for line in text.splitlines():
        if match := ROW.match(line):
            cells = CELL.findall(match.group(1))
            if len(cells) != len(COLUMNS):
                raise SystemExit(f"error classes: {len(cells)} columns instead of {len(COLUMNS)}: {line}")
            row = dict(zip(COLUMNS, (cell.strip('"') for cell in cells)))
            rows.append(row | {"meaning": match.group(2)})
    return rows


def word(row, column):
    return WORDS[column][row[column]]


def wire(row):
    if row["http"] == "0":
        return "never made"
    if row["http"] == row["anthropic"]:
        return row["http"]
    return f"{row['http']}, Anthropic {row['anthropic']}"


def page(rows):
    lines = [INTRO, "| class | meaning | same target again | next target | may have acted | breaker | tool call | turn |",
             "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        cells = [f"`{row['name']}`", row["meaning"]] + [word(row, c) for c in ("again", "next", "acted", "breaker", "call", "turn")]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## On the wire", "",
              "MCP tool calls get HTTP 200 and a result with `isError: true`; plain HTTP tools `application/problem+json` with the",
              "HTTP status of the table.", "", "| class | HTTP | OpenAI `type` | Anthropic `type` | `recoverable` |", "|---|---|---|---|---|"]
    for row in rows:
        if row["http"] != "0":
            go_on = "true" if row["go_on"] == "kGoesOn" else "false"
            lines.append(f"| `{row['name']}` | {wire(row)} | `{row['openai_type']}` | `{row['anthropic_type']}` | {go_on} |")
    return "\n".join(lines) + "\n"


def main():
    wanted = page(parse(TABLE.read_text(encoding="utf-8")))
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    name = str(PAGE.relative_to(ROOT))
    if old == wanted:
        print("error classes: up to date")
        return 0
    if "--check" in sys.argv[1:]:
        sys.stdout.writelines(list(difflib.unified_diff(old.splitlines(True), wanted.splitlines(True), name, name))[:40])
        print("error classes: out of date. Next: make docs")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"error classes: wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
