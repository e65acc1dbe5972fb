"""Every outcome counts exactly once: simulator's record = ledger sum = SLO events, through a restart of the
sidecar's container, the deletion of a pod and a restart of the operator."""

import os
import pathlib
import signal
import unittest

from base import SuiteCase
from kube import wait_for
from workload import Tenant

TURNS = 40  # per phase


def sidecar_pid(pod_uid):
    """The sidecar's process of this pod, found from the host by its environment."""
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if b"agent-reliability-sidecar" not in (folder / "cmdline").read_bytes():
                continue
            if f"POD_UID={pod_uid}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:
            continue
    return None


class ExactCount(SuiteCase):
    def test_counts_agree(self):
        tenant = Tenant(self.kube, "exact").create()
        self.addCleanup(tenant.close)
        tenant.budget_policy(rules=[{"name": "tell", "when": {"budgetAtMost": "0"}, "action": {"type": "Notify"}}])
        tenant.slo(window="1d")
        tenant.policy(circuitBreakers=[{"name": "tools", "scope": "Tool",
                                        "trip": {"consecutiveFailures": 100, "failurePercent": 100,
                                                 "minCalls": 100}, "openFor": "5s"}])
        tenant.deploy(replicas=2)
        pods = tenant.wait_ready(2)
        tenant.wait_covered(pods, slos=1)
        tenant.forget()
        tenant.fault({"kind": "mcp", "tool": "search"}, {"type": "jsonRpcError", "code": -32603}, every=4)

        self.turns(tenant, pods)
        self.agree(tenant, "first phase")
        counted = [sum(counts.values()) for pod in pods for counts in tenant.ledger(pod)["slos"].values()]
        self.assertEqual(TURNS, sum(counted), "the sum of the ledgers is what the agents answered")

        # A container restart: asked to end, the process says its last words.
        victim = pods[0]
        pid = wait_for("the sidecar's process", lambda: sidecar_pid(victim["metadata"]["uid"]), 10)
        self.turns(tenant, pods)
        os.kill(pid, signal.SIGTERM)
        wait_for("the restarted sidecar", lambda: (
            (new := sidecar_pid(victim["metadata"]["uid"])) and new != pid), 60)
        pods = tenant.wait_ready(2)
        self.turns(tenant, pods)
        self.agree(tenant, "sidecar container restarted")

        # A pod goes: its tail comes with its deletion.
        self.turns(tenant, pods)
        self.kube.delete("Pod", tenant.namespace, pods[1]["metadata"]["name"])
        wait_for("the pod's end", lambda: self.kube.find("Pod", tenant.namespace, pods[1]["metadata"]["name"]) is None)
        pods = tenant.wait_ready(2)
        self.agree(tenant, "pod deleted")

        # The operator restarts while outcomes arrive.
        self.kube.kubectl("rollout", "restart", "deployment", "-n", self.release_namespace)
        self.turns(tenant, pods)
        self.kube.kubectl("rollout", "status", "deployment", "-n", self.release_namespace, "--timeout=180s")
        self.turns(tenant, pods)
        self.agree(tenant, "operator restarted")

    def turns(self, tenant, pods):
        for status, body in tenant.ask_many(pods, TURNS, first=1000):
            self.assertEqual(200, status, body)

    def agree(self, tenant, after):
        """Prints the three sums and their difference; they must become equal."""
        answers = tenant.counts()["llmAnswers"]
        sent = answers.get("final", 0) + answers.get("could_not_check", 0)
        bad = answers.get("could_not_check", 0)

        def slo():
            """(events, bad) from the leader's metrics: a status moves only with the budget."""
            totals = self.slo_totals(tenant.namespace)
            return totals.get("good", 0) + totals.get("bad", 0), totals.get("bad", 0)

        try:
            wait_for("equal sums", lambda: slo() == (sent, bad), 100, 0.5)
        finally:
            events, failed = slo()
            print(f"\n  {after}: simulator {sent} answers, {bad} without the tool; "
                  f"SLO {events} events, {failed} bad; difference {events - sent}", end="", flush=True)


if __name__ == "__main__":
    unittest.main()
