#!/usr/bin/env python3
"""Checks that what the pages name exists: links, paths of this repository in backticks, reasons of events.

docs/events.md must have a row for each reason of libs/api/event_reasons.h and for nothing else, and the code must emit
each of them. docs/metrics.md must name each series of the sidecar and no other.

Usage: tools/check_docs.py [ROOT]     exit 1 lists what is dead or missing.
"""

import pathlib
import re
import sys

from source_files import CPP, tracked

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
TOP = r"(?:crds|charts|operator|controllers|sidecar|libs|examples|tests|docs|cmake|tools|deploy|\.ci)"
PATH = re.compile(r"`(" + TOP + r"/[A-Za-z0-9_./*{},<>-]*|Containerfile|Makefile)`")
MAKE = re.compile(r"`make ([a-z-]+)")
REASONS = "libs/api/event_reasons.h"
EVENTS = "docs/events.md"
REASON = re.compile(r"inline constexpr EventReason k(\w+)\{\"(\w+)\"\};")
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
METRICS = "docs/metrics.md"
SERIES = re.compile(r"\bagent_reliability_\w*\w\b")
MADE = re.compile(r"(?:\bEventReason\s*[({]|\bEventType::k\w+,)\s*\"")


def expand(pattern):
    """`a/{b,c}.h` names two files."""
    match = re.search(r"\{([^}]*)\}", pattern)
    if not match:
        return [pattern]
    return [name for part in match.group(1).split(",")
            for name in expand(pattern[:match.start()] + part + pattern[match.end():])]


def reason_violations(root):
    header, page = root / REASONS, root / EVENTS
    if not header.exists():
        return []
    found = []
    reasons = set()
    for constant, text in REASON.findall(header.read_text(encoding="utf-8")):
        reasons.add(text)
        if constant != text:
            found.append(f"{REASONS}: k{constant} is \"{text}\"")
    code = {}
    for file in tracked(root):
        if file.suffix in CPP and file != header and file.relative_to(root).parts[0] != "tests":
            code[file.relative_to(root).as_posix()] = file.read_text(encoding="utf-8")
    used = set(re.findall(r"\breasons::k(\w+)", "\n".join(code.values())))
    rows = ROW.findall(page.read_text(encoding="utf-8")) if page.exists() else []
    found += [f"{EVENTS}: reason {name} is missing. Next: say what it means and what to do"
              for name in sorted(reasons - set(rows))]
    found += [f"{EVENTS}: there is no reason {name}" for name in sorted(set(rows) - reasons)]
    found += [f"{EVENTS}: reason {name} has two rows" for name in sorted({r for r in rows if rows.count(r) > 1})]
    found += [f"{REASONS}: no code emits {name}" for name in sorted(reasons - used)]
    found += [f"{name}: makes an event reason of its own. Next: add it to {REASONS}"
              for name, text in code.items() if MADE.search(text)]
    return found


def series_violations(root):
    page = root / METRICS
    made = {name for file in tracked(root) if file.suffix in CPP
            and file.relative_to(root).as_posix().startswith("sidecar/telemetry/")
            for name in re.findall(r'"(agent_reliability_\w+)"', file.read_text(encoding="utf-8"))}
    named = set(SERIES.findall(page.read_text(encoding="utf-8"))) if page.exists() else set()
    return ([f"{METRICS}: series {name} is missing. Next: say what it counts" for name in sorted(made - named)] +
            [f"{METRICS}: there is no series {name}" for name in sorted(named - made)])


def violations(root):
    root = pathlib.Path(root)
    targets = set()
    if (root / "Makefile").exists():
        for line in (root / "Makefile").read_text(encoding="utf-8").splitlines():
            if match := re.match(r"^([a-z -]+):", line):
                targets.update(match.group(1).split())
    found = reason_violations(root) + series_violations(root)
    for file in tracked(root):
        if file.suffix != ".md":
            continue
        name = file.relative_to(root).as_posix()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for match in LINK.finditer(re.sub(r"`[^`]*`", "", line)):
                target = match.group(1)
                if "://" not in target and not target.startswith("mailto:") and not (file.parent / target).exists():
                    found.append(f"{name}:{number}: link to {target}, which does not exist")
            for match in PATH.finditer(line):
                for path in expand(match.group(1)):
                    if "<" in path or path in ("tools/call", "tools/list"):  # methods of MCP
                        continue
                    hits = list(root.glob(path)) if "*" in path else [root / path]
                    if not any(hit.exists() for hit in hits):
                        found.append(f"{name}:{number}: {path} does not exist")
            for match in MAKE.finditer(line):
                if targets and match.group(1) not in targets:
                    found.append(f"{name}:{number}: there is no target `make {match.group(1)}`")
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = violations(root)
    print("\n".join(found) if found else "docs: every link, path, make target, event reason and series exists")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
