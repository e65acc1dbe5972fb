"""What the installation looks like to a user."""

import os
import subprocess
import unittest

from base import SuiteCase
from kube import wait_for


class Install(SuiteCase):
    def test_release(self):
        deployment = next(item for item in self.kube.list("Deployment", self.release_namespace))
        self.assertEqual(2, deployment["status"].get("readyReplicas"))
        pods = self.operator_pods()
        self.assertEqual(2, len(pods))
        for pod in pods:
            self.assertTrue(pod["spec"]["securityContext"]["runAsNonRoot"])
        leader = wait_for("a leader", self.leader, 60)
        self.assertIn(leader, [pod["metadata"]["name"] for pod in pods])

    def test_notes_and_explain(self):
        notes = subprocess.run([self.helm, "--kubeconfig", self.kube.kubeconfig, "get", "notes", "agent-reliability",
                                "-n", self.release_namespace], capture_output=True, text=True, check=True).stdout
        self.assertIn("kubectl label namespace", notes)
        text = self.kube.kubectl("explain", "agentslo.spec.objective")
        self.assertIn("DESCRIPTION", text)

    def test_permissions_are_the_least(self):
        account = f"system:serviceaccount:{self.release_namespace}:" + next(
            pod["spec"]["serviceAccountName"] for pod in self.operator_pods())
        for verb, resource in (("list", "secrets"), ("list", "configmaps"), ("delete", "deployments"),
                               ("create", "pods/exec"), ("update", "agentslos"), ("delete", "pods")):
            answer = self.kube.kubectl("auth", "can-i", verb, resource, "--all-namespaces", f"--as={account}",
                                       check=False).strip()
            self.assertEqual("no", answer, f"{verb} {resource}")

    def test_conformance_of_the_client(self):
        """The C++ client and runtime against this API server."""
        done = subprocess.run([os.environ["SUITE_KUBE_CONFORMANCE"]], capture_output=True, text=True, check=False,
                              env=dict(os.environ, KUBECONFIG=self.kube.kubeconfig), timeout=300)
        self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-3000:])


if __name__ == "__main__":
    unittest.main()
