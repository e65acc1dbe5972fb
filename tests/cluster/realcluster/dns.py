"""CoreDNS in kube-system: names of Services inside the pods, and nothing outside the cluster."""

from __future__ import annotations

import time

from .api import Api
from .layout import ClusterError, Layout
from .scratch_images import COREDNS_IMAGE

_NAMESPACED = {"namespace": "kube-system", "name": "coredns"}
_LABELS = {"k8s-app": "kube-dns"}
_COREFILE = """.:5353 {
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ttl 5
    }
    cache 5
}
"""


def _pod_spec() -> dict:
    return {
        "serviceAccountName": "coredns", "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 2, "dnsPolicy": "Default",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
        "containers": [{
            "name": "coredns", "image": COREDNS_IMAGE, "imagePullPolicy": "Never",
            "args": ["-conf", "/etc/coredns/Corefile"],
            "ports": [{"containerPort": 5353, "protocol": "UDP", "name": "dns"},
                      {"containerPort": 5353, "protocol": "TCP", "name": "dns-tcp"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"]}},
        }],
    }


def _manifests(layout: Layout) -> list[tuple[str, dict]]:
    kube_system = "/namespaces/kube-system"
    subject = [{"kind": "ServiceAccount", "namespace": "kube-system", "name": "coredns"}]
    role = "/apis/rbac.authorization.k8s.io/v1"
    return [
        (f"/api/v1{kube_system}/serviceaccounts/coredns", {
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": _NAMESPACED}),
        (f"{role}/clusterroles/coredns", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "coredns"},
            "rules": [{"apiGroups": [""], "resources": ["services", "namespaces"], "verbs": ["list", "watch"]},
                      {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"],
                       "verbs": ["list", "watch"]}]}),
        (f"{role}/clusterrolebindings/coredns", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "coredns"}, "subjects": subject,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "coredns"}}),
        (f"/api/v1{kube_system}/configmaps/coredns", {
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": _NAMESPACED, "data": {"Corefile": _COREFILE}}),
        (f"/api/v1{kube_system}/services/kube-dns", {
            "apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "kube-system", "name": "kube-dns"},
            "spec": {"clusterIP": layout.dns_address, "selector": _LABELS, "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 5353}]}}),
        (f"/apis/apps/v1{kube_system}/deployments/coredns", {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": _NAMESPACED,
            "spec": {"replicas": 1, "selector": {"matchLabels": _LABELS},
                     "template": {"metadata": {"labels": _LABELS}, "spec": _pod_spec()}}}),
    ]


def deploy(layout: Layout, api: Api, timeout: float = 30) -> None:
    """Retries while the API server still sets up kube-system and its priority classes."""
    deadline = time.monotonic() + timeout
    for path, manifest in _manifests(layout):
        while True:
            status, text = api.apply(path, manifest)
            if status in (200, 201):
                break
            if time.monotonic() > deadline:
                raise ClusterError(f"cannot create {path}: {status} {text}")
            time.sleep(0.1)


def ready(api: Api) -> bool:
    deployment = api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
    return bool(deployment) and deployment.get("status", {}).get("readyReplicas", 0) >= 1
