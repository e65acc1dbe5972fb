#!/usr/bin/env python3
"""Kills the enforcement controller at every write, on an API-only cluster of its own.

Usage: tests/cluster/enforcement_kills/run.py BINARY [GoogleTest options]
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from realcluster import Cluster  # noqa: E402


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cluster = Cluster("kills")
    cluster.up(tier="api")
    try:
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig)}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        cluster.down()


if __name__ == "__main__":
    sys.exit(main())
