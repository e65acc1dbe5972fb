#!/usr/bin/env python3
"""Checks for constructs that the project does not use, and says what to use instead.

Usage: tools/check_bans.py [ROOT]     exit 1 lists each place.
"""

import pathlib
import re
import sys

from source_files import CPP, code_only, tracked

# Files that may catch: the edges where a library or an entry point throws at us.
CATCH = re.compile(
    r"^(libs/http/cpprest_transport\.cc|libs/yaml/.*\.cc|.*/json_parse\.(h|cc)|.*main\.cc|libs/net/.*|"
    r"libs/kube/runtime/.*|sidecar/proxy/.*|sidecar/app\.cc|operator/app\.cc)$")

# (name, pattern, where it applies, advice); `where` gets the path and says whether the rule holds.
RULES = [
    ("throw", re.compile(r"\bthrow\b"), lambda p: True,
     "return a Result<T> (libs/base/result.h)"),
    ("catch", re.compile(r"\bcatch\s*\("), lambda p: not CATCH.match(p),
     "catch only in the adapter files that tools/check_bans.py names"),
    ("clock", re.compile(r"(_clock::now\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)|\bgettimeofday\b|\bclock_gettime\b)"),
     lambda p: p.startswith(("libs/policy/", "libs/sidecar_config/")) or p.endswith("/decide.cc"),
     "decisions take the time as an argument"),
    ("random", re.compile(r"\b(std::)?(rand|srand|random_device)\s*[({]"),
     lambda p: not p.startswith("libs/base/"), "take an Rng& (libs/base/rng.h)"),
    ("sleep", re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b"), lambda p: True,
     "wait with Clock::WaitFor, which a stop request ends"),
    ("detach", re.compile(r"\.\s*detach\s*\(\s*\)\s*;"), lambda p: True, "use std::jthread and join"),
    ("using namespace", re.compile(r"\busing\s+namespace\b"), lambda p: True, "name what you use"),
    ("threads in policy", re.compile(r"\bstd::(mutex|jthread|thread|atomic|condition_variable)\b"),
     lambda p: p.startswith("libs/policy/"), "libs/policy is pure: its owner's thread calls it"),
    ("cout", re.compile(r"\bstd::(cout|cerr)\b"), lambda p: not p.endswith("main.cc"),
     "log with libs/base/log.h"),
]


def violations(root):
    root = pathlib.Path(root)
    found = []
    for file in tracked(root):
        path = file.relative_to(root).as_posix()
        if file.suffix not in CPP or path.startswith(("tests/", "examples/")):
            continue
        code = code_only(file.read_text(encoding="utf-8"))
        for name, pattern, where, advice in RULES:
            if not where(path):
                continue
            for match in pattern.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                found.append(f"{path}:{line}: {name}: {advice}")
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = violations(root)
    print("\n".join(found) if found else "bans: none found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
