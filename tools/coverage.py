#!/usr/bin/env python3
"""Line coverage of the pure parts, gate 90 %. Usage: tools/coverage.py BUILD_DIR

Exit 1 when libs/policy, libs/kube/core or any one of the controllers' decision files falls below the gate.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

GATE = 90.0
# The enforcement controller's decision is spread over decide, the state machine and the rules.
DECISION = re.compile(r"controllers/[a-z_]+/(decide|machine|rules)[a-z_]*\.cc$")
GROUPS = {
    "libs/policy": re.compile(r"libs/policy/"),
    "libs/kube/core": re.compile(r"libs/kube/core/"),
    "controllers, decisions": DECISION,
}
EVERY_FILE = {"controllers, decisions"}  # each file must reach the gate, not only all together


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.run(
        ["gcovr", "--root", str(root), "--json", "-", "-j", str(os.cpu_count()), "--exclude-unreachable-branches",
         "--filter", "libs/", "--filter", "controllers/", "--exclude", ".*/tests/.*", sys.argv[1]],
        capture_output=True, text=True, check=False, cwd=root,
    )
    if listed.returncode != 0:
        print(listed.stderr[-2000:])
        return 1
    failed = False
    files = json.loads(listed.stdout)["files"]
    for name, pattern in GROUPS.items():
        covered = total = 0
        worst = []
        for entry in files:
            if not entry["file"].endswith((".cc", ".h")) or not pattern.match(entry["file"]):
                continue
            lines = [line for line in entry["lines"] if not line.get("gcovr/noncode")]
            hit = sum(1 for line in lines if line["count"] > 0)
            covered, total = covered + hit, total + len(lines)
            if lines and 100.0 * hit / len(lines) < GATE:
                worst.append(f"    {entry['file']}: {100.0 * hit / len(lines):.1f} % of {len(lines)}")
        share = 100.0 * covered / total if total else 0.0
        print(f"{name}: {share:.1f} % of {total} lines (gate {GATE:.0f} %)")
        print("\n".join(worst), end="\n" if worst else "")
        failed = failed or share < GATE or (name in EVERY_FILE and bool(worst))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
