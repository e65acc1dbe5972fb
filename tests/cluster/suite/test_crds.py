#!/usr/bin/env python3
"""The CRDs on a real API server: accepted with their CEL rules, invalid objects refused with the field's path and a
reason, defaults filled in, kubectl explain and the tables of kubectl get as a user sees them."""

import copy
import json
import os
import re
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "cluster"))
from realcluster import Cluster  # noqa: E402

API = "agentreliability.dev/v1alpha1"
NAMESPACE = "crd-test"
TARGET = {"kind": "Deployment", "name": "refunds-agent"}
POLICY = {
    "targetRefs": [TARGET],
    "enforcement": "Enforce",
    "upstreams": {"llms": [{"name": "openai", "format": "OpenAI", "url": "http://llm.simulator.svc:8080/v1"}],
                  "mcpServers": [{"name": "orders", "url": "http://orders-mcp.simulator.svc:8080/mcp"}],
                  "tools": [{"name": "search", "url": "https://search.example:8443"}]},
    "circuitBreakers": [{"name": "tools", "scope": "Tool"}],
}
SLO = {"targetRef": TARGET, "objective": "95", "sli": {"type": "TaskSuccess"}}
BUDGET = {"rules": [
    {"name": "tell", "when": {"budgetAtMost": "0.25"}, "action": {"type": "Notify"}},
    {"name": "stop", "when": {"budgetAtMost": "0", "tier": "PageFast", "for": "1m"},
     "action": {"type": "Pause", "thenScaleDownAfter": "5m"}}],
    "guards": {"minReplicas": 0}}
OVERRIDE = {"targetRef": TARGET, "type": "Release", "reason": "night shift, ticket 12", "expiresAt": "2026-12-01T00:00:00Z"}
ENFORCEMENT = {"targetRef": TARGET}
CHAIN = {"tiers": [
    {"name": "primary", "provider": "openai", "timeout": "6s"},
    {"name": "claude", "provider": "anthropic", "model": "claude-haiku", "endpoint": "https://llm.example", "format": "Anthropic",
     "secretRef": {"name": "anthropic", "key": "api-key"}, "caBundleRef": {"name": "corp-ca"}, "largerContext": True}],
    "terminal": {"type": "StaticResponse", "text": "{{.agent}} cannot answer now ({{.reason}})."}}
KINDS = {"AgentReliabilityPolicy": POLICY, "AgentSLO": SLO, "ErrorBudgetPolicy": BUDGET, "ReliabilityOverride": OVERRIDE,
         "AgentEnforcement": ENFORCEMENT, "LLMFallbackChain": CHAIN}
ABSENT = object()

# (path inside the valid spec, its new value, path in the message, what the message must say)
BAD_POLICIES = [
    ("targetRefs", [], "spec.targetRefs", "at least 1"),
    ("targetRefs", ABSENT, "spec.targetRefs", "Required"),
    ("targetRefs", [{"kind": "Deployment", "name": f"a{i}"} for i in range(17)], "spec.targetRefs", "at most 16"),
    ("targetRefs", [TARGET, TARGET], "spec.targetRefs[1]", "Duplicate"),
    ("targetRefs.0.kind", "CronJob", "spec.targetRefs[0].kind", '"Deployment", "StatefulSet"'),
    ("targetRefs.0.group", "batch", "spec.targetRefs[0].group", "apps"),
    ("targetRefs.0.name", "", "spec.targetRefs[0].name", "at least 1"),
    ("enforcement", "Block", "spec.enforcement", '"Observe", "Enforce"'),
    ("enforcement", True, "spec.enforcement", "boolean"),
    ("upstreams", {}, "spec.upstreams", "at least 1"),
    ("upstreams", ABSENT, "spec.upstreams", "Required"),
    ("upstreams.llms", [], "spec.upstreams.llms", "at least 1"),
    ("upstreams.llms.0.format", "Gemini", "spec.upstreams.llms[0].format", '"OpenAI", "Anthropic"'),
    ("upstreams.llms.0.format", ABSENT, "spec.upstreams.llms[0].format", "Required"),
    ("upstreams.llms.0.name", "Open_AI", "spec.upstreams.llms[0].name", "should match"),
    ("upstreams.llms.0.url", "ftp://x/y", "spec.upstreams.llms[0].url", "should match"),
    ("upstreams.llms.0.url", "http://user:pw@x/y", "spec.upstreams.llms[0].url", "should match"),
    ("upstreams.mcpServers.0.url", ABSENT, "spec.upstreams.mcpServers[0].url", "Required"),
    ("upstreams.mcpServers.0.url", "http://x/" + "y" * 1100, "spec.upstreams.mcpServers[0].url", "1024"),
    ("upstreams.mcpServers.0.env", ["1BAD"], "spec.upstreams.mcpServers[0].env[0]", "should match"),
    ("upstreams.mcpServers.0.name", "openai", "spec.upstreams.mcpServers", "rename one of them"),
    ("upstreams.tools.0.name", "openai", "spec.upstreams.tools", "rename one of them"),
    ("upstreams.tools.0.name", "orders", "spec.upstreams.tools", "rename one of them"),
    ("upstreams.tools.0.caConfigMapRef", {}, "spec.upstreams.tools[0].caConfigMapRef.name", "Required"),
    ("inspection", {"onOversize": "Drop"}, "spec.inspection.onOversize", '"Pass", "Reject"'),
    ("tls", {"systemCAs": "no"}, "spec.tls.systemCAs", "boolean"),
    ("turn", {"timeout": "0s"}, "spec.turn.timeout", "from 1s to 1h"),
    ("turn", {"timeout": "2h"}, "spec.turn.timeout", "from 1s to 1h"),
    ("turn", {"timeout": "15"}, "spec.turn.timeout", "should match"),
    ("turn", {"timeout": 15}, "spec.turn.timeout", "integer"),
    ("turn", {"timeout": "3s", "synthesisReserve": "3s"}, "spec.turn.synthesisReserve", "shorter than turn.timeout"),
    ("timeouts", {"llm": "16s"}, "spec.timeouts.llm", "longer than turn.timeout"),
    ("timeouts", {"tool": "16s"}, "spec.timeouts.tool", "longer than turn.timeout"),
    ("timeouts", {"connect": "16s"}, "spec.timeouts.connect", "longer than turn.timeout"),
    ("timeouts", {"firstToken": "16s"}, "spec.timeouts.firstToken", "longer than turn.timeout"),
    ("timeouts", {"streamIdle": "16s"}, "spec.timeouts.streamIdle", "longer than turn.timeout"),
    ("timeouts", {"llm": "2s", "firstToken": "3s"}, "spec.timeouts.firstToken", "longer than timeouts.llm"),
    ("timeouts", {"tool": "0s"}, "spec.timeouts.tool", "from 10ms to 1h"),
    ("timeouts", {"toolOverrides": [{"upstream": "orders", "timeout": "20s"}]}, "spec.timeouts.toolOverrides",
     "longer than turn.timeout"),
    ("timeouts", {"toolOverrides": [{"upstream": "oders", "timeout": "2s"}]}, "spec.timeouts.toolOverrides",
     "correct its name"),
    ("timeouts", {"toolOverrides": [{"upstream": "orders", "tool": "a", "timeout": "2s"}] * 2},
     "spec.timeouts.toolOverrides[1]", "Duplicate"),
    ("turn", {"identity": "Cookie"}, "spec.turn.identity", '"Auto", "Trace"'),
    ("turn", {"onStreamDeadline": "Stop"}, "spec.turn.onStreamDeadline", '"Error", "EndWithNotice"'),
    ("timeouts", {"llmOverrides": [{"model": "deep", "total": "20s"}]}, "spec.timeouts.llmOverrides", "longer than turn.timeout"),
    ("timeouts", {"llmOverrides": [{"model": "deep", "total": "5s", "firstToken": "6s"}]},
     "spec.timeouts.llmOverrides[0].firstToken", "longer than total"),
    ("timeouts", {"llmOverrides": [{"model": "deep"}]}, "spec.timeouts.llmOverrides[0]", "changes nothing"),
    ("timeouts", {"llmOverrides": [{"model": "deep", "idle": "5s"}] * 2}, "spec.timeouts.llmOverrides[1]", "Duplicate"),
    ("timeouts", {"longRunning": [{"upstream": "oders"}]}, "spec.timeouts.longRunning", "correct its name"),
    ("timeouts", {"longRunning": [{"upstream": "orders", "timeout": "25h"}]}, "spec.timeouts.longRunning[0].timeout",
     "from 1s to 24h"),
    ("timeouts", {"longRunning": [{"upstream": "orders", "tool": "a"}],
                  "toolOverrides": [{"upstream": "orders", "tool": "a", "timeout": "2s"}]},
     "spec.timeouts.longRunning", "keep one of them"),
    ("circuitBreakers.0.scope", "Server", "spec.circuitBreakers[0].scope", '"Tool", "Provider", "Model", "Agent"'),
    ("circuitBreakers.0.operation", "Off", "spec.circuitBreakers[0].operation", '"Automatic", "MetricsOnly", "ForcedOpen", "Disabled"'),
    ("circuitBreakers.0.trip", {"slowCallPercent": 101}, "spec.circuitBreakers[0].trip.slowCallPercent", "or equal to 100"),
    ("circuitBreakers.0.trip", {"slowCallDuration": "0s"}, "spec.circuitBreakers[0].trip.slowCallDuration", "from 1ms to 1h"),
    ("circuitBreakers.0.trip", {"slowCallPercent": 0, "slowCallDuration": "4s"}, "spec.circuitBreakers[0].trip.slowCallDuration",
     "raise slowCallPercent"),
    ("circuitBreakers.0.trip", {"meanLatency": "30s"}, "spec.circuitBreakers[0].trip.meanLatency", "set scope to Agent"),
    ("circuitBreakers.0", {"name": "a", "scope": "Agent", "trip": {"slowCallPercent": 50}}, "spec.circuitBreakers[0].trip",
     "use meanLatency"),
    ("circuitBreakers.0", {"name": "a", "scope": "Agent", "match": {"upstreams": ["orders"]}},
     "spec.circuitBreakers[0].match.upstreams", "whole agent"),
    ("circuitBreakers.0.openFor", "6m", "spec.circuitBreakers[0].openFor", "longer than maxOpenFor"),
    ("circuitBreakers.0.trip", {"failurePercent": 0}, "spec.circuitBreakers[0].trip.failurePercent", "or equal to 1"),
    ("circuitBreakers.0.trip", {"failurePercent": 101}, "spec.circuitBreakers[0].trip.failurePercent", "or equal to 100"),
    ("circuitBreakers.0.trip", {"consecutiveFailures": "3"}, "spec.circuitBreakers[0].trip.consecutiveFailures", "string"),
    ("circuitBreakers.0.trip", {"window": "0s"}, "spec.circuitBreakers[0].trip.window", "from 1s to 1h"),
    ("circuitBreakers.0.halfOpen", {"maxProbes": 0}, "spec.circuitBreakers[0].halfOpen.maxProbes", "or equal to 1"),
    ("circuitBreakers.0.match", {"models": ["gpt"]}, "spec.circuitBreakers[0].match.models", "set scope to Model"),
    ("circuitBreakers.0", {"name": "m", "scope": "Model", "match": {"tools": ["x"]}}, "spec.circuitBreakers[0].match.tools",
     "set scope to Tool"),
    ("circuitBreakers.0.match", {"upstreams": ["nowhere"]}, "spec.circuitBreakers", "not in spec.upstreams"),
    ("circuitBreakers", [{"name": "a", "scope": "Tool"}] * 2, "spec.circuitBreakers[1]", "Duplicate"),
    ("errorBudgetPolicyRef", {}, "spec.errorBudgetPolicyRef.name", "Required"),
    ("fallbackChainRef", {}, "spec.fallbackChainRef.name", "Required"),
    ("cost", {"perTurn": {}}, "spec.cost.perTurn", "at least 1"),
    ("cost", {"perTurn": {"tokens": 0}}, "spec.cost.perTurn.tokens", "greater than or equal to 1"),
    ("cost", {"perDay": {"usd": "0.00"}}, "spec.cost.perDay.usd", "more than 0"),
    ("cost", {"perDay": {"usd": "-1"}}, "spec.cost.perDay.usd", "should match"),
    ("cost", {"perDay": {"usd": 1.5}}, "spec.cost.perDay.usd", "string"),
    ("cost", {"onExceed": "Ask"}, "spec.cost.onExceed", '"Reject", "Template", "Degrade"'),
    ("cost", {"onExceed": "Degrade"}, "spec.cost.onExceed", "need fallbackChainRef"),
    ("prices", [{"provider": "openai", "input": "1"}], "spec.prices[0].output", "Required"),
    ("prices", [{"provider": "openai", "input": "1e3", "output": "1"}], "spec.prices[0].input", "should match"),
    ("prices", [{"provider": "openai", "input": "1", "output": "1"}] * 2, "spec.prices[1]", "Duplicate"),
]
BAD_SLOS = [
    ("objective", "0", "spec.objective", "above 0 and below 100"),
    ("objective", "0.0000", "spec.objective", "above 0 and below 100"),
    ("objective", "100", "spec.objective", "above 0 and below 100"),
    ("objective", "-5", "spec.objective", "should match"),
    ("objective", "99.99999", "spec.objective", "7"),
    ("objective", "95%", "spec.objective", "should match"),
    ("objective", 95, "spec.objective", "integer"),
    ("objective", ABSENT, "spec.objective", "Required"),
    ("window", "2d", "spec.window", '"1h", "1d", "7d", "28d", "30d"'),
    ("targetRef", ABSENT, "spec.targetRef", "Required"),
    ("targetRef.kind", "Job", "spec.targetRef.kind", '"Deployment", "StatefulSet"'),
    ("sli", {}, "spec.sli.type", "Required"),
    ("sli", {"type": "Prometheus"}, "spec.sli.type", '"TaskSuccess", "ToolCallSuccess", "TurnLatency"'),
    ("sli", {"type": "TurnLatency"}, "spec.sli.threshold", "needs a threshold"),
    ("sli", {"type": "TurnLatency", "threshold": "2h"}, "spec.sli.threshold", "from 1ms to 1h"),
    ("sli", {"type": "TaskSuccess", "threshold": "8s"}, "spec.sli.threshold", "no other type"),
    ("sli", {"type": "TaskSuccess", "tool": "orders/search"}, "spec.sli.tool", "only type ToolCallSuccess"),
    ("sli", {"type": "TaskSuccess", "degradedIs": "Fine"}, "spec.sli.degradedIs", '"Good", "Bad"'),
    ("sli", {"type": "TurnLatency", "threshold": "8s", "degradedIs": "Bad"}, "spec.sli.degradedIs", "only type TaskSuccess"),
    ("sli", {"type": "ToolCallSuccess", "tool": "two words"}, "spec.sli.tool", "should match"),
    ("lowTraffic", {"minEvents": 0}, "spec.lowTraffic.minEvents", "or equal to 1"),
    ("lowTraffic", {"confidence": "Sloppy"}, "spec.lowTraffic.confidence", '"Standard", "Strict"'),
]
BAD_BUDGETS = [
    ("rules", [], "spec.rules", "at least 1"),
    ("rules", [BUDGET["rules"][0] | {"name": f"r{i}"} for i in range(17)], "spec.rules", "at most 16"),
    ("rules.1.name", "tell", "spec.rules[1]", "Duplicate"),
    ("rules.0.name", "Tell me", "spec.rules[0].name", "should match"),
    ("rules.0.when", {}, "spec.rules[0].when", "needs budgetAtMost, burnAtLeast or tier"),
    ("rules.0.when", {"for": "1m"}, "spec.rules[0].when", "needs budgetAtMost, burnAtLeast or tier"),
    ("rules.0.when", {"budgetAtMost": "1.5"}, "spec.rules[0].when.budgetAtMost", "at most 1"),
    ("rules.0.when", {"budgetAtMost": "25%"}, "spec.rules[0].when.budgetAtMost", "should match"),
    ("rules.0.when", {"budgetAtMost": 0.25}, "spec.rules[0].when.budgetAtMost", "string"),
    ("rules.0.when", {"burnAtLeast": "0"}, "spec.rules[0].when.burnAtLeast", "above 0"),
    ("rules.0.when", {"tier": "Page"}, "spec.rules[0].when.tier", '"Outage", "PageFast"'),
    ("rules.1.when.for", "25h", "spec.rules[1].when.for", "from 0s to 24h"),
    ("rules.0.action", {"type": "Freeze"}, "spec.rules[0].action.type", '"Notify", "Throttle", "Pause", "ScaleDown"'),
    ("rules.0.action", {"type": "Throttle", "maxRejectPercent": 100}, "spec.rules[0].action.maxRejectPercent", "or equal to 95"),
    ("rules.0.action", {"type": "Notify", "maxRejectPercent": 50}, "spec.rules[0].action.maxRejectPercent", "only type Throttle"),
    ("rules.0.action", {"type": "Notify", "thenScaleDownAfter": "5m"}, "spec.rules[0].action.thenScaleDownAfter",
     "only types Pause and ScaleDown"),
    ("guards", ABSENT, "spec.guards.minReplicas", "a rule scales down"),
    ("guards", {"minReplicas": -1}, "spec.guards.minReplicas", "or equal to 0"),
    ("guards", {"minReplicas": 0, "maxTripsPerDay": 0}, "spec.guards.maxTripsPerDay", "or equal to 1"),
    ("recovery", {"mode": "Never"}, "spec.recovery.mode", '"Automatic", "Manual"'),
    ("recovery", {"holdFor": "25h"}, "spec.recovery.holdFor", "from 0s to 24h"),
    ("recovery", {"halfOpen": {"openFor": "2h"}}, "spec.recovery.halfOpen.openFor", "longer than maxOpenFor"),
    ("recovery", {"halfOpen": {"maxProbes": 0}}, "spec.recovery.halfOpen.maxProbes", "or equal to 1"),
]
BAD_OVERRIDES = [
    ("type", "Hold", "spec.type", '"Release"'),
    ("reason", "because", "spec.reason", "at least 10"),
    ("reason", ABSENT, "spec.reason", "Required"),
    ("expiresAt", "tomorrow", "spec.expiresAt", "date-time"),
    ("expiresAt", ABSENT, "spec.expiresAt", "Required"),
]
BAD_ENFORCEMENTS = [("targetRef", ABSENT, "spec.targetRef", "Required")]
BAD_CHAINS = [
    ("tiers", [], "spec.tiers", "at least 1"),
    ("tiers", [{"name": f"t{i}", "provider": "openai"} for i in range(9)], "spec.tiers", "at most 8"),
    ("tiers.1.name", "primary", "spec.tiers[1]", "Duplicate"),
    ("tiers.0.name", "Tier 1", "spec.tiers[0].name", "should match"),
    ("tiers.0.provider", ABSENT, "spec.tiers[0].provider", "Required"),
    ("tiers.1.format", ABSENT, "spec.tiers[1].format", "an endpoint needs format"),
    ("tiers.0.format", "OpenAI", "spec.tiers[0].format", "only a tier with endpoint has format"),
    ("tiers.0.caBundleRef", {"name": "ca"}, "spec.tiers[0].caBundleRef", "only a tier with endpoint has caBundleRef"),
    ("tiers.1.format", "Gemini", "spec.tiers[1].format", '"OpenAI", "Anthropic"'),
    ("tiers.1.model", "two words", "spec.tiers[1].model", "should match"),
    ("tiers.1.endpoint", "llm.example", "spec.tiers[1].endpoint", "should match"),
    ("tiers.1.secretRef", {"name": "anthropic"}, "spec.tiers[1].secretRef.key", "Required"),
    ("tiers.1.secretRef.key", "../key", "spec.tiers[1].secretRef.key", "should match"),
    ("tiers.1.secretRef.key", "..data", "spec.tiers[1].secretRef.key", "should match"),
    ("tiers.0.timeout", "1ms", "spec.tiers[0].timeout", "from 10ms to 1h"),
    ("tiers.0.timeout", "6", "spec.tiers[0].timeout", "should match"),
    ("tiers.1.largerContext", "yes", "spec.tiers[1].largerContext", "string"),
    ("advanceOn", [], "spec.advanceOn", "at least 1"),
    ("advanceOn", ["overloaded", "content_filter"], "spec.advanceOn[1]", '"connect", "reset_before_headers"'),
    ("advanceOn", ["overloaded", "overloaded"], "spec.advanceOn[1]", "Duplicate"),
    ("sticky", "25h", "spec.sticky", "from 0s to 24h"),
    ("onMidStreamFailure", "Restart", "spec.onMidStreamFailure", '"Error", "RestartIfOnlyText"'),
    ("terminal", {"type": "Human"}, "spec.terminal.type", '"StaticResponse", "Reject"'),
    ("terminal", {"type": "StaticResponse"}, "spec.terminal.text", "StaticResponse needs text"),
    ("terminal", {"text": "no type, so Reject"}, "spec.terminal.text", "only StaticResponse has text"),
    ("terminal.text", "{{ .agent }} is away", "spec.terminal.text", "only {{.agent}} and {{.reason}}"),
    ("terminal.text", "x" * 2049, "spec.terminal.text", "2048"),
]
BAD = {"AgentReliabilityPolicy": BAD_POLICIES, "AgentSLO": BAD_SLOS, "ErrorBudgetPolicy": BAD_BUDGETS,
       "ReliabilityOverride": BAD_OVERRIDES, "AgentEnforcement": BAD_ENFORCEMENTS,
       "LLMFallbackChain": BAD_CHAINS}
IMMUTABLE = [
    ("AgentSLO", "targetRef.name", "other", "spec.targetRef"),
    ("AgentSLO", "window", "7d", "spec.window"),
    ("AgentSLO", "sli.type", "ToolCallSuccess", "spec.sli.type"),
    ("ReliabilityOverride", "targetRef.name", "other", "spec.targetRef"),
    ("AgentEnforcement", "targetRef.name", "other", "spec.targetRef"),
]


def changed(spec: dict, path: str, value) -> dict:
    spec = copy.deepcopy(spec)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    node = spec
    for part in parents:
        node = node[part]
    if value is ABSENT:
        del node[last]
    else:
        node[last] = value
    return spec


def resource(kind: str, name: str, spec: dict) -> dict:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


class CrdTest(unittest.TestCase):
    cluster: Cluster
    started = False

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(os.environ.get("RELIABILITY_API_CLUSTER", "crds"))
        cls.started = cls.cluster.status()["phase"] != "up"
        cls.cluster.up("api")
        cls.cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        cls.cluster.run("kubectl", "create", "namespace", NAMESPACE, check=False)
        cls.cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(ROOT / "crds"))

    @classmethod
    def tearDownClass(cls):
        if cls.started:
            cls.cluster.down()
        else:
            cls.cluster.kubectl("delete", "namespace", NAMESPACE)

    def kubectl(self, *arguments, objects=None, check=True):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}) if objects is not None else None
        return self.cluster.run("kubectl", "-n", NAMESPACE, *arguments, stdin=text, check=check)

    def create(self, objects, *arguments, check=True):
        return self.kubectl("create", "-f", "-", *arguments, objects=objects, check=check)

    def test_schemas_are_structural_and_the_rules_within_the_cost_limits(self):
        for crd in json.loads(self.kubectl("get", "crd", "-o", "json").stdout)["items"]:
            states = {c["type"]: c for c in crd["status"]["conditions"]}
            self.assertNotIn("NonStructuralSchema", states, crd["metadata"]["name"])
            self.assertEqual(states["Established"]["status"], "True")
            self.assertEqual(crd["spec"]["names"]["categories"], ["agentreliability"])

    def test_valid_objects_are_accepted(self):
        breakers = [{"name": "slow", "scope": "Tool", "operation": "MetricsOnly",
                     "trip": {"slowCallPercent": 60, "slowCallDuration": "2s"}},
                    {"name": "fast", "scope": "Model", "operation": "ForcedOpen", "trip": {"slowCallPercent": 0}},
                    {"name": "agent", "scope": "Agent", "trip": {"failurePercent": 5, "minCalls": 20, "meanLatency": "30s"},
                     "openFor": "5m"}]
        self.create([resource(kind, "valid", spec) for kind, spec in KINDS.items()] +
                    [resource("AgentReliabilityPolicy", "breakers", changed(POLICY, "circuitBreakers", breakers))],
                    "--dry-run=server")

    def test_the_manifests_that_users_copy_are_accepted(self):
        self.cluster.run("kubectl", "create", "namespace", "support", check=False)
        self.addCleanup(self.cluster.run, "kubectl", "delete", "namespace", "support")
        for name in ("policy", "fallback-chain", "slo", "error-budget-policy"):
            done = self.cluster.run("kubectl", "apply", "--dry-run=server", "-f", str(ROOT / f"examples/refunds/{name}.yaml"))
            self.assertIn("created", done.stdout)

    def test_invalid_objects_are_refused_with_the_field_and_the_reason(self):
        for kind, cases in BAD.items():
            objects = [resource(kind, f"case-{i}", changed(KINDS[kind], path, value))
                       for i, (path, value, _, _) in enumerate(cases)]
            # Else kubectl itself refuses the whole list for what OpenAPI can say; this is about the server.
            done = self.create(objects, "--dry-run=server", "--validate=false", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, "", f"accepted: {done.stdout}")
            refused = re.findall(r'"case-(\d+)" is invalid: (.*?)(?=\nThe |\Z)', done.stderr, re.S)
            messages = {int(number): message for number, message in refused}
            for i, (path, value, field, reason) in enumerate(cases):
                with self.subTest(kind=kind, path=path, value=value):
                    message = messages.get(i, "not refused: " + done.stderr)
                    self.assertIn(field + ":", message)
                    self.assertIn(reason, message)

    def test_fields_that_would_make_history_lie_cannot_change(self):
        for kind, path, value, field in IMMUTABLE:
            with self.subTest(kind=kind, path=path):
                name = "fixed-" + path.split(".")[0].lower()
                self.create([resource(kind, name, KINDS[kind])])
                self.addCleanup(self.kubectl, "delete", kind, name)
                done = self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", check=False,
                                    objects=[resource(kind, name, changed(KINDS[kind], path, value))])
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(field, done.stderr)
                self.assertIn("cannot be changed", done.stderr)

    def test_defaults(self):
        self.create([resource("AgentReliabilityPolicy", "defaults", changed(POLICY, "enforcement", ABSENT)),
                     resource("AgentSLO", "defaults", SLO), resource("ErrorBudgetPolicy", "defaults", BUDGET),
                     resource("LLMFallbackChain", "defaults", {"tiers": [{"name": "only", "provider": "openai"}]})])
        self.addCleanup(self.kubectl, "delete", "arp,agslo,ebp,lfc", "defaults")
        policy, slo, budget, chain = (json.loads(self.kubectl("get", kind, "defaults", "-o", "json").stdout)["spec"]
                               for kind in ("arp", "agslo", "ebp", "lfc"))
        self.assertEqual(policy["enforcement"], "Observe")
        self.assertEqual(policy["targetRefs"][0]["group"], "apps")
        self.assertEqual(policy["turn"], {"timeout": "15s", "identity": "Auto", "onStreamDeadline": "Error"})
        self.assertNotIn("timeouts", policy)
        self.assertEqual(policy["circuitBreakers"][0], {
            "name": "tools", "scope": "Tool", "operation": "Automatic", "maxOpenFor": "5m", "halfOpen": {"maxProbes": 2, "successes": 2},
            "trip": {"consecutiveFailures": 3, "failurePercent": 50, "minCalls": 5, "window": "60s"}})
        self.assertEqual(slo["window"], "30d")
        self.assertEqual(slo["lowTraffic"], {"minEvents": 10, "minBad": 3, "confidence": "Standard"})
        self.assertEqual(budget["recovery"], {"mode": "Automatic", "holdFor": "15m", "halfOpen": {
            "openFor": "5m", "maxOpenFor": "1h", "maxProbes": 2}})
        self.assertEqual(budget["guards"], {"maxTripsPerDay": 3, "minReplicas": 0})
        self.assertEqual(len(chain.pop("advanceOn")), 13)
        self.assertEqual(chain, {"tiers": [{"name": "only", "provider": "openai", "largerContext": False}], "sticky": "60s",
                                 "onMidStreamFailure": "Error", "terminal": {"type": "Reject"}})

    def test_every_field_is_explained(self):
        for kind in KINDS:
            text = self.kubectl("explain", kind, "--recursive").stdout
            self.assertIn("spec", text)
            for line in self.kubectl("explain", kind + ".spec").stdout.splitlines():
                self.assertNotIn("<no description>", line, kind)
        text = " ".join(self.kubectl("explain", "arp.spec.turn.timeout").stdout.split())
        self.assertIn("Deadline of a turn, from 1s to 1h (default 15s)", text)

    def status(self, kind, name, status):
        self.create([resource(kind, name, KINDS[kind])])
        self.addCleanup(self.kubectl, "delete", kind, name)
        self.kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))

    def row(self, kind, name, *arguments):
        lines = self.kubectl("get", kind, name, *arguments).stdout.splitlines()
        return lines[0].split(), lines[1].split()

    def condition(self, kind, status):
        return {"type": kind, "status": status, "reason": kind, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}

    def test_tables(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 360))
        self.status("AgentReliabilityPolicy", "refunds", {
            "target": "Deployment/refunds-agent", "covered": "3/3",
            "conditions": [self.condition("Accepted", "True"), self.condition("Programmed", "True")]})
        self.status("AgentSLO", "refunds-completed", {
            "target": "Deployment/refunds-agent", "objective": "95%", "burnRate": "14.8x", "state": "Exhausted",
            "exhaustsAt": "2031-01-01T00:00:00Z", "budget": {"left": "-20%", "events": 1000, "badEvents": 60}})
        self.status("ErrorBudgetPolicy", "careful", {"rules": "tell:Notify,stop:Pause", "attachedSLOs": 1})
        self.status("LLMFallbackChain", "claude-behind", {"tierNames": "primary,claude,StaticResponse", "active": "primary"})
        self.status("ReliabilityOverride", "back", {"target": "Deployment/refunds-agent"})
        self.status("AgentEnforcement", "deployment-refunds-agent", {
            "mode": "ScaledDown", "cause": "refunds-completed/stop", "since": now, "until": "HalfOpen 10:42:10Z",
            "ledger": {"actuator": "ScaleSubresource", "originalReplicas": 3}})
        head, row = self.row("arp", "refunds")
        self.assertEqual(head, "NAME TARGET ENFORCEMENT ACCEPTED PROGRAMMED COVERED AGE".split())
        self.assertEqual(row[:-1], "refunds Deployment/refunds-agent Enforce True True 3/3".split())
        head, row = self.row("agslo", "refunds-completed", "-o", "wide")
        self.assertEqual(head, "NAME TARGET OBJECTIVE WINDOW BUDGET BURN STATE AGE EVENTS EXHAUSTS".split())
        self.assertEqual(row[:7], "refunds-completed Deployment/refunds-agent 95% 30d -20% 14.8x Exhausted".split())
        self.assertEqual(row[8:], ["1000", "2031-01-01T00:00:00Z"])
        head, row = self.row("ebp", "careful")
        self.assertEqual(head, "NAME RULES ATTACHED AGE".split())
        self.assertEqual(row[:3], "careful tell:Notify,stop:Pause 1".split())
        head, row = self.row("lfc", "claude-behind")
        self.assertEqual(head, "NAME TIERS ACTIVE AGE".split())
        self.assertEqual(row[:3], "claude-behind primary,claude,StaticResponse primary".split())
        head, row = self.row("rov", "back")
        self.assertEqual(head, "NAME TARGET TYPE REASON EXPIRES".split())
        self.assertEqual(row[-1], "2026-12-01T00:00:00Z")
        head, row = self.row("aenf", "deployment-refunds-agent")
        self.assertEqual(head, "NAME MODE CAUSE SINCE ACTUATOR UNTIL".split())
        self.assertEqual(row[1:3], "ScaledDown refunds-completed/stop".split())
        self.assertRegex(row[3], r"^6m")
        self.assertEqual(row[4:], "ScaleSubresource HalfOpen 10:42:10Z".split())
        text = self.kubectl("get", "agentreliability").stdout
        for name in ("refunds", "careful", "back", "deployment-refunds-agent"):
            self.assertIn("/" + name, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
