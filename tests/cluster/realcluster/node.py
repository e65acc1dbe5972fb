"""Configuration and command lines of containerd, CNI, kubelet and kube-proxy.

Paths that these programs share by default between all their instances on a machine (cgroup root, pod logs, CNI
data, runc state, plugin folders) are each given a place of this cluster's own.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import binaries
from .layout import Layout

CNI_PLUGINS = Path("/usr/lib/cni")
PAUSE_IMAGE = "localhost/pause:3.10"


def _snapshotter(folder: Path) -> str:
    """overlayfs, unless the folder is itself on an overlay (a container), where overlays cannot be stacked."""
    best, kind = "", ""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount_point, fs_type, *_ = line.split()
        if str(folder).startswith(mount_point) and len(mount_point) >= len(best):
            best, kind = mount_point, fs_type
    return "native" if kind == "overlay" else "overlayfs"


def _containerd_config(layout: Layout) -> str:
    return f"""version = 2
root = "{layout.data}/containerd"
state = "{layout.containerd_state}"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "{layout.containerd_socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{layout.config}/cni"
    max_conf_num = 1
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{_snapshotter(layout.data)}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{layout.run}/runc"
"""


def _cni_config(layout: Layout) -> dict:
    """ptp: every pod is its own routed link, so Service addresses work between pods without br_netfilter."""
    return {
        "cniVersion": "0.4.0", "name": layout.cni_network,
        "plugins": [
            {"type": "ptp", "ipMasq": False, "ipam": {
                "type": "host-local", "dataDir": f"{layout.run}/cni-ipam",
                "ranges": [[{"subnet": layout.pod_range}]], "routes": [{"dst": "0.0.0.0/0"}]}},
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        ],
    }


def _kubelet_config(layout: Layout) -> dict:
    pki = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{layout.cgroup}",
        "enforceNodeAllocatable": [], "failSwapOn": False, "makeIPTablesUtilChains": False,
        "resolvConf": f"{layout.config}/resolv.conf", "clusterDNS": [layout.dns_address],
        "clusterDomain": "cluster.local", "podLogsDir": str(layout.pod_logs),
        "volumePluginDir": f"{layout.data}/volume-plugins", "staticPodPath": "",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": f"{pki}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/kubelet-server.crt", "tlsPrivateKeyFile": f"{pki}/kubelet-server.key",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%",
                         "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
    }


def _proxy_config(layout: Layout) -> dict:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{layout.pki}/proxy.kubeconfig"},
        "mode": "iptables", "clusterCIDR": layout.pod_range, "hostnameOverride": layout.name,
        "iptables": {"minSyncPeriod": "0s"},
        # 0: leave the host's conntrack sysctls alone.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def write_config(layout: Layout) -> None:
    for folder in (layout.config / "cni", layout.pod_logs, layout.data / "kubelet", layout.data / "volume-plugins"):
        folder.mkdir(parents=True, exist_ok=True)
    (layout.config / "containerd.toml").write_text(_containerd_config(layout))
    (layout.config / "cni" / "10-pods.conflist").write_text(json.dumps(_cni_config(layout), indent=1))
    (layout.config / "resolv.conf").write_text("")
    (layout.config / "kubelet.json").write_text(json.dumps(_kubelet_config(layout), indent=1))
    (layout.config / "kube-proxy.json").write_text(json.dumps(_proxy_config(layout), indent=1))


def containerd(layout: Layout) -> list[str]:
    return ["containerd", "--config", f"{layout.config}/containerd.toml"]


def kubelet(layout: Layout) -> list[str]:
    return [str(binaries.program("kubelet")), f"--config={layout.config}/kubelet.json",
            f"--kubeconfig={layout.pki}/kubelet.kubeconfig", f"--hostname-override={layout.name}",
            f"--node-ip={layout.node_address}", f"--root-dir={layout.data}/kubelet",
            f"--cert-dir={layout.data}/kubelet/pki"]


def kube_proxy(layout: Layout) -> list[str]:
    return [str(binaries.program("kube-proxy")), f"--config={layout.config}/kube-proxy.json"]


def ctr(layout: Layout) -> list[str]:
    return ["ctr", "--address", str(layout.containerd_socket), "--namespace", "k8s.io"]
