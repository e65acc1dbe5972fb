"""Nothing changes, so nothing is written: 50 policies and SLOs without traffic, 60 s of the audit log."""

import collections
import json
import os
import time
import unittest

from base import SuiteCase
from kube import condition, wait_for
from workload import Tenant

COUNT, SETTLED_SECONDS, QUIET_SECONDS = 50, 20, 60
WRITES = {"create", "update", "patch", "delete", "deletecollection"}


class Idle(SuiteCase):
    def test_zero_writes(self):
        tenant = Tenant(self.kube, "idle")
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant.namespace}})
        self.addCleanup(lambda: self.kube.delete("Namespace", None, tenant.namespace))
        tenant.budget_policy()
        for number in range(COUNT):
            tenant.agent = f"agent-{number}"
            self.kube.apply(tenant._deployment(tenant.agent, tenant.namespace, {
                "name": "agent", "image": "localhost/none:none", "imagePullPolicy": "Never"}, 0))
            spec = {"targetRefs": [tenant.target], "enforcement": "Enforce",
                    "upstreams": {"llms": [{"name": "openai", "format": "OpenAI", "url": tenant.llm_url}]}}
            self.kube.apply(tenant._object("AgentReliabilityPolicy", tenant.agent, spec))
            tenant.slo(name=tenant.agent, window="30d")
        for kind in ("AgentReliabilityPolicy", "AgentSLO"):
            wait_for(f"{COUNT} accepted {kind}", lambda kind=kind: sum(
                1 for item in self.kube.list(kind, tenant.namespace)
                if (condition(item, "Accepted") or ("",))[0] == "True") == COUNT, 180, 0.5)
        # The last status of the apply wave, or what earlier tests deleted, may still be on its way: a reflector that
        # lost the API server in the test before waits up to 10 s. So first a quiet 20 s, then count a minute.
        wait_for("the earlier tests' namespaces to be gone", lambda: not [
            item["metadata"]["name"] for item in self.kube.list("Namespace") if item["status"]["phase"] == "Terminating"], 120, 0.5)
        wait_for(f"a first quiet {SETTLED_SECONDS} s", lambda: self.writes(SETTLED_SECONDS) == {}, 240)
        seen = self.writes(QUIET_SECONDS)
        print(f"\n  {COUNT} policies and SLOs, {QUIET_SECONDS} s: {sum(seen.values())} API writes besides the lease "
              f"{dict(seen) or ''}", flush=True)
        self.assertEqual({}, seen)

    def writes(self, seconds):
        """Writes of the operator's service account in the next `seconds`, lease renewals aside."""
        path = os.environ["SUITE_AUDIT_LOG"]
        begin = os.path.getsize(path)
        time.sleep(seconds)  # the thing measured is an interval
        counted = collections.Counter()
        with open(path, encoding="utf-8") as log:
            log.seek(begin)
            for line in log:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                user = entry.get("user", {}).get("username", "")
                resource = entry.get("objectRef", {}).get("resource")
                if (entry.get("stage") == "ResponseComplete" and entry.get("verb") in WRITES
                        and self.release_namespace in user and resource != "leases"):
                    target = entry["objectRef"]
                    path = "/".join(target[part] for part in ("namespace", "resource", "name", "subresource")
                                    if part in target)
                    counted[f"{entry['verb']} {path}"] += 1
        return dict(counted)


if __name__ == "__main__":
    unittest.main()
