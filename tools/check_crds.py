#!/usr/bin/env python3
"""Checks that no key of a CRD reads as a boolean: YAML 1.1, which Kubernetes uses, takes a bare `n:` as false.

Usage: tools/check_crds.py [ROOT]     exit 1 lists each such key.
"""

import pathlib
import re
import sys

BOOLEAN_KEY = re.compile(r"^\s*(?:- )?\{?\s*(y|n|yes|no|on|off|true|false)\s*:", re.IGNORECASE)


def violations(root):
    root = pathlib.Path(root)
    return [f"{path.relative_to(root)}:{number}: quote the key {match.group(1)!r}"
            for path in sorted((root / "crds").glob("*.yaml"))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if (match := BOOLEAN_KEY.match(line))]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = violations(root)
    print("\n".join(found) if found else "crds: every key is a string")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
