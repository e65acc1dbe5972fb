"""A small API client for the suite: kubectl costs 0.3 s of CPU a call, and the tests poll.

What a user would type (kubectl, helm) is run as they would type it; what only watches runs through here.
"""

import base64
import http.client
import json
import re
import ssl
import subprocess
import tempfile
import threading
import time

PLURALS = {
    "AgentReliabilityPolicy": ("apis/agentreliability.dev/v1alpha1", "agentreliabilitypolicies"),
    "AgentSLO": ("apis/agentreliability.dev/v1alpha1", "agentslos"),
    "LLMFallbackChain": ("apis/agentreliability.dev/v1alpha1", "llmfallbackchains"),
    "ErrorBudgetPolicy": ("apis/agentreliability.dev/v1alpha1", "errorbudgetpolicies"),
    "AgentEnforcement": ("apis/agentreliability.dev/v1alpha1", "agentenforcements"),
    "ReliabilityOverride": ("apis/agentreliability.dev/v1alpha1", "reliabilityoverrides"),
    "Deployment": ("apis/apps/v1", "deployments"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Namespace": ("api/v1", "namespaces"),
    "Pod": ("api/v1", "pods"),
    "Service": ("api/v1", "services"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "Event": ("apis/events.k8s.io/v1", "events"),
    "Lease": ("apis/coordination.k8s.io/v1", "leases"),
}


class ApiError(Exception):
    def __init__(self, status, text):
        super().__init__(f"HTTP {status}: {text[:600]}")
        self.status = status
        self.text = text


class Kube:
    """Thread-safe; one kept connection per thread, closed with the thread."""

    def __init__(self, kubeconfig, kubectl):
        self.kubeconfig = str(kubeconfig)
        self.kubectl_path = str(kubectl)
        raw = json.loads(subprocess.run(
            [self.kubectl_path, "--kubeconfig", self.kubeconfig, "config", "view", "--raw", "--flatten",
             "--minify", "-o", "json"], capture_output=True, text=True, check=True).stdout)
        server = re.match(r"https://\[?([^\]/]+?)\]?:(\d+)", raw["clusters"][0]["cluster"]["server"])
        self._host, self._port = server.group(1), int(server.group(2))
        user, cluster = raw["users"][0]["user"], raw["clusters"][0]["cluster"]
        self._tls = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(base64.b64decode(user["client-certificate-data"]))
            pair.write(base64.b64decode(user["client-key-data"]))
            pair.flush()
            self._tls.load_cert_chain(pair.name)
        self._local = threading.local()

    def call(self, method, path, body=None, content_type="application/json", timeout=15):
        headers = {"Content-Type": content_type} if body is not None else {}
        data = json.dumps(body) if body is not None else None
        for attempt in (0, 1):  # a kept connection may have been closed by the server meanwhile
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls,
                                                         timeout=timeout)
                self._local.connection = connection
            try:
                connection.request(method, "/" + path.lstrip("/"), data, headers)
                response = connection.getresponse()
                text = response.read().decode(errors="replace")
                break
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                if attempt == 1:
                    raise ApiError(0, str(error)) from error
        if response.status >= 400:
            raise ApiError(response.status, text)
        return json.loads(text) if text else None

    @staticmethod
    def path(kind, namespace=None, name=None, subresource=None):
        base, plural = PLURALS[kind]
        parts = [base] + (["namespaces", namespace] if namespace else []) + [plural]
        return "/".join(parts + ([name] if name else []) + ([subresource] if subresource else []))

    def get(self, kind, namespace, name):
        return self.call("GET", self.path(kind, namespace, name))

    def find(self, kind, namespace, name):
        """The object, or None if there is none."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind, namespace=None, selector=""):
        query = f"?labelSelector={selector}" if selector else ""
        return self.call("GET", self.path(kind, namespace) + query)["items"]

    def apply(self, *objects):
        """Server-side apply as a user's kubectl would do it."""
        for item in objects:
            meta = item["metadata"]
            self.call("PATCH", self.path(item["kind"], meta.get("namespace"), meta["name"])
                      + "?fieldManager=suite&force=true", item, "application/apply-patch+yaml")

    def patch(self, kind, namespace, name, change, subresource=None):
        return self.call("PATCH", self.path(kind, namespace, name, subresource), change,
                         "application/merge-patch+json")

    def delete(self, kind, namespace, name, grace=None):
        body = {"gracePeriodSeconds": grace} if grace is not None else None
        try:
            self.call("DELETE", self.path(kind, namespace, name), body)
        except ApiError as error:
            if error.status != 404:
                raise

    def kubectl(self, *arguments, check=True, stdin=None):
        done = subprocess.run([self.kubectl_path, "--kubeconfig", self.kubeconfig, *arguments],
                              capture_output=True, text=True, check=False, input=stdin, timeout=300)
        if check and done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def events(self, namespace, reason=None, name=None):
        return [event for event in self.list("Event", namespace)
                if (reason is None or event.get("reason") == reason)
                and (name is None or event.get("regarding", {}).get("name") == name)]


def wait_for(what, probe, timeout=60.0, every=0.1):
    """The first truthy value of probe(); an AssertionError that says what was waited for otherwise.

    The timeout is for a broken product, not a slow machine: far above what is expected.
    """
    end = time.monotonic() + timeout
    seen = None
    while True:
        try:
            value = probe()
        except ApiError as error:
            value, seen = None, error
        else:
            seen = value if value is not None else seen
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:.0f} s for {what}; last seen: {str(seen)[:800]}")
        time.sleep(every)


def condition(item, kind):
    """One condition of an object as (status, reason, message), or None."""
    for entry in (item or {}).get("status", {}).get("conditions", []):
        if entry["type"] == kind:
            return entry["status"], entry["reason"], entry["message"]
    return None


def http_call(address, method, path, body=None, timeout=20, port=8080):
    """A plain HTTP call to a pod or Service address: (status, parsed JSON or text, headers)."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        try:
            return response.status, json.loads(text), dict(response.getheaders())
        except ValueError:
            return response.status, text, dict(response.getheaders())
    finally:
        connection.close()
