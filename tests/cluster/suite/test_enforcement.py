"""Budget burn -> Pause -> ScaleDown -> HalfOpen -> restored, on real pods; again with an HPA; again with the
operator killed at three points. Each ends with the replica count that it began with."""

import threading
import unittest

from base import SuiteCase
from kube import condition, wait_for
from workload import Tenant

REPLICAS = 3


class Enforcement(SuiteCase):
    def tenant(self, name, replicas=REPLICAS):
        tenant = Tenant(self.kube, name).create()
        self.addCleanup(tenant.close)
        tenant.budget_policy()
        tenant.slo()
        tenant.policy()
        tenant.deploy(replicas=replicas)
        pods = tenant.wait_ready(replicas)
        tenant.wait_covered(pods, slos=1)
        return tenant, pods

    def probe_until_normal(self, tenant):
        """Users come back: their turns are the probes. Whoever is refused simply is."""
        stop = threading.Event()

        def users():
            number = 5000
            while not stop.is_set():
                for pod in tenant.pods():
                    number += 1
                    try:
                        tenant.ask(pod, f"Where is order {number}?", 10)
                    except OSError:
                        pass
                stop.wait(0.05)

        threads = [threading.Thread(target=users, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            tenant.wait_mode("Normal", timeout=180)
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def story(self, tenant, pods, at=lambda point: None, expect=REPLICAS):
        """The whole story; `at` is called when a point is reached, before the story goes on."""
        tenant.burn(pods)
        tenant.wait_mode("Paused", "ScaledDown", timeout=90)
        at("Paused")
        tenant.wait_mode("ScaledDown", "HalfOpen", timeout=120)
        # A leader that died for longer than both times goes on with the probe, with all replicas.
        wait_for("0 replicas or the probe", lambda: tenant.replicas() <= 1 or tenant.mode() == "HalfOpen", 90)
        at("ScaledDown")
        tenant.heal()
        tenant.wait_mode("HalfOpen", timeout=120)
        at("HalfOpen")
        self.probe_until_normal(tenant)
        wait_for(f"{expect} replicas", lambda: tenant.replicas() == expect, 60)
        tenant.wait_ready(expect)
        status, body, _ = tenant.ask(tenant.pods()[0], "Where is order 9?")
        self.assertEqual("answered", body["outcome"], body)

    def test_story(self):
        tenant, pods = self.tenant("story")
        refused = []

        def at(point):
            if point == "Paused" and tenant.pods():
                # The mode is an order; this event says how many sidecars have it.
                wait_for("the event AgentPaused", lambda: self.kube.events(tenant.namespace, "AgentPaused"), 60)
                try:
                    answer = tenant.ask(tenant.pods()[0], "Where is order 1?", 10)
                except (OSError, IndexError):
                    return  # scaled down meanwhile
                if tenant.mode() in ("Paused", "ScaledDown"):  # not a probe meanwhile
                    refused.append(answer)

        self.story(tenant, pods, at)
        for status, body, _ in refused:
            self.assertEqual("failed", body["outcome"], body)
        reasons = {event["reason"]: event["note"] for event in self.kube.events(tenant.namespace)}
        for reason in ("BudgetExhausted", "AgentPaused", "AgentScaledDown", "RecoveryProbeStarted", "AgentRestored"):
            self.assertIn(reason, reasons)
            print(f"\n  {reason}: {reasons[reason]}", end="", flush=True)
        print()
        self.assertIn("3", reasons["AgentScaledDown"])
        enforcement = self.kube.get("AgentEnforcement", tenant.namespace, tenant.enforcement)
        self.assertFalse(enforcement["metadata"].get("finalizers"), "nothing is held, so nothing is kept")
        slo = self.kube.get("AgentSLO", tenant.namespace, "refunds-completed")
        self.assertEqual("True", condition(slo, "Accepted")[0])
        for table in ("arp", "agslo", "ebp", "aenf"):
            print(self.kube.kubectl("get", table, "-n", tenant.namespace), end="", flush=True)

    def test_with_hpa(self):
        tenant, pods = self.tenant("hpa")
        self.kube.apply({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "refunds", "namespace": tenant.namespace},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": tenant.agent},
                     "minReplicas": 2, "maxReplicas": 5,
                     "metrics": [{"type": "Resource", "resource": {
                         "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}})
        self.story(tenant, pods)

    def test_operator_killed_at_three_points(self):
        tenant, pods = self.tenant("killed")
        killed = []

        def at(point):
            name = wait_for("a leader", self.leader, 90)
            self.kube.delete("Pod", self.release_namespace, name, grace=0)
            killed.append(point)

        self.story(tenant, pods, at)
        self.assertEqual(["Paused", "ScaledDown", "HalfOpen"], killed)

    def test_release_override_restores_at_once(self):
        tenant, pods = self.tenant("release", replicas=2)
        tenant.budget_policy(recovery={"mode": "Manual", "holdFor": "5s"})
        tenant.burn(pods)
        tenant.wait_mode("ScaledDown", timeout=120)
        tenant.heal()
        self.kube.kubectl("apply", "-f", "-", stdin=f"""
apiVersion: agentreliability.dev/v1alpha1
kind: ReliabilityOverride
metadata: {{name: back, namespace: {tenant.namespace}}}
spec:
  targetRef: {{group: apps, kind: Deployment, name: {tenant.agent}}}
  type: Release
  reason: the tool works again
  expiresAt: "{self.in_one_hour()}"
""")
        tenant.wait_mode("Normal", timeout=60)
        wait_for("2 replicas", lambda: tenant.replicas() == 2, 60)

    @staticmethod
    def in_one_hour():
        import datetime
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        return later.strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    unittest.main()
