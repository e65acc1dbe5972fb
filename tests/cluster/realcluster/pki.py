"""Keys, certificates and kubeconfig files of one cluster, made with openssl at each start."""

from __future__ import annotations

import base64
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .layout import ClusterError, Layout

_CONFIG = "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\n"
_CLIENT, _SERVER = "clientAuth", "serverAuth"


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"openssl {' '.join(arguments)}: {done.stderr.strip()}")


def _authority(folder: Path, name: str) -> None:
    _openssl("req", "-config", str(folder / "openssl.cnf"), "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={name}",
             "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt"),
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-addext", "subjectKeyIdentifier=hash")


def _leaf(folder: Path, name: str, subject: str, usage: str, authority: str = "ca", names: str = "") -> None:
    extra = ["-addext", f"subjectAltName={names}"] if names else []
    _openssl("req", "-config", str(folder / "openssl.cnf"), "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", subject,
             "-CA", str(folder / f"{authority}.crt"), "-CAkey", str(folder / f"{authority}.key"),
             "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt"),
             "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature",
             "-addext", f"extendedKeyUsage={usage}", "-addext", "authorityKeyIdentifier=keyid", *extra)


def create(layout: Layout) -> None:
    """Everything under layout.pki plus the admin kubeconfig; clock skew is no matter, all runs on one machine."""
    folder = layout.pki
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "openssl.cnf").write_text(_CONFIG)
    api_names = ",".join(["DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc",
                          "DNS:kubernetes.default.svc.cluster.local", "IP:127.0.0.1", f"IP:{layout.node_address}",
                          f"IP:{layout.api_service_address}"])
    node = layout.name
    leaves = [
        ("apiserver", "/CN=kube-apiserver", _SERVER, "ca", api_names),
        ("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", _CLIENT),
        ("front-proxy-client", "/CN=front-proxy-client", _CLIENT, "front-proxy-ca"),
        ("admin", "/O=system:masters/CN=admin", _CLIENT),
        ("controller-manager", "/CN=system:kube-controller-manager", _CLIENT),
        ("scheduler", "/CN=system:kube-scheduler", _CLIENT),
        ("proxy", "/CN=system:kube-proxy", _CLIENT),
        ("kubelet", f"/O=system:nodes/CN=system:node:{node}", _CLIENT),
        ("kubelet-server", f"/O=system:nodes/CN=system:node:{node}", _SERVER, "ca",
         f"DNS:{node},IP:{layout.node_address}"),
    ]
    with ThreadPoolExecutor(max_workers=4) as pool:
        key = pool.submit(_openssl, "genrsa", "-out", str(folder / "sa.key"), "2048")
        for done in [pool.submit(_authority, folder, name) for name in ("ca", "front-proxy-ca")]:
            done.result()
        for done in [pool.submit(_leaf, folder, *leaf) for leaf in leaves]:
            done.result()
        key.result()
    _openssl("rsa", "-in", str(folder / "sa.key"), "-pubout", "-out", str(folder / "sa.pub"))
    for user in ("controller-manager", "scheduler", "proxy", "kubelet"):
        write_kubeconfig(layout, user, folder / f"{user}.kubeconfig")
    write_kubeconfig(layout, "admin", layout.kubeconfig)


def write_kubeconfig(layout: Layout, user: str, path: Path) -> None:
    def data(name: str) -> str:
        return base64.b64encode((layout.pki / name).read_bytes()).decode()

    path.touch(mode=0o600)
    path.write_text(f"""apiVersion: v1
kind: Config
clusters:
- name: {layout.name}
  cluster:
    server: {layout.server}
    certificate-authority-data: {data("ca.crt")}
contexts:
- name: {layout.name}
  context:
    cluster: {layout.name}
    user: {user}
current-context: {layout.name}
users:
- name: {user}
  user:
    client-certificate-data: {data(f"{user}.crt")}
    client-key-data: {data(f"{user}.key")}
""")
