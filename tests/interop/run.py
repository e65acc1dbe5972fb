#!/usr/bin/env python3
"""Runs interop tests: the official SDKs against the simulator, directly and through the real sidecar.

Usage: tests/interop/run.py [--sidecar BINARY] [--direct] [MODULE[.CLASS[.TEST]] ...]
  --direct   only the tests that need no sidecar
Without module names every *_test.py runs. The environment of setup.py is made if it is missing.
"""

import argparse
import os
import pathlib
import sys

import setup

HERE = pathlib.Path(__file__).resolve().parent
DIRECT = ("simulator_test", "simulator_responses_test", "manifests_test", "agent_test.Alone", "translation_test")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sidecar", default=os.environ.get("AGENT_RELIABILITY_SIDECAR"))
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    names = args.names or (
        list(DIRECT) if args.direct else sorted(p.stem for p in HERE.glob("*_test.py"))
    )
    if not args.direct:
        if not args.sidecar or not os.access(args.sidecar, os.X_OK):
            print("interop: name the built binary: --sidecar build/dev/sidecar/agent-reliability-sidecar")
            return 2
        os.environ["AGENT_RELIABILITY_SIDECAR"] = os.path.abspath(args.sidecar)
    python = setup.ensure()
    os.environ["PYTHONPATH"] = f"{HERE}:{HERE.parent.parent / 'examples'}"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.chdir(HERE)
    os.execv(python, [str(python), "-m", "unittest", "-v", *names])


if __name__ == "__main__":
    sys.exit(main())
