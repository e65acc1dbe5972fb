#!/usr/bin/env python3
"""Checks that files stay small: 400 lines at most, tests 600.

Usage: tools/check_sizes.py [ROOT]     exit 1 lists each longer file.
"""

import pathlib
import sys

from source_files import tracked

SUFFIXES = {".cc", ".h", ".py", ".sh"}


def limit(path):
    return 600 if path.startswith("tests/") else 400


def violations(root):
    root = pathlib.Path(root)
    found = []
    for file in tracked(root):
        path = file.relative_to(root).as_posix()
        if file.suffix not in SUFFIXES:
            continue
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > limit(path):
            found.append(f"{path}: {lines} lines, at most {limit(path)}: is there a second idea in it?")
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = violations(root)
    print("\n".join(found) if found else "sizes: every file within its limit")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
