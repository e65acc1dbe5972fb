#!/usr/bin/env python3
"""clang-format over the C++ files. Usage: tools/check_format.py [--fix]

Exit 1 lists the files that differ; `make fmt` mends them. The version is pinned: others format otherwise.
"""

import pathlib
import shutil
import subprocess
import sys

from source_files import CPP, tracked

TOOL = "clang-format-19"


def main():
    root = pathlib.Path(__file__).parent.parent
    if shutil.which(TOOL) is None:
        print(f"{TOOL} is missing. Next: make deps")
        return 1
    files = [str(path) for path in tracked(root) if path.suffix in CPP]
    if "--fix" in sys.argv[1:]:
        return subprocess.run([TOOL, "-i", *files], check=False).returncode
    bad = subprocess.run([TOOL, "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False)
    if bad.returncode == 0:
        print(f"format: {len(files)} files clean")
        return 0
    names = sorted({line.split(":", 1)[0] for line in bad.stderr.splitlines() if ": error:" in line})
    for name in names:
        print(f"{pathlib.Path(name).relative_to(root)}: not formatted. Next: make fmt")
    return 1


if __name__ == "__main__":
    sys.exit(main())
