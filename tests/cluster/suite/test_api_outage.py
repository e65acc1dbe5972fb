"""The API server is away for a minute: sidecars are unaffected, the operator resumes, nothing is counted twice."""

import os
import time
import unittest

from base import SuiteCase
from kube import wait_for
from workload import Tenant

from realcluster import Cluster

AWAY_SECONDS = 60


class ApiOutage(SuiteCase):
    def test_api_server_away(self):
        tenant = Tenant(self.kube, "outage").create()
        self.addCleanup(tenant.close)
        tenant.budget_policy()
        tenant.slo(window="1d")
        tenant.policy()
        tenant.deploy(replicas=2)
        pods = tenant.wait_ready(2)
        tenant.wait_covered(pods, slos=1)
        tenant.forget()
        tenant.ask_many(pods, 20)
        before = self.restarts()
        cluster = Cluster(os.environ["SUITE_CLUSTER"])
        cluster.stop_component("kube-apiserver")
        try:
            end, answered = time.monotonic() + AWAY_SECONDS, 0
            while time.monotonic() < end:
                for status, body in tenant.ask_many(pods, 4, first=3000 + answered):
                    self.assertEqual((200, "answered"), (status, body["outcome"]), body)
                    answered += 1
                time.sleep(1)
        finally:
            cluster.start_component("kube-apiserver")
        wait_for("the API server", lambda: self.kube.call("GET", "version"), 60, 0.5)
        sent = tenant.counts()["llmAnswers"]["final"]
        wait_for(f"{sent} SLO events", lambda: self.slo_totals(tenant.namespace) == {"good": sent, "bad": 0}, 120, 0.5)
        tenant.policy(timeouts={"llm": "4s", "tool": "1300ms"})
        # The kubelet's own watches, too, wait up to a minute before they try again (client-go: 30 s, doubled by jitter).
        wait_for("a policy change after the outage",
                 lambda: len({tenant.ledger(pod)["configHash"] for pod in pods}) == 1 and tenant.covered() == "2/2", 180)
        self.assertEqual("Normal", tenant.mode())
        print(f"\n  away {AWAY_SECONDS} s: {answered} of {answered} tasks answered meanwhile, SLO events {sent} of {sent}, "
              f"operator container restarts {before} -> {self.restarts()}", flush=True)

    def restarts(self):
        return sum(status["restartCount"] for pod in self.operator_pods()
                   for status in pod["status"].get("containerStatuses", []))


if __name__ == "__main__":
    unittest.main()
