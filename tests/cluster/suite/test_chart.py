#!/usr/bin/env python3
"""The chart on a real API server: values that are refused, what it installs, what the operator may and may not do,
what stays after an uninstall, and that the plain manifests install the same. Running pods are other tests' business."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from realcluster import Cluster  # noqa: E402

CHART = str(ROOT / "charts" / "agent-reliability-operator")
RELEASE, NAMESPACE, NAME = "agent-reliability", "agent-reliability-system", "agent-reliability-operator"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{NAME}"

REFUSED_VALUES = [
    ("replicas=0", "replicas"), ("replicas=two", "replicas"), ("logLevel=loud", "logLevel"), ("replicaCount=2", "replicaCount"),
    ("image.pullPolicy=Sometimes", "pullPolicy"), ("image.digest=sha256:12", "digest"), ("image.repository=", "repository"),
    ("sidecar.imag.tag=1", "imag"), ("webhook.timeoutSeconds=60", "timeoutSeconds"), ("webhook.failurePolicy=Fail", "failurePolicy"),
    ("crds.keep=yes please", "keep"), ("imagePullSecrets[0].nam=x", "imagePullSecrets"), ("resources.request.cpu=1", "resources"),
]
# (verb, resource, namespace or "" for all, name or "")
ALLOWED = [
    ("list", "agentslos.agentreliability.dev", "", ""), ("watch", "reliabilityoverrides.agentreliability.dev", "", ""),
    ("patch", "agentslos.agentreliability.dev/status", "", ""), ("create", "agentenforcements.agentreliability.dev", "", ""),
    ("delete", "agentenforcements.agentreliability.dev", "", ""), ("patch", "deployments.apps/scale", "", ""),
    ("get", "statefulsets.apps/scale", "", ""), ("patch", "pods", "", ""), ("watch", "replicasets.apps", "", ""),
    ("list", "horizontalpodautoscalers.autoscaling", "", ""), ("create", "configmaps", "", ""), ("get", "configmaps", "", ""),
    ("create", "events.events.k8s.io", "", ""), ("create", "leases.coordination.k8s.io", NAMESPACE, ""),
    ("update", "leases.coordination.k8s.io", NAMESPACE, NAME), ("create", "secrets", NAMESPACE, ""),
    ("get", "secrets", NAMESPACE, "agent-reliability-webhook-tls"),
    ("patch", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "", NAME),
    ("patch", "validatingwebhookconfigurations.admissionregistration.k8s.io", "", NAME),
]
FORBIDDEN = [
    ("patch", "agentslos.agentreliability.dev", "", ""), ("delete", "agentreliabilitypolicies.agentreliability.dev", "", ""),
    ("patch", "deployments.apps", "", ""), ("update", "statefulsets.apps", "", ""), ("delete", "pods", "", ""),
    ("create", "pods", "", ""), ("create", "pods/exec", "", ""), ("list", "secrets", "", ""), ("list", "secrets", NAMESPACE, ""),
    ("get", "secrets", NAMESPACE, "other"), ("get", "secrets", "default", "agent-reliability-webhook-tls"),
    ("list", "configmaps", "", ""), ("watch", "configmaps", "", ""), ("patch", "horizontalpodautoscalers.autoscaling", "", ""),
    ("update", "leases.coordination.k8s.io", NAMESPACE, "other"), ("create", "leases.coordination.k8s.io", "default", ""),
    ("patch", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "", "other"),
    ("list", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "", ""),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io", "", ""), ("impersonate", "users", "", ""),
]


class ChartTest(unittest.TestCase):
    cluster: Cluster
    started = False

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(os.environ.get("RELIABILITY_CHART_CLUSTER", "chart"))
        cls.started = cls.cluster.status()["phase"] != "up"
        cls.cluster.up("api")
        # Helm does not take over what others installed, and this test says what a first install does.
        cls.cluster.kubectl("delete", "--ignore-not-found", "-f", str(ROOT / "crds"))

    @classmethod
    def tearDownClass(cls):
        if cls.started:
            cls.cluster.down()

    def run_tool(self, *command, check=True):
        return self.cluster.run(*command, check=check)

    def install(self, *arguments):
        done = self.run_tool("helm", "upgrade", "--install", RELEASE, CHART, "-n", NAMESPACE, "--create-namespace", *arguments)
        self.addCleanup(self.run_tool, "helm", "uninstall", RELEASE, "-n", NAMESPACE, "--no-hooks", "--ignore-not-found")
        return done.stdout

    def get(self, *arguments):
        return json.loads(self.run_tool("kubectl", "get", *arguments, "-o", "json").stdout)

    def can(self, verb, resource, namespace, name):
        resource = resource.split("/")
        command = ["kubectl", "auth", "can-i", verb, resource[0] + (f"/{name}" if name else ""), "--as", ACCOUNT, "-q"]
        command += ["-n", namespace] if namespace else ["-A"]
        command += [f"--subresource={resource[1]}"] if len(resource) > 1 else []
        return self.run_tool(*command, check=False).returncode == 0

    def test_lint(self):
        self.run_tool("helm", "lint", "--strict", CHART)

    def test_wrong_values_are_refused_and_named(self):
        for value, word in REFUSED_VALUES:
            with self.subTest(value=value):
                done = self.run_tool("helm", "template", RELEASE, CHART, "--set", value, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(word, done.stderr)

    def test_every_value_has_a_comment_and_a_schema(self):
        import yaml  # Debian's python3-yaml
        schema = json.loads((ROOT / CHART / "values.schema.json").read_text())
        values = yaml.safe_load((ROOT / CHART / "values.yaml").read_text())
        self.assertEqual(set(values) | {"global"}, set(schema["properties"]))
        for name, part in schema["properties"].items():
            self.assertTrue(part.get("description") or "properties" in part, name)

    def test_too_old_kubernetes_is_refused(self):
        done = self.run_tool("helm", "template", RELEASE, CHART, "--kube-version", "1.32.9", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("1.33", done.stderr)

    def test_one_replica_has_no_disruption_budget(self):
        rendered = self.run_tool("helm", "template", RELEASE, CHART, "--set", "replicas=1").stdout
        self.assertNotIn("PodDisruptionBudget", rendered)

    def test_images_and_scheduling_can_be_set(self):
        digest = "sha256:" + "a" * 64
        rendered = self.run_tool(
            "helm", "template", RELEASE, CHART, "--set", "image.repository=registry.example/op", "--set", "image.tag=1.2",
            "--set", f"sidecar.image.digest={digest}", "--set", "imagePullSecrets[0].name=pull", "--set", "podLabels.team=sre",
            "--set", "nodeSelector.disk=ssd", "--set", "tolerations[0].operator=Exists", "--set", "priorityClassName=high").stdout
        for text in ("image: registry.example/op:1.2", f"--sidecar-image=localhost/agent-reliability-sidecar@{digest}",
                     "- name: pull", "team: sre", "disk: ssd", "- operator: Exists", "priorityClassName: high"):
            self.assertIn(text, rendered)

    def test_install_under_restricted_pod_security(self):
        self.run_tool("kubectl", "create", "namespace", NAMESPACE, check=False)
        self.run_tool("kubectl", "label", "--overwrite", "namespace", NAMESPACE, "pod-security.kubernetes.io/warn=restricted",
                      "pod-security.kubernetes.io/enforce=restricted")
        notes = self.install()
        self.assertIn("kubectl label namespace support agentreliability.dev/inject=enabled", notes)
        self.assertIn("kubectl get agentreliability -n support", notes)
        # What the server says about every object of the release, pods included.
        rendered = self.run_tool("helm", "get", "manifest", RELEASE, "-n", NAMESPACE).stdout
        hooks = self.run_tool("helm", "get", "hooks", RELEASE, "-n", NAMESPACE).stdout
        done = self.cluster.run("kubectl", "apply", "--server-side", "--force-conflicts", "--dry-run=server", "-n", NAMESPACE, "-f", "-",
                                stdin=rendered + "\n---\n" + hooks)
        self.assertNotIn("Warning", done.stderr)
        deployment = self.get("deployment", NAME, "-n", NAMESPACE)
        self.assertEqual(deployment["spec"]["replicas"], 2)
        self.assertEqual(self.get("pdb", NAME, "-n", NAMESPACE)["spec"]["minAvailable"], 1)
        self.check_webhooks()

    def check_webhooks(self):
        hooks = self.get("mutatingwebhookconfiguration", NAME)["webhooks"]
        self.assertEqual([hook["name"] for hook in hooks], ["namespaces.inject.agentreliability.dev", "pods.inject.agentreliability.dev"])
        for hook in hooks + self.get("validatingwebhookconfiguration", NAME)["webhooks"]:
            self.assertEqual(hook["failurePolicy"], "Ignore")
            self.assertEqual(hook["timeoutSeconds"], 5)
            self.assertNotIn("caBundle", hook["clientConfig"])
            self.assertEqual(hook["clientConfig"]["service"]["name"], "agent-reliability-webhook")
        for hook in hooks:
            excluded = [e for e in hook["namespaceSelector"]["matchExpressions"] if e["key"] == "kubernetes.io/metadata.name"]
            self.assertEqual(excluded[0]["values"], ["kube-system", NAMESPACE])

    def test_an_upgrade_keeps_the_operators_ca_bundle(self):
        self.install()
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            count = len(self.get(kind, NAME)["webhooks"])
            patch = [{"op": "add", "path": f"/webhooks/{i}/clientConfig/caBundle", "value": CA} for i in range(count)]
            self.run_tool("kubectl", "patch", kind, NAME, "--field-manager=agent-reliability-operator", "--type=json", "-p", json.dumps(patch))
        self.install("--set", "webhook.timeoutSeconds=7")
        for kind in ("mutatingwebhookconfiguration", "validatingwebhookconfiguration"):
            for hook in self.get(kind, NAME)["webhooks"]:
                self.assertEqual(hook["timeoutSeconds"], 7)
                self.assertEqual(hook["clientConfig"].get("caBundle"), CA)

    def test_the_operator_may_do_its_work_and_nothing_else(self):
        self.install()
        for case in ALLOWED:
            with self.subTest(allowed=case):
                self.assertTrue(self.can(*case))
        for case in FORBIDDEN:
            with self.subTest(forbidden=case):
                self.assertFalse(self.can(*case))

    def test_uninstall_keeps_policies_unless_told_otherwise(self):
        self.install()
        self.run_tool("helm", "uninstall", RELEASE, "-n", NAMESPACE, "--no-hooks")
        kept = self.get("crd")["items"]
        self.assertEqual(len(kept), len(list((ROOT / "crds").glob("*.yaml"))))
        self.assertFalse([crd for crd in kept if "deletionTimestamp" in crd["metadata"]])
        # Without the annotation Helm deletes them; how long the API server takes to clean up is its own affair.
        templates = [self.run_tool("helm", "template", RELEASE, CHART, "--set", f"crds.keep={keep}").stdout
                     for keep in ("true", "false")]
        self.assertEqual([text.count("helm.sh/resource-policy: keep") for text in templates], [len(kept), 0])

    def test_plain_manifests_install_the_same(self):
        manifests = str(ROOT / "deploy" / "manifests.yaml")
        self.addCleanup(self.remove_plain_install, Path(manifests).read_text(encoding="utf-8"))
        done = self.run_tool("kubectl", "apply", "--server-side", "-f", manifests)
        self.assertNotIn("Warning", done.stderr)
        self.assertEqual(self.get("deployment", NAME, "-n", NAMESPACE)["spec"]["replicas"], 2)
        self.check_webhooks()

    def remove_plain_install(self, manifests):
        """All but the CRDs: the API server may take minutes to let go of them. Helm may take them over."""
        import yaml  # Debian's python3-yaml
        documents = [document for document in yaml.safe_load_all(manifests) if document]
        rest = [document for document in documents if document["kind"] != "CustomResourceDefinition"]
        crds = [document["metadata"]["name"] for document in documents if document not in rest]
        self.cluster.run("kubectl", "delete", "--ignore-not-found", "-f", "-", stdin=yaml.safe_dump_all(rest))
        self.run_tool("kubectl", "annotate", "--overwrite", "crd", *crds, f"meta.helm.sh/release-name={RELEASE}",
                      f"meta.helm.sh/release-namespace={NAMESPACE}")
        self.run_tool("kubectl", "label", "--overwrite", "crd", *crds, "app.kubernetes.io/managed-by=Helm")

    def test_derived_files_are_up_to_date(self):
        done = subprocess.run([sys.executable, str(ROOT / "tools" / "chart.py"), "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


# Any valid PEM will do: the API server only checks that it can be parsed.
CA = subprocess.run(
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=test -days 2 2>/dev/null | base64 -w0",
    shell=True, capture_output=True, text=True, check=True).stdout

if __name__ == "__main__":
    unittest.main(verbosity=2)
