"""A failing tool trips its breaker; the next call is answered at once; the tool works again, so does the agent."""

import time
import unittest

from base import SuiteCase
from kube import http_call, wait_for
from workload import Tenant


class Breaker(SuiteCase):
    def test_trip_and_recovery(self):
        tenant = Tenant(self.kube, "breaker").create()
        self.addCleanup(tenant.close)
        tenant.policy()
        tenant.deploy(replicas=1)
        pod = tenant.wait_ready(1)[0]
        tenant.wait_covered([pod])
        tenant.fault({"kind": "mcp", "tool": "search"}, {"type": "hang"})
        for number in range(3):
            status, body, _ = tenant.ask(pod, f"Where is order {100 + number}?")
            self.assertEqual("could_not_check", body["outcome"], body)
        reached = tenant.counts()["keys"]
        searches = next(value["received"] for key, value in reached.items() if key.endswith("/search"))
        self.assertEqual(3, searches, reached)

        started = time.monotonic()
        status, body, _ = tenant.ask(pod, "Where is order 200?")
        elapsed = time.monotonic() - started
        self.assertEqual("could_not_check", body["outcome"], body)
        self.assertLess(elapsed, 1.0, "an open breaker must not wait for the tool's timeout of 1 s")
        reached = tenant.counts()["keys"]
        self.assertEqual(3, next(v["received"] for k, v in reached.items() if k.endswith("/search")), reached)
        logs = self.kube.kubectl("logs", "-n", tenant.namespace, pod["metadata"]["name"], "-c",
                                 "agent-reliability-sidecar")
        self.assertIn('"event":"breaker_opened"', logs)
        metrics = http_call(pod["status"]["podIP"], "GET", "/metrics", port=15190)[1]
        self.assertRegex(metrics, r'agent_reliability_breaker_transitions_total\{[^}]*\} [1-9]')

        tenant.heal()
        wait_for("the tool's answer through the closed breaker",
                 lambda: tenant.ask(pod, f"Where is order {time.monotonic_ns() % 10**6}?")[1]["outcome"] == "answered",
                 60, 0.5)


if __name__ == "__main__":
    unittest.main()
