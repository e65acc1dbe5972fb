#!/usr/bin/env python3
"""The cluster tooling against itself: starts real clusters, kills starts half-way, and looks for leftovers.

Run as root: python3 tests/cluster/test_cluster_tooling.py [-k PATTERN]     (about a minute)
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from realcluster import Cluster, ClusterError, cgroups, cleanup, layout  # noqa: E402
from realcluster.scratch_images import write_archive  # noqa: E402

IMAGE = "localhost/tooling-busybox:test"
RESTRICTED = {
    "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"}, "readOnlyRootFilesystem": True,
}
_module = contextlib.ExitStack()


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("needs root")
    # The names below are fixed, so that a killed run is cleaned up by the next one.
    _module.enter_context(layout.locked(layout.RUN_BASE / ".tooling-test.lock", "this test", print))


def tearDownModule():
    _module.close()


def say(text):
    print(f"    {text}", file=sys.stderr, flush=True)


def container(name, *command, **more):
    return {"name": name, "image": IMAGE, "imagePullPolicy": "Never", "args": list(command),
            "securityContext": RESTRICTED, **more}


def deployment(name, containers, replicas=1, **pod):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": containers, "terminationGracePeriodSeconds": 1, **pod}}}}


def load_busybox(cluster):
    with tempfile.TemporaryDirectory() as folder:
        write_archive(Path(folder, "image.tar"), IMAGE, Path("/bin/busybox"), "/busybox")
        cluster.load_image(Path(folder, "image.tar"))


def traces(name):
    """Everything on this machine that belongs to the cluster of this name."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            if f"/agent-reliability/{name}/" in command:
                found.append(f"process {entry.name} {command[:80]}")
    found += [f"mount {point}" for point in cleanup.mounts_below(layout.RUN_BASE / name, layout.DATA_BASE / name)]
    found += [f"cgroup {path}" for mount, _, _ in cgroups._hierarchies()
              for path in [mount / f"agent-reliability-{name}"] if path.exists()]
    found += [f"file {path}" for path in (layout.RUN_BASE / name, layout.DATA_BASE / name,
                                          Path("/run/netns") / f"arc-{name}") if path.exists()]
    for folder in ("/var/lib/cni/results", "/var/log/containers"):
        for entry in Path(folder).glob("*"):
            text = os.readlink(entry) if entry.is_symlink() else entry.read_text(errors="replace")
            if f"/agent-reliability/{name}/" in text:
                found.append(f"file {entry}")
    return found + ([f"slot {name}"] if layout.find(name) else [])


class Watch:
    """Looks for what a cluster leaves outside of its own folders; other clusters may come and go meanwhile."""

    def __init__(self, name):
        self.name, self.links, self.ranges, self.sockets = name, set(), set(), set()

    def note(self):
        """Call it while the cluster lives."""
        if found := layout.find(self.name):
            self.links.add(found.outer_link)
            self.ranges |= {found.pod_range, found.service_range}
            self.sockets |= set(cleanup.shim_sockets(found))

    def left(self):
        if holders := layout._slot_holders():  # a slot that another cluster took over meanwhile is not ours
            others = [layout.Layout(name, slot) for slot, name in holders.items() if name != self.name]
            self.links -= {other.outer_link for other in others}
            self.ranges -= {text for other in others for text in (other.pod_range, other.service_range)}
        routes = subprocess.run(["ip", "-4", "route"], capture_output=True, text=True, check=True).stdout.split()
        return (traces(self.name) + [f"link {link}" for link in self.links if Path("/sys/class/net", link).exists()]
                + [f"route {text}" for text in self.ranges if text in routes]
                + [f"socket {path}" for path in self.sockets if path.exists()])


class ApiTier(unittest.TestCase):
    name = "tooling-api"

    def test_start_use_fault_stop(self):
        watch, cluster = Watch(self.name), Cluster(self.name, log=say)
        self.addCleanup(cluster.down)
        cluster.up("api")
        watch.note()
        self.assertEqual(cluster.kubectl("get", "--raw", "/readyz"), "ok")
        version = json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]
        self.assertRegex(version["gitVersion"], r"^v1\.36\.")
        self.assertRegex(cluster.helm("version", "--short"), r"^v4\.")
        cluster.kubectl("create", "configmap", "kept", "--from-literal=a=1")
        processes = cluster._read_state(cluster.layout)["processes"]

        cluster.up("api")  # nothing to do
        self.assertEqual(cluster._read_state(cluster.layout)["processes"], processes)

        cluster.stop_component("kube-apiserver", kill=True)
        self.assertFalse(cluster.status()["ready"])
        self.assertEqual(cluster.status()["components"]["kube-apiserver"], "stopped")
        with self.assertRaises(ClusterError):
            cluster.kubectl("get", "--raw", "/readyz", timeout=30)
        cluster.start_component("kube-apiserver")
        self.assertEqual(cluster.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}"), "1")
        with self.assertRaisesRegex(ClusterError, "no component 'kubelet'"):
            cluster.stop_component("kubelet")

        writes = [event for event in map(json.loads, cluster.layout.audit_log.read_text().splitlines())
                  if event["verb"] == "create" and event.get("objectRef", {}).get("name") == "kept"]
        self.assertEqual(len(writes), 1)

        cluster.down()
        cluster.down()  # nothing to do
        self.assertEqual(watch.left(), [])

    def test_bad_names_are_refused(self):
        for name in ("", "A", "a/b", "../x", "-a", "a" * 21):
            with self.subTest(name), self.assertRaises(ClusterError):
                Cluster(name)

    def test_unknown_cluster_says_what_to_do(self):
        with self.assertRaisesRegex(ClusterError, "cluster.py up --name tooling-none"):
            _ = Cluster("tooling-none").kubeconfig


class NodeTier(unittest.TestCase):
    name = "tooling-node"

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(cls.name, log=say)
        cls.addClassCleanup(cls.cluster.down)
        began = time.monotonic()
        cls.cluster.up("node")
        say(f"node tier up in {time.monotonic() - began:.1f} s (goal 15)")
        load_busybox(cls.cluster)
        cls.cluster.kubectl("create", "namespace", "strict")
        cls.cluster.kubectl("label", "namespace", "strict", "pod-security.kubernetes.io/enforce=restricted")

    def apply(self, manifest):
        self.cluster.kubectl("apply", "-n", "strict", "-f", "-", stdin=json.dumps(manifest))
        self.addCleanup(self.cluster.kubectl, "delete", "-n", "strict", "--wait=false", manifest["kind"],
                        manifest["metadata"]["name"], check=False)

    def ready(self, name):
        self.cluster.kubectl("rollout", "status", "-n", "strict", f"deployment/{name}", "--timeout=100s")

    def test_native_sidecar_under_restricted_pod_security(self):
        # The sidecar listens; the agent can only start once the startup probe saw that.
        sidecar = container("sidecar", "httpd", "-f", "-p", "15100", restartPolicy="Always",
                            startupProbe={"tcpSocket": {"port": 15100}, "periodSeconds": 1})
        agent = container("agent", "sleep", "3600")
        self.apply(deployment("agent", [agent], 2, initContainers=[sidecar], securityContext={"runAsUser": 65532}))
        self.ready("agent")
        statuses = json.loads(self.cluster.kubectl("get", "pods", "-n", "strict", "-l", "app=agent", "-o", "json"))
        for pod in statuses["items"]:
            self.assertTrue(pod["status"]["initContainerStatuses"][0]["started"])
        pod = statuses["items"][0]["metadata"]["name"]
        status = self.cluster.kubectl("exec", "-n", "strict", pod, "-c", "agent", "--", "/busybox", "cat",
                                      "/proc/self/status")
        for line in ("Seccomp:\t2", "NoNewPrivs:\t1", "CapEff:\t0000000000000000"):
            self.assertIn(line, status)
        with self.assertRaisesRegex(ClusterError, "violates PodSecurity"):
            self.cluster.kubectl("run", "-n", "strict", "root", f"--image={IMAGE}", "--image-pull-policy=Never")

    def test_service_is_reached_from_pods_by_name_and_from_the_host(self):
        server = container("server", "httpd", "-f", "-p", "8080", "-h", "/www",
                           readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1},
                           volumeMounts=[{"name": "www", "mountPath": "/www"}])
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "www"},
                    "data": {"index.html": "hello"}})
        self.apply(deployment("server", [server], securityContext={"runAsUser": 65532},
                              volumes=[{"name": "www", "configMap": {"name": "www"}}]))
        self.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "server"},
                    "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8080}]}})
        self.ready("server")
        pod = self.cluster.kubectl("get", "pods", "-n", "strict", "-l", "app=server", "-o", "name").strip()
        address = self.cluster.kubectl("get", "service", "-n", "strict", "server", "-o", "jsonpath={.spec.clusterIP}")

        def in_pod(*command, stdin=None):
            return self.cluster.kubectl("exec", "-i", "-n", "strict", pod, "--", "/busybox", *command, stdin=stdin)

        self.assertIn(f"Address: {address}", in_pod("nslookup", "server.strict.svc.cluster.local"))
        # The pod reaches itself through the Service: address translation and the way back. A pod that is ready is not
        # yet in the node's rules: they follow a moment later, and refuse until then.
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = in_pod("nc", "-w", "10", address, "80", stdin="GET /index.html HTTP/1.0\r\n\r\n")
                break
            except ClusterError as error:
                if "Connection refused" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.assertTrue(answer.endswith("hello"), answer)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.assertEqual(opener.open(f"http://{address}/index.html", timeout=10).read(), b"hello")
        # An address without a Service is refused, not lost.
        unused = address.rsplit(".", 1)[0] + ".254"
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((unused, 80), timeout=10)

    def test_configmap_change_reaches_the_pod_with_an_annotation(self):
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "policy"}, "data": {"policy": "0"}})
        reader = container("reader", "sleep", "3600", volumeMounts=[{"name": "policy", "mountPath": "/policy"}])
        self.apply(deployment("reader", [reader], securityContext={"runAsUser": 65532},
                              volumes=[{"name": "policy", "configMap": {"name": "policy"}}]))
        self.ready("reader")
        pods = json.loads(self.cluster.kubectl("get", "pods", "-n", "strict", "-l", "app=reader", "-o", "json"))
        pod = pods["items"][0]
        volume = (self.cluster.layout.data / "kubelet/pods" / pod["metadata"]["uid"]
                  / "volumes/kubernetes.io~configmap/policy/policy")
        took = []
        for value in ("1", "2", "3", "4", "5"):
            self.cluster.kubectl("patch", "configmap", "-n", "strict", "policy", "--type=merge", "-p",
                                 json.dumps({"data": {"policy": value}}))
            began = time.monotonic()
            # As the operator does: the annotation makes the kubelet look, and is sent again while it did not help.
            for attempt in range(5):
                self.cluster.kubectl("annotate", "pod", "-n", "strict", pod["metadata"]["name"], "--overwrite",
                                     f"agentreliability.dev/config-hash={value}#{attempt}")
                deadline = time.monotonic() + 3
                while volume.read_text() != value and time.monotonic() < deadline:
                    time.sleep(0.01)
                if volume.read_text() == value:
                    break
            self.assertEqual(volume.read_text(), value)
            took.append(time.monotonic() - began)
        say(f"ConfigMap change in the pod after {sorted(took)[2]:.2f} s median, {max(took):.2f} s worst of 5")
        self.assertLess(sorted(took)[2], 10, "without the annotation it takes a minute")

    def test_two_clusters_side_by_side(self):
        other = Cluster("tooling-two", log=say)
        self.addCleanup(other.down)
        other.up("node")
        load_busybox(other)
        self.assertNotEqual(other.layout.node_address, self.cluster.layout.node_address)
        self.apply(deployment("same", [container("main", "sleep", "3600")], securityContext={"runAsUser": 65532}))
        self.ready("same")
        other.kubectl("apply", "-f", "-", stdin=json.dumps(deployment("same", [container(
            "main", "sleep", "3600", securityContext={})])))
        other.kubectl("rollout", "status", "deployment/same", "--timeout=100s")
        self.assertEqual(set(layout.names()) & {self.name, "tooling-two"}, {self.name, "tooling-two"})
        watch = Watch("tooling-two")
        watch.note()
        self.assertTrue(watch.sockets)
        mine = self.cluster._read_state(self.cluster.layout)["processes"]

        began = time.monotonic()
        other.down()
        say(f"node tier down in {time.monotonic() - began:.1f} s (goal 10)")

        self.assertEqual(watch.left(), [])
        self.assertEqual(self.cluster._read_state(self.cluster.layout)["processes"], mine)
        self.assertTrue(all(state == "running" for state in self.cluster.status()["components"].values()))
        pod = self.cluster.kubectl("get", "pods", "-n", "strict", "-l", "app=same", "-o", "name").strip()
        answer = self.cluster.kubectl("exec", "-n", "strict", pod, "--", "/busybox", "echo", "alive")
        self.assertEqual(answer, "alive\n")


class Interrupted(unittest.TestCase):
    name = "tooling-kill"

    def kill_at(self, method, text):
        """Runs Cluster.up or .down in a process that kills itself when it would say `text`."""
        program = (f"import os, sys; sys.path.insert(0, {str(HERE)!r}); from realcluster import Cluster\n"
                   f"log = lambda line: os.kill(os.getpid(), {int(signal.SIGKILL)}) if {text!r} in line else None\n"
                   f"Cluster({self.name!r}, log=log).{method}()")
        done = subprocess.run([sys.executable, "-c", program], check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL, f"{method} never said {text!r}")

    def test_kill_at_any_point_and_start_again(self):
        watch, cluster = Watch(self.name), Cluster(self.name, log=say)
        self.addCleanup(cluster.down)
        for point in ("network, certificates", "containerd has the images", "node is ready"):
            self.kill_at("up", point)
            self.assertEqual(cluster.status()["phase"], "starting")
            watch.note()
        cluster.up("node")
        self.assertTrue(cluster.status()["ready"])
        watch.note()
        self.kill_at("down", "processes ended")
        self.assertEqual(cluster.status()["phase"], "stopping")
        cluster.up("api")
        self.assertEqual(cluster.kubectl("get", "--raw", "/readyz"), "ok")
        self.assertEqual(cluster.status()["tier"], "api")  # a new one
        self.kill_at("down", "mounts and network removed")
        cluster.down()
        self.assertEqual(watch.left(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
