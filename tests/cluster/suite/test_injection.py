"""An unchanged agent is injected under restricted Pod Security; what must not be injected is not."""

import unittest

from base import SuiteCase
from kube import condition, wait_for
from workload import Tenant


class Injection(SuiteCase):
    def setUp(self):
        # A namespace of its own: one that is being deleted accepts nothing new.
        self.tenant = Tenant(self.kube, "inject-" + self.id().rsplit("_", 1)[-1]).create()
        self.addCleanup(self.tenant.close)

    def test_policy_and_deployment_applied_together(self):
        """The webhook asks the API server itself when its cache has not seen the policy yet."""
        self.tenant.policy()
        self.tenant.deploy(replicas=2)
        pods = self.tenant.wait_ready(2)
        for pod in pods:
            first = pod["spec"]["initContainers"][0]
            self.assertEqual("agent-reliability-sidecar", first["name"])
            self.assertEqual("Always", first["restartPolicy"])
            env = {entry["name"]: entry.get("value") for entry in pod["spec"]["containers"][0]["env"]}
            self.assertEqual("http://127.0.0.1:15100/llm/openai/v1", env["OPENAI_BASE_URL"])
            self.assertEqual("http://127.0.0.1:15100/mcp/orders", env["ORDERS_MCP_URL"])
        deployment = self.kube.get("Deployment", self.tenant.namespace, self.tenant.agent)
        self.assertNotIn("initContainers", deployment["spec"]["template"]["spec"], "GitOps must see no drift")
        wait_for("coverage 2/2", lambda: self.tenant.covered() == "2/2")
        status, body, _ = self.tenant.ask(pods[0], "Where is order 7?")
        self.assertEqual((200, "answered"), (status, body["outcome"]), body)
        keys = self.tenant.counts()["keys"]
        self.assertEqual(2, keys["llm:openai/gpt-4o"]["received"], keys)
        self.assertTrue(any(key.startswith("mcp:") and key.endswith("/search") for key in keys), keys)

    def test_pods_older_than_the_policy_are_counted_and_named(self):
        self.tenant.deploy(replicas=1)
        self.tenant.wait_ready(1)
        self.tenant.policy()
        wait_for("coverage 0/1", lambda: self.tenant.covered() == "0/1")
        wait_for("SidecarsCovered=False", lambda: (condition(
            self.kube.get("AgentReliabilityPolicy", self.tenant.namespace, "refunds"),
            "SidecarsCovered") or ("",))[0] == "False")
        event = wait_for("the event", lambda: self.kube.events(self.tenant.namespace, "SidecarMissing"))[0]
        self.assertIn("kubectl rollout restart deployment/refunds-agent", event["note"])

    def test_untargeted_pod_is_left_alone(self):
        self.tenant.deploy(replicas=1)
        pod = self.tenant.wait_ready(1)[0]
        self.assertFalse(pod["spec"].get("initContainers"))


if __name__ == "__main__":
    unittest.main()
