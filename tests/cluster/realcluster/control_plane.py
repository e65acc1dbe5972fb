"""Command lines and files of etcd, kube-apiserver, kube-controller-manager and kube-scheduler."""

from __future__ import annotations

import json

from . import binaries
from .layout import Layout


def _audit_policy() -> dict:
    """Everything except the control plane's own reads; our kinds with the request body, to debug writes."""
    reads = ["get", "list", "watch"]
    quiet = {"level": "None", "verbs": reads}
    return {
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [
            {**quiet, "userGroups": ["system:nodes", "system:serviceaccounts:kube-system"]},
            {**quiet, "users": ["system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy",
                                "system:apiserver"]},
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi*"]},
            {"level": "Request", "resources": [{"group": "agentreliability.dev"}]},
            {"level": "Metadata"},
        ],
    }


def write_config(layout: Layout) -> None:
    layout.config.mkdir(parents=True, exist_ok=True)
    layout.logs.mkdir(parents=True, exist_ok=True)
    (layout.config / "audit-policy.json").write_text(json.dumps(_audit_policy(), indent=1))


def etcd(layout: Layout) -> list[str]:
    """Only on the namespace's loopback, so fixed ports are safe; no fsync, the data never outlives the cluster."""
    return [str(binaries.program("etcd")), f"--data-dir={layout.data}/etcd", f"--name={layout.name}",
            "--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            f"--initial-cluster={layout.name}=http://127.0.0.1:2380", "--unsafe-no-fsync", "--log-level=warn"]


def kube_apiserver(layout: Layout, audit: bool) -> list[str]:
    pki = layout.pki
    command = [
        str(binaries.program("kube-apiserver")),
        "--etcd-servers=http://127.0.0.1:2379", "--secure-port=6443", f"--advertise-address={layout.node_address}",
        f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={pki}/ca.crt", "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/sa.pub", f"--service-account-signing-key-file={pki}/sa.key",
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={layout.service_range}", "--allow-privileged=true",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client", "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
    ]
    if audit:
        command += [f"--audit-policy-file={layout.config}/audit-policy.json",
                    f"--audit-log-path={layout.audit_log}", "--audit-log-maxsize=2000"]
    return command


def kube_controller_manager(layout: Layout) -> list[str]:
    pki, kubeconfig = layout.pki, f"{layout.pki}/controller-manager.kubeconfig"
    return [
        str(binaries.program("kube-controller-manager")), f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1", "--use-service-account-credentials", "--leader-elect=false",
        f"--service-account-private-key-file={pki}/sa.key", f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt", f"--cluster-signing-key-file={pki}/ca.key",
        # At the default of 20 requests/s it needs 4 s to fetch its controllers' tokens.
        "--kube-api-qps=200", "--kube-api-burst=400",
        # An HPA that is told to let go of a workload, or to take it back, shows it in 5 s instead of 15.
        "--horizontal-pod-autoscaler-sync-period=5s",
    ]


def kube_scheduler(layout: Layout) -> list[str]:
    kubeconfig = f"{layout.pki}/scheduler.kubeconfig"
    return [str(binaries.program("kube-scheduler")), f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}", f"--authorization-kubeconfig={kubeconfig}",
            "--bind-address=127.0.0.1", "--leader-elect=false"]
