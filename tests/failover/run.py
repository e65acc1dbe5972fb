#!/usr/bin/env python3
"""Failover: the official SDKs through the real sidecar while its upstreams fail; 16 scenarios and what is beside them.

Usage: tests/failover/run.py --sidecar BINARY [options of suite.py; --help lists them]
       tests/failover/run.py --group direct          the SDKs alone, no sidecar
       tests/failover/run.py --comparison --sidecar BINARY [options of comparison.py]
"""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
INTEROP = HERE.parent / "interop"
sys.path.insert(0, str(INTEROP))

import setup  # noqa: E402  (of the interop tests: the environment with the SDKs)


def main() -> int:
    arguments = sys.argv[1:]
    suite = "suite.py"
    if "--comparison" in arguments:
        arguments.remove("--comparison")
        suite = "comparison.py"
    binary = os.environ.get("AGENT_RELIABILITY_SIDECAR")
    if "--sidecar" in arguments:
        at = arguments.index("--sidecar")
        binary = arguments[at + 1] if at + 1 < len(arguments) else None
        del arguments[at : at + 2]
    needs_none = "--help" in arguments or ("direct" in arguments and arguments.count("--group") == 1)
    if not needs_none and (not binary or not os.access(binary, os.X_OK)):
        print("failover: name the built binary: --sidecar build/dev/sidecar/agent-reliability-sidecar")
        return 2
    if binary:
        os.environ["AGENT_RELIABILITY_SIDECAR"] = os.path.abspath(binary)
    python = setup.ensure()
    os.environ["PYTHONPATH"] = f"{HERE}:{INTEROP}"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execv(python, [str(python), str(HERE / suite), *arguments])


if __name__ == "__main__":
    sys.exit(main())
