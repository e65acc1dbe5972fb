#!/usr/bin/env python3
"""Runs the suite on a real cluster: up, images, Helm install, the modules in order, down.

Usage: tests/cluster/suite/run.py [--keep] [--reuse] [--only MODULE[,MODULE]]

--keep   leaves the cluster running for a look (python3 tests/cluster/cluster.py down --name suite ends it)
--reuse  takes a running cluster and reinstalls the product
--only   runs these modules, for example --only test_breaker
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE.parent)]

from kube import Kube, wait_for  # noqa: E402
from realcluster import Cluster  # noqa: E402

NAME = "suite"
NAMESPACE = "agent-reliability-system"
# Order matters: the operator is restarted by some, and the last one uninstalls it.
MODULES = ["test_install", "test_injection", "test_breaker", "test_policy_latency", "test_fallback_chain",
           "test_enforcement", "test_exact_count", "test_api_outage", "test_idle", "test_uninstall"]


class Step:
    """Says what is being done and how long it took."""

    def __init__(self, what):
        self.what = what

    def __enter__(self):
        print(f"{self.what} ...", flush=True)
        self.started = time.monotonic()

    def __exit__(self, *error):
        print(f"  {time.monotonic() - self.started:.1f} s", flush=True)


def tool(cluster, name):
    """Path of one of the programs that the cluster was built with."""
    return shutil.which(name, path=cluster.environment()["PATH"])


class Telling(unittest.TextTestResult):
    """Shows what the operator said at the moment of a failure; later tests restart and remove it."""

    def addError(self, test, err):
        super().addError(test, err)
        self._tell()

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tell()

    def _tell(self):
        logs = subprocess.run(
            [os.environ["SUITE_KUBECTL"], "--kubeconfig", os.environ["KUBECONFIG"], "-n", NAMESPACE, "logs",
             "-l", "app.kubernetes.io/name=agent-reliability-operator", "--tail=40", "--prefix"],
            capture_output=True, text=True, check=False)
        print((logs.stdout or logs.stderr)[-12000:], flush=True)


def install(cluster):
    helm = [tool(cluster, "helm"), "--kubeconfig", str(cluster.kubeconfig)]
    command = [*helm, "upgrade", "--install", "agent-reliability", str(ROOT / "charts/agent-reliability-operator"),
               "-n", NAMESPACE, "--create-namespace", "--wait", "--timeout", "120s",
               "--set", "image.pullPolicy=Never", "--set", "sidecar.image.pullPolicy=Never"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        kube = ["--kubeconfig", str(cluster.kubeconfig), "-n", NAMESPACE]
        for arguments in (["get", "pods,events"], ["logs", "-l", "app.kubernetes.io/name=agent-reliability-operator", "--tail=40"]):
            print(subprocess.run([tool(cluster, "kubectl"), *kube, *arguments], capture_output=True, text=True,
                                 check=False).stdout)
        raise SystemExit(f"helm: {done.stdout}{done.stderr}")


def wait_for_webhook(cluster):
    """Ready pods have a certificate; the caBundle follows within seconds."""
    kube = Kube(cluster.kubeconfig, tool(cluster, "kubectl"))
    path = "apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    wait_for("the webhook's caBundle", lambda: any(
        hook["clientConfig"].get("caBundle") for item in kube.call("GET", path)["items"] for hook in item["webhooks"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--reuse", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    modules = options.only.split(",") if options.only else MODULES
    cluster = Cluster(NAME)
    if not options.reuse:
        with Step("stop what an earlier run left"):
            cluster.down()
    try:
        with Step("start a real Kubernetes"):
            cluster.up("node")
        with Step("load images"):
            for image in ("operator", "sidecar", "examples"):
                cluster.load_image(ROOT / "build" / "images" / f"{image}.tar")
        with Step("install the product with Helm"):
            install(cluster)
            if options.reuse:  # the tag stays the same, so new images need new pods
                cluster.kubectl("rollout", "restart", "deployment", "-n", NAMESPACE)
                cluster.kubectl("rollout", "status", "deployment", "-n", NAMESPACE, "--timeout=120s", timeout=130)
            wait_for_webhook(cluster)
        os.environ.update(
            KUBECONFIG=str(cluster.kubeconfig), SUITE_KUBECTL=tool(cluster, "kubectl"),
            SUITE_HELM=tool(cluster, "helm"), SUITE_CLUSTER=NAME, SUITE_AUDIT_LOG=str(cluster.layout.audit_log),
            SUITE_KUBE_CONFORMANCE=str(ROOT / "build/release/tests/cluster/kube_conformance/kube_conformance"))
        suite = unittest.TestSuite(
            unittest.defaultTestLoader.loadTestsFromName(name) for name in modules)
        result = unittest.TextTestRunner(verbosity=2, resultclass=Telling).run(suite)
        good = result.wasSuccessful() and result.testsRun > 0
        return 0 if good else 1
    finally:
        if not options.keep:
            with Step("stop the cluster"):
                cluster.down()


if __name__ == "__main__":
    sys.exit(main())
