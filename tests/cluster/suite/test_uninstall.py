"""`helm uninstall` gives every held workload back, and leaves pods starting without webhook errors. Runs last."""

import subprocess
import unittest

from base import SuiteCase
from kube import wait_for
from workload import Tenant


class Uninstall(SuiteCase):
    def test_uninstall_releases_what_is_held(self):
        tenant = Tenant(self.kube, "uninstall").create()
        self.addCleanup(tenant.close)
        tenant.budget_policy(recovery={"mode": "Manual", "holdFor": "5s"})
        tenant.slo()
        tenant.policy()
        tenant.deploy(replicas=2)
        pods = tenant.wait_ready(2)
        tenant.wait_covered(pods, slos=1)
        tenant.burn(pods)
        tenant.wait_mode("ScaledDown", timeout=120)
        wait_for("0 replicas", lambda: tenant.replicas() == 0, 60)
        done = subprocess.run([self.helm, "--kubeconfig", self.kube.kubeconfig, "uninstall", "agent-reliability", "-n",
                               self.release_namespace, "--timeout", "180s"], capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        wait_for("2 replicas as before", lambda: tenant.replicas() == 2, 60)
        tenant.kube.patch("Deployment", tenant.namespace, tenant.agent, {"spec": {"replicas": 1}})
        tenant.wait_ready(1)
        self.assertIsNotNone(self.kube.find("AgentSLO", tenant.namespace, "refunds-completed"),
                             "the objects of users stay")


if __name__ == "__main__":
    unittest.main()
