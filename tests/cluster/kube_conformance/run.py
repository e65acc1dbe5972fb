#!/usr/bin/env python3
"""Runs the conformance test of our Kubernetes client and runtime against an API-only cluster of its own.

Usage: tests/cluster/kube_conformance/run.py BINARY [GoogleTest options]
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from realcluster import Cluster, binaries  # noqa: E402


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cluster = Cluster("kubetest")
    cluster.up(tier="api")
    try:
        compact = f"nsenter --net=/run/netns/arc-kubetest {binaries.program('etcdctl')} compact"
        component = f"{sys.executable} {ROOT / 'tests/cluster/cluster.py'} {{}}-component kube-apiserver --name kubetest"
        environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "KUBE_CONFORMANCE_COMPACT": compact,
                       "KUBE_CONFORMANCE_STOP": component.format("stop"),
                       "KUBE_CONFORMANCE_START": component.format("start")}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        cluster.down()


if __name__ == "__main__":
    sys.exit(main())
