"""The manifests that a user copies: valid for the CRDs in crds/, and in agreement with each other."""

from __future__ import annotations

import pathlib
import unittest
from typing import Any

import jsonschema
import yaml

from processes import ROOT

EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
GROUP = "agentreliability.dev"


def documents(path: pathlib.Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [d for d in yaml.safe_load_all(file) if d]


def crd_schemas() -> dict[str, dict[str, Any]]:
    """kind -> OpenAPI schema of its served version."""
    out = {}
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        for crd in documents(path):
            out[crd["spec"]["names"]["kind"]] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return out


def unknown_fields(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    """Fields that the schema does not have: the API server would drop them with a warning."""
    found = []
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name in schema["properties"]:
                found += unknown_fields(inner, schema["properties"][name], f"{path}.{name}")
            elif path or name not in ("apiVersion", "kind", "metadata"):
                found.append(f"{path}.{name}")
    elif isinstance(value, list) and "items" in schema:
        for index, inner in enumerate(value):
            found += unknown_fields(inner, schema["items"], f"{path}[{index}]")
    return found


class Manifests(unittest.TestCase):
    def all(self, kind: str | None = None) -> list[tuple[pathlib.Path, dict[str, Any]]]:
        return [(p, d) for p in EXAMPLES for d in documents(p) if kind in (None, d["kind"])]

    def test_custom_resources_fit_their_schemas(self) -> None:
        schemas = crd_schemas()
        seen = set()
        for path, document in self.all():
            if not document["apiVersion"].startswith(f"{GROUP}/"):
                continue
            with self.subTest(path=path.name, kind=document["kind"]):
                schema = schemas[document["kind"]]
                jsonschema.Draft7Validator(schema).validate(document)
                self.assertEqual(unknown_fields(document, schema, ""), [])
                seen.add(document["kind"])
        self.assertLessEqual({"AgentReliabilityPolicy", "AgentSLO", "ErrorBudgetPolicy", "LLMFallbackChain"}, seen)

    def test_upstream_urls_are_those_that_the_agent_was_given(self) -> None:
        agent = next(d for _, d in self.all("Deployment") if d["metadata"]["name"] == "refunds-agent")
        container = agent["spec"]["template"]["spec"]["containers"][0]
        given = {e["value"] for e in container["env"]}
        for _, policy in self.all("AgentReliabilityPolicy"):
            upstreams = policy["spec"]["upstreams"]
            for upstream in upstreams["llms"] + upstreams["mcpServers"]:
                self.assertIn(upstream["url"], given)

    def test_urls_lead_to_services(self) -> None:
        services = {
            f"http://{d['metadata']['name']}.{d['metadata']['namespace']}.svc:{d['spec']['ports'][0]['port']}"
            for _, d in self.all("Service")
        }
        for _, policy in self.all("AgentReliabilityPolicy"):
            for upstream in policy["spec"]["upstreams"]["llms"] + policy["spec"]["upstreams"]["mcpServers"]:
                self.assertIn(upstream["url"].rsplit("/", 1)[0], services)

    def test_pods_are_restricted(self) -> None:
        for path, deployment in self.all("Deployment"):
            with self.subTest(path=path.name):
                pod = deployment["spec"]["template"]["spec"]
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod["containers"]:
                    context = container["securityContext"]
                    self.assertFalse(context["allowPrivilegeEscalation"])
                    self.assertTrue(context["readOnlyRootFilesystem"])
                    self.assertEqual(context["capabilities"], {"drop": ["ALL"]})

    def test_references_resolve(self) -> None:
        policies = {d["metadata"]["name"] for _, d in self.all("ErrorBudgetPolicy")}
        deployments = {d["metadata"]["name"] for _, d in self.all("Deployment")}
        for _, slo in self.all("AgentSLO"):
            self.assertIn(slo["spec"]["targetRef"]["name"], deployments)
            self.assertIn(slo["spec"]["errorBudgetPolicyRef"]["name"], policies)
        chains = {d["metadata"]["name"]: d["spec"] for _, d in self.all("LLMFallbackChain")}
        for _, policy in self.all("AgentReliabilityPolicy"):
            if "fallbackChainRef" in policy["spec"]:
                llms = {llm["name"] for llm in policy["spec"]["upstreams"]["llms"]}
                for tier in chains[policy["spec"]["fallbackChainRef"]["name"]]["tiers"]:
                    self.assertTrue("secretRef" in tier if "endpoint" in tier else tier["provider"] in llms, tier["name"])


if __name__ == "__main__":
    unittest.main()
