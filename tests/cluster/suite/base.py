"""What every module of the suite starts from: the running cluster and the installed product."""

import os
import re
import unittest

from kube import Kube, http_call


class SuiteCase(unittest.TestCase):
    """`run.py` puts the paths into the environment; a single module can be run by hand the same way."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.kube = Kube(os.environ["KUBECONFIG"], os.environ["SUITE_KUBECTL"])
        cls.helm = os.environ["SUITE_HELM"]
        cls.release_namespace = "agent-reliability-system"

    def operator_pods(self):
        return self.kube.list("Pod", self.release_namespace, "app.kubernetes.io/name=agent-reliability-operator")

    def leader(self):
        """Name of the operator pod that holds the lease."""
        for lease in self.kube.list("Lease", self.release_namespace):
            holder = lease["spec"].get("holderIdentity") or ""
            for pod in self.operator_pods():
                if pod["metadata"]["name"] in holder:
                    return pod["metadata"]["name"]
        return None

    def slo_totals(self, namespace):
        """{"good": n, "bad": n} of the namespace's SLO from the leader's metrics; {} while nobody leads."""
        line = re.compile(r'agent_reliability_slo_events_total\{[^}]*namespace="%s",result="(\w+)"[^}]*\} (\d+)' % namespace)
        for pod in self.operator_pods():
            try:
                text = http_call(pod["status"]["podIP"], "GET", "/metrics", timeout=5)[1]
            except (OSError, KeyError):
                continue  # starting or gone
            if re.search(r"^agent_reliability_leader 1", text, re.MULTILINE):
                return {result: int(value) for result, value in line.findall(text)}
        return {}
