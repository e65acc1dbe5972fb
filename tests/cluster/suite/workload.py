"""One tenant of the suite: a namespace with the simulator, the unchanged agent and its objects."""

import concurrent.futures

from kube import http_call, wait_for

IMAGE = "localhost/agent-reliability-examples:dev"
RESTRICTED = {
    "runAsNonRoot": True, "runAsUser": 65532, "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class Tenant:
    """All calls are blocking. Names are the same in every namespace, so tests read alike."""

    agent = "refunds-agent"
    enforcement = "deployment-refunds-agent"

    def __init__(self, kube, namespace):
        self.kube = kube
        self.namespace = namespace

    # -- set-up -------------------------------------------------------------------------------

    def create(self, injected=True):
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        if injected:
            labels["agentreliability.dev/inject"] = "enabled"
        self.kube.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}},
            {"apiVersion": "v1", "kind": "Namespace",
             "metadata": {"name": self.namespace + "-upstream",
                          "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        self._simulator()
        return self

    def _simulator(self):
        where = self.namespace + "-upstream"
        container = {"name": "simulator", "image": IMAGE, "imagePullPolicy": "Never",
                     "command": ["python3", "-m", "simulator", "--host", "0.0.0.0", "--port", "8080"],
                     "securityContext": RESTRICTED, "ports": [{"containerPort": 8080}]}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "simulator", "namespace": where},
                   "spec": {"selector": {"app": "simulator"}, "ports": [{"port": 8080, "targetPort": 8080}]}}
        self.kube.apply(self._deployment("simulator", where, container, 1), service)
        ready = wait_for("the simulator", lambda: next(
            (pod for pod in self.kube.list("Pod", where) if _ready(pod)), None), 90)
        self.simulator_ip = ready["status"]["podIP"]
        wait_for("the simulator's answer", lambda: _answers(self.simulator_ip, "/admin/counts"), 60)

    def _deployment(self, name, namespace, container, replicas):
        return {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [container], "terminationGracePeriodSeconds": 5,
                                           "automountServiceAccountToken": False}}}}

    def deploy(self, replicas=1, env=None):
        settings = {"OPENAI_API_KEY": "not-a-secret", "OPENAI_BASE_URL": self.llm_url,
                    "ORDERS_MCP_URL": self.mcp_url, **(env or {})}
        container = {"name": "agent", "image": IMAGE, "imagePullPolicy": "Never",
                     "command": ["python3", "-m", "agent"], "securityContext": RESTRICTED,
                     "ports": [{"containerPort": 8080}],
                     "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
                     "env": [{"name": key, "value": value} for key, value in settings.items()]}
        self.kube.apply(self._deployment(self.agent, self.namespace, container, replicas))

    @property
    def llm_url(self):
        return f"http://simulator.{self.namespace}-upstream.svc:8080/v1"

    @property
    def mcp_url(self):
        return f"http://simulator.{self.namespace}-upstream.svc:8080/mcp"

    def policy(self, **changes):
        spec = {
            "targetRefs": [self.target], "enforcement": "Enforce",
            "upstreams": {"llms": [{"name": "openai", "format": "OpenAI", "url": self.llm_url}],
                          "mcpServers": [{"name": "orders", "url": self.mcp_url}]},
            "turn": {"timeout": "6s", "synthesisReserve": "1s"}, "timeouts": {"llm": "4s", "tool": "1s"},
            "circuitBreakers": [{"name": "tools", "scope": "Tool", "trip": {"consecutiveFailures": 3},
                                 "openFor": "5s"}],
            **changes}
        self.kube.apply(self._object("AgentReliabilityPolicy", "refunds", spec))

    def slo(self, name="refunds-completed", objective="95", window="1h", **changes):
        spec = {"targetRef": self.target, "objective": objective, "window": window,
                "sli": {"type": "TaskSuccess"}, "errorBudgetPolicyRef": {"name": "careful"}, **changes}
        self.kube.apply(self._object("AgentSLO", name, spec))

    def budget_policy(self, rules=None, **changes):
        spec = {
            "rules": rules or [
                {"name": "tell", "when": {"budgetAtMost": "0.25"}, "action": {"type": "Notify"}},
                {"name": "stop", "when": {"budgetAtMost": "0", "tier": "PageFast"},
                 "action": {"type": "Pause", "thenScaleDownAfter": "3s"}}],
            "recovery": {"mode": "Automatic", "holdFor": "5s", "halfOpen": {"openFor": "5s", "maxProbes": 4}},
            "guards": {"maxTripsPerDay": 5, "minReplicas": 0}, **changes}
        self.kube.apply(self._object("ErrorBudgetPolicy", "careful", spec))

    @property
    def target(self):
        return {"group": "apps", "kind": "Deployment", "name": self.agent}

    def _object(self, kind, name, spec):
        return {"apiVersion": "agentreliability.dev/v1alpha1", "kind": kind,
                "metadata": {"name": name, "namespace": self.namespace}, "spec": spec}

    # -- what there is ------------------------------------------------------------------------

    def pods(self, ready=True):
        return [pod for pod in self.kube.list("Pod", self.namespace, f"app={self.agent}")
                if not ready or _ready(pod)]

    def wait_ready(self, replicas, timeout=120):
        return wait_for(f"{replicas} ready agent pods", lambda: (
            pods if len(pods := self.pods()) == replicas and len(self.pods(ready=False)) == replicas else None),
            timeout)

    def mode(self):
        item = self.kube.find("AgentEnforcement", self.namespace, self.enforcement) or {}
        return item.get("status", {}).get("mode")

    def wait_mode(self, *modes, timeout=120):
        return wait_for(f"mode {' or '.join(modes)}", lambda: self.mode() in modes and self.mode(), timeout, 0.2)

    def replicas(self):
        return self.kube.get("Deployment", self.namespace, self.agent)["spec"]["replicas"]

    def ledger(self, pod):
        return http_call(pod["status"]["podIP"], "GET", "/ledger", port=15190)[1]

    def covered(self):
        item = self.kube.get("AgentReliabilityPolicy", self.namespace, "refunds")
        return item.get("status", {}).get("covered")

    def wait_covered(self, pods, slos=0):
        """Every pod enforces the policy and counts for this many SLOs."""
        wait_for("coverage", lambda: self.covered() == f"{len(pods)}/{len(pods)}")
        if slos:
            wait_for("the SLO in every sidecar", lambda: all(len(self.ledger(pod)["slos"]) == slos for pod in pods))

    # -- traffic ------------------------------------------------------------------------------

    def ask(self, pod, question, timeout=60):
        """One task of the agent in this pod: the agent's own report."""
        return http_call(pod["status"]["podIP"], "POST", "/ask", {"question": question}, timeout)

    def ask_many(self, pods, count, first=1000, workers=8):
        """`count` different questions spread over the pods; the list of (status, body)."""
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return [(status, body) for status, body, _ in pool.map(
                lambda n: self.ask(pods[n % len(pods)], f"Where is order {first + n}?"), range(count))]

    def burn(self, pods):
        """Half of 60 tasks fail: the tool answers errors, so the answers are written without it."""
        self.ask_many(pods, 30, first=1000)
        self.fault({"kind": "mcp", "tool": "search"}, {"type": "jsonRpcError", "code": -32603})
        self.ask_many(pods, 30, first=2000)

    def fault(self, match, action, **rest):
        status, body, _ = http_call(self.simulator_ip, "POST", "/admin/faults",
                                    {"match": match, "action": action, **rest})
        assert status == 201, body

    def heal(self):
        http_call(self.simulator_ip, "DELETE", "/admin/faults")

    def forget(self):
        http_call(self.simulator_ip, "POST", "/admin/reset", {})

    def counts(self):
        return http_call(self.simulator_ip, "GET", "/admin/counts")[1]

    def close(self):
        for namespace in (self.namespace, self.namespace + "-upstream"):
            self.kube.delete("Namespace", None, namespace)


def _ready(pod):
    return pod["metadata"].get("deletionTimestamp") is None and any(
        entry["type"] == "Ready" and entry["status"] == "True"
        for entry in pod.get("status", {}).get("conditions", []))


def _answers(address, path):
    try:
        return http_call(address, "GET", path, timeout=2)[0] == 200
    except OSError:
        return False
