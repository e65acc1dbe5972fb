"""One cluster: start, stop, look at, and the operations that tests need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Callable

from . import binaries, cgroups, cleanup, control_plane, dns, layout as layouts, network, node, pki, processes
from . import scratch_images
from .api import Api
from .layout import ClusterError, Layout

TIERS = {
    "api": ["etcd", "kube-apiserver", "kube-controller-manager"],
    "node": ["etcd", "kube-apiserver", "kube-controller-manager", "containerd", "kubelet", "kube-scheduler",
             "kube-proxy"],
}
PACKAGES = {"nsenter": "util-linux", "ip": "iproute2", "iptables": "iptables", "openssl": "openssl"}
NODE_PACKAGES = {"containerd": "containerd", "ctr": "containerd", "runc": "runc", "conntrack": "conntrack",
                 "/usr/lib/cni/ptp": "containernetworking-plugins"}
START_TIMEOUT = 120.0  # s; far above the goal, for a machine that is busy with something else


class Cluster:
    """All methods may be called from any process at any time; `up` and `down` of one name exclude each other.

    Failures are ClusterError with a message for a person. Nothing here is meant for concurrent use by threads.
    """

    def __init__(self, name: str = "dev", log: Callable[[str], None] | None = None):
        self.name = layouts.check_name(name)
        self._log = log or (lambda text: None)
        self._began = time.monotonic()

    # ---- life ----

    def up(self, tier: str = "node", audit: bool = True) -> None:
        """Starts the cluster, or what is missing of it; returns when it can be used.

        A start that was interrupted, however, is removed first. An "api" cluster can become a "node" cluster.
        """
        if tier not in TIERS:
            raise ClusterError(f"unknown tier {tier!r}: want one of {', '.join(TIERS)}")
        self._require(tier)
        for family in binaries.missing_families():
            try:
                binaries.build(family, self._log)
            except binaries.BuildError as error:
                raise ClusterError(str(error)) from error
        self._began = time.monotonic()
        with layouts.cluster_lock(self.name, self._log):
            found = layouts.find(self.name)
            state = self._read_state(found)
            if found and (state is None or state["phase"] != "up" or state["boot"] != processes.boot_id()):
                self._step("removing what an interrupted start or stop left behind")
                cleanup.remove(found)
                found = state = None
            layout = found or layouts.allocate(self.name)
            state = state or {"phase": "starting", "tier": tier, "audit": audit, "boot": processes.boot_id(),
                              "processes": {}}
            self._start(layout, state, tier)
            self._step(f"cluster {self.name} is up; KUBECONFIG={layout.kubeconfig}")

    def down(self) -> None:
        """Removes the cluster and everything in it; no error if there is none."""
        self._require_root()
        self._began = time.monotonic()
        with layouts.cluster_lock(self.name, self._log):
            # Without a slot there can still be folders or a cgroup: of a kill between the last steps of `down`,
            # or of another boot. Slot -1 names no link that could exist.
            found = layouts.find(self.name)
            state = self._read_state(found)
            if found and state:  # if we are killed now, the next `up` must not take the ruin for a cluster
                self._write_state(found, {**state, "phase": "stopping"})
            cleanup.remove(found or Layout(self.name, -1), self._step)
            for entry in (state or {"processes": {}})["processes"].values():
                processes.reap(entry["pid"])

    def status(self) -> dict:
        """{"name", "phase": absent|starting|up|stopping, "tier", "ready", "components": {name: running|stopped}}."""
        found = layouts.find(self.name)
        state = self._read_state(found)
        if not found or state is None:
            return {"name": self.name, "phase": "starting" if found else "absent", "components": {}, "ready": False}
        components = {name: "running" if self._recorded(state, name) else "stopped" for name in TIERS[state["tier"]]}
        return {"name": self.name, "phase": state["phase"], "tier": state["tier"], "slot": found.slot,
                "server": found.server, "kubeconfig": str(found.kubeconfig), "components": components,
                "ready": components["kube-apiserver"] == "running" and Api(found).ready()}

    # ---- use ----

    @property
    def layout(self) -> Layout:
        """Paths and addresses (host_address, node_address, audit_log, ...) of the running cluster."""
        if found := layouts.find(self.name):
            return found
        raise ClusterError(f"there is no cluster {self.name}: run cluster.py up --name {self.name}")

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    def environment(self) -> dict[str, str]:
        """For programs on the host that use the cluster: KUBECONFIG, the tools on PATH, caches of its own."""
        layout = self.layout
        folders = [str(binaries.program(name).parent) for name in ("kubectl", "helm", "etcdctl")]
        return {**os.environ, "KUBECONFIG": str(layout.kubeconfig), "KUBECACHEDIR": str(layout.data / "kubecache"),
                "HELM_CACHE_HOME": str(layout.data / "helm/cache"), "HELM_DATA_HOME": str(layout.data / "helm/data"),
                "HELM_CONFIG_HOME": str(layout.data / "helm/config"),
                "PATH": os.pathsep.join([*folders, os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")])}

    def run(self, *command: str, stdin: str | None = None, check: bool = True, timeout: float = 120,
            inside: bool = False) -> subprocess.CompletedProcess:
        """Runs a program with environment(), on the host, or inside the cluster's network namespace."""
        if inside:
            command = ("nsenter", f"--net={self.layout.netns_path}", "--", *command)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=self.environment())
        if check and done.returncode != 0:
            raise ClusterError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120) -> str:
        """Standard output of kubectl as the admin."""
        return self.run("kubectl", *arguments, stdin=stdin, check=check, timeout=timeout).stdout

    def helm(self, *arguments: str, check: bool = True, timeout: float = 300) -> str:
        return self.run("helm", *arguments, check=check, timeout=timeout).stdout

    def load_image(self, *archives: str | os.PathLike) -> None:
        """Makes the images of docker or OCI archives available to pods (imagePullPolicy Never or IfNotPresent)."""
        layout = self.layout
        for archive in archives:
            done = subprocess.run([*node.ctr(layout), "images", "import", str(archive)], capture_output=True, text=True)
            if done.returncode != 0:
                raise ClusterError(f"cannot load {archive}: {done.stderr.strip() or done.stdout.strip()}")

    def stop_component(self, component: str, kill: bool = False, grace: float = 5.0) -> None:
        """Stops one program: SIGTERM and after `grace` seconds SIGKILL, or SIGKILL at once."""
        with layouts.cluster_lock(self.name, self._log):
            layout, state = self._running_state(component)
            if recorded := self._recorded(state, component):
                processes.stop(recorded, 0 if kill else grace)
            state["processes"].pop(component, None)
            self._write_state(layout, state)

    def start_component(self, component: str) -> None:
        """Starts a stopped program again and waits until the API server answers (if that is running)."""
        with layouts.cluster_lock(self.name, self._log):
            layout, state = self._running_state(component)
            self._launch(layout, state, component)
            if self._recorded(state, "kube-apiserver") and self._recorded(state, "etcd"):
                self._wait(layout, "kube-apiserver", Api(layout).ready)

    # ---- parts ----

    def _start(self, layout: Layout, state: dict, tier: str) -> None:
        fresh = state["phase"] == "starting"
        wanted = list(dict.fromkeys(TIERS[state["tier"]] + TIERS[tier]))
        if len(wanted) > len(TIERS[state["tier"]]):
            state.update(phase="starting", tier=tier)
        layout.run.mkdir(parents=True, exist_ok=True)
        layout.run.chmod(0o711)
        self._write_state(layout, state)
        if fresh:
            cgroups.create(layout.cgroup)
            network.create(layout)
            network.raise_inotify_limit()
            control_plane.write_config(layout)
            self._launch(layout, state, "etcd")
            if "kubelet" in wanted:
                self._start_containerd(layout, state)
            pki.create(layout)
            self._step("network, certificates, etcd")
        elif "kubelet" in wanted and not self._recorded(state, "containerd"):
            self._start_containerd(layout, state)
        for component in ("etcd", "kube-apiserver"):
            self._launch(layout, state, component)
        if "kubelet" in wanted:
            self._import_own_images(layout)
            self._step("containerd has the images")
        api = Api(layout)
        self._wait(layout, "kube-apiserver", api.ready)
        self._step("kube-apiserver is ready")
        for component in wanted:
            self._launch(layout, state, component)
        if "kubelet" in wanted:
            dns.deploy(layout, api)
            self._wait(layout, "kubelet", lambda: self._node_ready(api))
            self._step("node is ready")
            self._wait(layout, "kubelet", lambda: dns.ready(api))
            self._step("CoreDNS is ready")
        service_account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait(layout, "kube-controller-manager", lambda: api.get(service_account) is not None)
        state["phase"] = "up"
        self._write_state(layout, state)

    def _start_containerd(self, layout: Layout, state: dict) -> None:
        node.write_config(layout)
        self._launch(layout, state, "containerd")

    def _import_own_images(self, layout: Layout) -> None:
        self._wait(layout, "containerd", lambda: subprocess.run(
            [*node.ctr(layout), "images", "ls", "-q"], capture_output=True).returncode == 0)
        self.load_image(scratch_images.pause_image(), scratch_images.coredns_image())

    def _node_ready(self, api: Api) -> bool:
        found = api.get(f"/api/v1/nodes/{self.name}")
        if not found or found["spec"].get("taints"):
            return False
        return any(condition["type"] == "Ready" and condition["status"] == "True"
                   for condition in found["status"].get("conditions", []))

    def _command(self, layout: Layout, state: dict, component: str) -> list[str]:
        if component == "kube-apiserver":
            return control_plane.kube_apiserver(layout, state["audit"])
        return {"etcd": control_plane.etcd, "kube-controller-manager": control_plane.kube_controller_manager,
                "kube-scheduler": control_plane.kube_scheduler, "containerd": node.containerd,
                "kubelet": node.kubelet, "kube-proxy": node.kube_proxy}[component](layout)

    def _launch(self, layout: Layout, state: dict, component: str) -> None:
        """Starts the component unless it runs. A kill before the state is written leaves it in the cgroup."""
        if self._recorded(state, component):
            return
        started = processes.start(layout, component, self._command(layout, state, component))
        state["processes"][component] = started.to_json()
        self._write_state(layout, state)

    def _wait(self, layout: Layout, component: str, predicate: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        state = self._read_state(layout)
        while not predicate():
            if not self._recorded(state, component):
                raise ClusterError(f"{component} ended:\n{processes.log_tail(layout, component)}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{component} is not ready after {START_TIMEOUT:.0f} s:\n"
                                   f"{processes.log_tail(layout, component)}")
            time.sleep(0.05)

    def _recorded(self, state: dict, component: str) -> processes.Process | None:
        """The component's process if it is alive."""
        entry = state["processes"].get(component)
        recorded = processes.Process(**entry) if entry else None
        return recorded if recorded and recorded.alive() else None

    def _running_state(self, component: str) -> tuple[Layout, dict]:
        layout = self.layout
        state = self._read_state(layout)
        if state is None or state["phase"] != "up":
            raise ClusterError(f"cluster {self.name} is not up")
        if component not in TIERS[state["tier"]]:
            raise ClusterError(f"no component {component!r}: want one of {', '.join(TIERS[state['tier']])}")
        return layout, state

    @staticmethod
    def _read_state(layout: Layout | None) -> dict | None:
        if layout is None or not layout.state_file.exists():
            return None
        return json.loads(layout.state_file.read_text())

    @staticmethod
    def _write_state(layout: Layout, state: dict) -> None:
        scratch = layout.state_file.with_suffix(".tmp")
        scratch.write_text(json.dumps(state, indent=1))
        os.replace(scratch, layout.state_file)

    def _step(self, text: str) -> None:
        self._log(f"[{time.monotonic() - self._began:5.1f} s] {text}")

    @staticmethod
    def _require_root() -> None:
        if os.geteuid() != 0:
            raise ClusterError("a local cluster needs root (network namespaces, mounts, cgroups); "
                               "without root, set KUBECONFIG to a cluster that you have")

    def _require(self, tier: str) -> None:
        self._require_root()
        needed = {**PACKAGES, **(NODE_PACKAGES if tier == "node" else {})}
        missing = sorted({package for program, package in needed.items() if not shutil.which(program)})
        if missing:
            raise ClusterError(f"missing Debian packages: apt-get install {' '.join(missing)}")
