#!/usr/bin/env python3
"""Makes the virtual environment of the interop tests and prints its Python.

It lies under $XDG_CACHE_HOME (default ~/.cache), named by the hash of requirements.txt, and is reused as long
as that does not change. Usage: tests/interop/setup.py
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"


def cache_root() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "agent-reliability"


def ensure() -> pathlib.Path:
    """The Python of a complete environment; makes it if need be. Safe to call from several processes."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()[:16]
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    target = root / f"interop-{key}"
    python = target / "bin" / "python3"
    with open(root / f"interop-{key}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (target / "complete").exists():
            return python
        print(f"interop: making {target} (pinned SDKs from the package index)", file=sys.stderr)
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
        subprocess.run(
            [
                str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS),
            ],
            check=True,
        )  # fmt: skip
        (target / "complete").touch()
    return python


def main() -> int:
    try:
        print(ensure())
    except (OSError, subprocess.CalledProcessError) as problem:
        print(
            f"interop: cannot make the environment: {problem}\n"
            "It needs python3-venv and access to a Python package index (pip configuration is honoured).",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
