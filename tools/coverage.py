#!/usr/bin/env python3
"""Line coverage of the pure parts, gate 90 %. Usage: tools/coverage.py BUILD_DIR

Exit 1 when libs/policy, libs/kube/core or the controllers' decide.cc fall below the gate.
"""

import json
import pathlib
import subprocess
import sys

GATE = 90.0
GROUPS = {
    "libs/policy": lambda path: path.startswith("libs/policy/"),
    "libs/kube/core": lambda path: path.startswith("libs/kube/core/"),
    "controllers/*/decide*.cc": lambda path: path.startswith("controllers/") and "/decide" in path,
}


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.run(
        ["gcovr", "--root", str(root), "--json", "-", "--exclude-unreachable-branches",
         "--filter", "libs/", "--filter", "controllers/", "--exclude", ".*/tests/.*", sys.argv[1]],
        capture_output=True, text=True, check=False, cwd=root,
    )
    if listed.returncode != 0:
        print(listed.stderr[-2000:])
        return 1
    failed = False
    for name, belongs in GROUPS.items():
        covered = total = 0
        worst = []
        for entry in json.loads(listed.stdout)["files"]:
            if not entry["file"].endswith((".cc", ".h")) or not belongs(entry["file"]):
                continue
            lines = [line for line in entry["lines"] if not line.get("gcovr/noncode")]
            hit = sum(1 for line in lines if line["count"] > 0)
            covered, total = covered + hit, total + len(lines)
            if lines and 100.0 * hit / len(lines) < GATE:
                worst.append(f"    {entry['file']}: {100.0 * hit / len(lines):.1f} % of {len(lines)}")
        share = 100.0 * covered / total if total else 0.0
        print(f"{name}: {share:.1f} % of {total} lines (gate {GATE:.0f} %)")
        print("\n".join(worst), end="\n" if worst else "")
        failed = failed or share < GATE
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
