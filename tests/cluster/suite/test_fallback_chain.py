"""A policy's fallback chain reaches the sidecars: configuration at once, keys of tiers with new pods."""

import os
import subprocess
import unittest

from base import SuiteCase
from kube import condition, wait_for
from workload import Tenant

SECRETS = "/etc/agent-reliability/secrets/"


class FallbackChain(SuiteCase):
    def setUp(self):
        self.tenant = Tenant(self.kube, "chain-" + self.id().rsplit("_", 1)[-1]).create()
        self.addCleanup(self.tenant.close)

    def chain(self, timeout="2s"):
        self.kube.apply({
            "apiVersion": "agentreliability.dev/v1alpha1", "kind": "LLMFallbackChain",
            "metadata": {"name": "ladder", "namespace": self.tenant.namespace},
            "spec": {"tiers": [
                {"name": "primary", "provider": "openai", "timeout": timeout},
                {"name": "second", "provider": "other", "endpoint": self.tenant.llm_url, "format": "OpenAI",
                 "model": "gpt-4o-mini", "secretRef": {"name": "second", "key": "api-key"}, "timeout": timeout}],
                "terminal": {"type": "StaticResponse", "text": "{{.agent}} cannot answer: {{.reason}}"}}})

    def state(self, kind, name, condition_type):
        return condition(self.kube.get(kind, self.tenant.namespace, name), condition_type) or ("", "", "")

    def wait_reason(self, kind, name, condition_type, reason):
        return wait_for(f"{kind} {condition_type} {reason}", lambda: (
            state if (state := self.state(kind, name, condition_type))[1] == reason else None))[2]

    def test_references_are_resolved_as_they_appear(self):
        self.tenant.policy(fallbackChainRef={"name": "ladder"})
        self.wait_reason("AgentReliabilityPolicy", "refunds", "Accepted", "TargetNotFound")
        self.tenant.deploy(replicas=1)
        old = self.tenant.wait_ready(1)[0]
        self.wait_reason("AgentReliabilityPolicy", "refunds", "ResolvedRefs", "ChainNotFound")
        self.chain()
        message = self.wait_reason("AgentReliabilityPolicy", "refunds", "ResolvedRefs", "RestartRequired")
        self.assertIn(old["metadata"]["name"], message)
        self.assertIn("kubectl rollout restart deployment/refunds-agent", message)
        wait_for("the sidecar to take the chain without its key", lambda: self.tenant.covered() == "1/1")
        self.wait_reason("LLMFallbackChain", "ladder", "Programmed", "RestartRequired")

        self.kube.kubectl("rollout", "restart", "deployment/" + self.tenant.agent, "-n", self.tenant.namespace)
        self.wait_reason("AgentReliabilityPolicy", "refunds", "ResolvedRefs", "ResolvedRefs")
        # The Secret does not exist: the tier is skipped, the agent starts nevertheless.
        pod = self.tenant.wait_ready(1)[0]
        self.assertNotEqual(old["metadata"]["name"], pod["metadata"]["name"])
        sidecar, agent = pod["spec"]["initContainers"][0], pod["spec"]["containers"][0]
        mounts = {mount["mountPath"]: mount for mount in sidecar["volumeMounts"]}
        self.assertTrue(mounts[SECRETS + "second"]["readOnly"])
        self.assertFalse([m for m in agent.get("volumeMounts", []) if m["mountPath"].startswith(SECRETS)])
        secret = next(v["secret"] for v in pod["spec"]["volumes"] if v["name"] == mounts[SECRETS + "second"]["name"])
        self.assertEqual((True, [{"key": "api-key", "path": "api-key"}]), (secret["optional"], secret["items"]))
        wait_for("coverage 1/1", lambda: self.tenant.covered() == "1/1")
        self.wait_reason("LLMFallbackChain", "ladder", "Programmed", "Programmed")

    def test_an_outage_is_answered_by_the_second_tier_and_the_chain_says_so(self):
        space = self.tenant.namespace
        self.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "second", "namespace": space},
                         "stringData": {"api-key": "a-key"}})
        self.chain(timeout="10s")
        # Only the first tier fails here: on a machine that is short of CPU all else may take its time.
        self.tenant.policy(fallbackChainRef={"name": "ladder"}, turn={"timeout": "30s", "synthesisReserve": "1s"},
                           timeouts={"llm": "10s", "tool": "10s", "connect": "10s"})
        self.tenant.deploy(replicas=1)
        pods = self.tenant.wait_ready(1)
        self.wait_reason("LLMFallbackChain", "ladder", "Programmed", "Programmed")
        self.tenant.fault({"kind": "openai", "model": "gpt-4o"}, {"type": "status", "status": 503})
        for number in range(5):
            status, body, _ = self.tenant.ask(pods[0], f"Where is order {number}?")
            self.assertEqual((200, "answered"), (status, body["outcome"]), body)
        # It is active as soon as the first one is not reachable; that it answers shows a moment later.
        chain = wait_for("the second tier to be active and reachable", lambda: (
            item if (item := self.kube.get("LLMFallbackChain", space, "ladder"))["status"]["active"] == "second"
            and item["status"]["tiers"][1]["conditions"][0]["reason"] == "Reachable" else None))
        first, second = chain["status"]["tiers"]
        self.assertEqual("Unreachable", first["conditions"][0]["reason"], first)
        note = wait_for("the event", lambda: self.kube.events(space, "FallbackTierChanged"))[0]["note"]
        self.assertIn("second answers instead of primary. Not reachable: primary: ", note)
        self.assertGreater(second["servedPercent"], 0)

    def test_a_bad_pair_is_a_warning_with_its_sum(self):
        self.tenant.policy(fallbackChainRef={"name": "ladder"}, turn={"timeout": "3s"},
                           timeouts={"llm": "2s", "tool": "1s"})
        self.chain()
        message = self.wait_reason("LLMFallbackChain", "ladder", "Accepted", "ScheduleTooLong")
        self.assertIn("primary 2s + second 2s = 4s > turn.timeout 3s", message)
        done = subprocess.run([os.environ["SUITE_KUBECTL"], "--kubeconfig", os.environ["KUBECONFIG"], "annotate", "lfc", "ladder",
                               "touched=yes", "-n", self.tenant.namespace], capture_output=True, text=True, check=True)
        self.assertIn("Warning: chain ladder: the tiers' timeouts do not fit", done.stderr)


if __name__ == "__main__":
    unittest.main()
