#!/usr/bin/env python3
"""The story of the product on a real cluster, told live.

Usage: examples/demo/demo.py [--clean] [--yes]

With KUBECONFIG set it uses that cluster and asks before touching it (--yes answers); the images must be where its
nodes can pull them. Without, it starts a local single-node Kubernetes named "demo" (root on Debian 12).
--clean removes everything that the demo made.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cluster"))

from narrator import Narrator  # noqa: E402

RELEASE, SYSTEM, SUPPORT, SIMULATOR = "agent-reliability", "agent-reliability-system", "support", "simulator"
FAULTS = f"/api/v1/namespaces/{SIMULATOR}/services/http:llm:8080/proxy/admin/faults"
EXAMPLES = ROOT / "examples"


class Demo:
    """Everything goes through kubectl and helm, as a user would do it."""

    def __init__(self, kubectl, helm, kubeconfig, load_images):
        self.say = Narrator()
        self._kubectl, self._helm, self._kubeconfig = str(kubectl), str(helm), str(kubeconfig)
        self._load_images = load_images

    def kubectl(self, *arguments, stdin=None, check=True):
        done = subprocess.run([self._kubectl, "--kubeconfig", self._kubeconfig, *arguments], input=stdin,
                              capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise SystemExit(f"kubectl {' '.join(arguments)}\n{done.stderr or done.stdout}"
                             "\nNext: look at the message above; make demo-clean starts over")
        return done.stdout

    def show(self, *arguments, last=None):
        """Prints a command as a user would type it, and what it answers."""
        text = self.kubectl(*arguments).rstrip().splitlines()
        self.say.command("kubectl " + " ".join(arguments) + (f" | tail -{last}" if last else ""),
                         text[-last:] if last else text)

    def field(self, kind, name, path):
        return self.kubectl("get", kind, name, "-n", SUPPORT, "-o", f"jsonpath={{{path}}}", check=False).strip()

    def event(self, reason):
        items = json.loads(self.kubectl("get", "events", "-n", SUPPORT, "-o", "json", check=False) or '{"items":[]}')["items"]
        found = [item for item in items if item.get("reason") == reason]
        return found[-1]["message"] if found else None

    def wait_event(self, reason, timeout=180):
        text = self.say.wait(f"event {reason}", lambda: self.event(reason), timeout)
        self.say.event(reason, text)

    # -- chapters -----------------------------------------------------------------------------

    def install(self):
        self.say.chapter("Install the operator with Helm")
        self._load_images()
        command = ["upgrade", "--install", RELEASE, str(ROOT / "charts/agent-reliability-operator"), "-n", SYSTEM,
                   "--create-namespace", "--wait", "--timeout", "180s"]
        done = subprocess.run([self._helm, "--kubeconfig", self._kubeconfig, *command], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise SystemExit(f"helm {' '.join(command)}\n{done.stdout}{done.stderr}")
        self.say.command("helm install agent-reliability charts/agent-reliability-operator -n agent-reliability-system "
                         "--create-namespace", done.stdout[done.stdout.find("NOTES:"):].splitlines()[:14])
        self.show("get", "pods", "-n", SYSTEM)

    def agent(self):
        self.say.chapter("An unchanged agent: OpenAI SDK, MCP SDK, three replicas; it knows nothing of us")
        self.kubectl("apply", "-f", str(EXAMPLES / "simulator/simulator.yaml"), "-f", str(EXAMPLES / "refunds/agent.yaml"))
        self.kubectl("rollout", "status", "deployment", "-n", SIMULATOR, "--timeout=120s")
        self.kubectl("rollout", "status", "deployment/refunds-agent", "-n", SUPPORT, "--timeout=120s")
        self.show("get", "pods", "-n", SUPPORT)
        self.kubectl("create", "--raw", FAULTS.replace("faults", "reset"), "-f", "-", stdin="{}")

    def policies(self):
        self.say.chapter("A policy, an objective and what to do when the budget is spent")
        applied = self.kubectl("apply", "-f", str(EXAMPLES / "refunds/demo"))
        self.say.command("kubectl apply -f examples/refunds/demo", applied.splitlines())
        self.say.wait("the policy to find the old pods", lambda: self.field(
            "arp", "refunds", ".status.covered") == "0/3", 60)
        self.show("get", "arp", "-n", SUPPORT)
        self.wait_event("SidecarMissing")
        self.kubectl("rollout", "restart", "deployment/refunds-agent", "-n", SUPPORT)
        self.kubectl("rollout", "status", "deployment/refunds-agent", "-n", SUPPORT, "--timeout=180s")
        self.say.wait("every pod covered", lambda: self.field("arp", "refunds", ".status.covered") == "3/3", 120)
        self.show("get", "arp", "-n", SUPPORT)

    def healthy(self):
        self.say.chapter("Healthy traffic: the budget is full")
        self.say.wait("20 tasks counted", lambda: int(self.field(
            "agslo", "refunds-completed", ".status.budget.events") or 0) >= 20, 150)
        self.show("get", "agslo", "-n", SUPPORT)

    def provider_out(self):
        self.say.chapter("The LLM provider is out: another provider answers, every call translated")
        fault = {"match": {"kind": "openai"}, "action": {"type": "status", "status": 503}}
        self.kubectl("create", "--raw", FAULTS, "-f", "-", stdin=json.dumps(fault))
        self.say.note("every OpenAI call is answered 503 from now on; the agent goes on as if nothing were")
        self.wait_event("FallbackTierChanged")
        self.show("get", "lfc", "-n", SUPPORT)
        since = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        tasks = self.say.wait("20 tasks meanwhile", lambda: (lines if len(lines := self.tasks(since)) >= 20 else None), 90)
        answered = [task for task in tasks if task["outcome"] == "answered"]
        self.say.note(f"{len(answered)} of {len(tasks)} tasks answered; the last one: {tasks[-1]['answer']}")
        self.kubectl("delete", "--raw", FAULTS)
        self.say.note("the provider answers again")
        self.say.wait("the first tier again", lambda: self.field("lfc", "refunds", ".status.active") == "primary", 180)
        self.show("get", "lfc", "-n", SUPPORT)

    def tasks(self, since):
        """What the agents logged about their tasks since then."""
        text = self.kubectl("logs", "-n", SUPPORT, "-l", "app.kubernetes.io/name=refunds-agent", "-c", "agent",
                            f"--since-time={since}", "--tail=-1", check=False)
        return [task for line in text.splitlines() if line.startswith("{") and "outcome" in (task := json.loads(line))]

    def tool_dies(self):
        self.say.chapter("A tool dies: its breaker opens, the next call is answered in milliseconds")
        fault = {"match": {"kind": "mcp", "tool": "search"}, "action": {"type": "hang"}}
        self.kubectl("create", "--raw", FAULTS, "-f", "-", stdin=json.dumps(fault))
        self.say.note("the orders tool hangs from now on")

        def opened():
            text = self.kubectl("logs", "-n", SUPPORT, "-l", "app.kubernetes.io/name=refunds-agent", "-c",
                                "agent-reliability-sidecar", "--tail=200", check=False)
            return next((line for line in text.splitlines() if '"breaker_opened","resource":"mcp:' in line), None)

        line = self.say.wait("an open breaker", opened, 90)
        self.say.command("kubectl logs deploy/refunds-agent -c agent-reliability-sidecar -n support | grep breaker_opened",
                         [line])

    def budget_burns(self):
        self.say.chapter("Tasks fail: the budget burns, with evidence")
        self.wait_event("FastBurnDetected")
        self.wait_event("BudgetExhausted")
        self.show("get", "agslo", "-n", SUPPORT)

    def paused(self):
        self.say.chapter("The agent is paused by its sidecars, then scaled down")
        self.wait_event("AgentPaused")
        self.show("get", "aenf", "-n", SUPPORT)
        self.wait_event("AgentScaledDown")
        self.show("get", "aenf", "-n", SUPPORT)
        self.show("get", "deploy", "refunds-agent", "-n", SUPPORT)

    def restored(self):
        self.say.chapter("The tool works again: probes, then every replica as before")
        self.kubectl("delete", "--raw", FAULTS)
        self.say.note("the orders tool answers again")
        self.wait_event("RecoveryProbeStarted")
        self.show("get", "aenf", "-n", SUPPORT)
        self.wait_event("AgentRestored", 300)
        self.kubectl("rollout", "status", "deployment/refunds-agent", "-n", SUPPORT, "--timeout=120s")
        self.show("get", "deploy,aenf,agslo", "-n", SUPPORT)

    def story(self):
        started = time.monotonic()
        for chapter in (self.install, self.agent, self.policies, self.healthy, self.provider_out, self.tool_dies,
                        self.budget_burns, self.paused, self.restored):
            chapter()
        self.say.end(time.monotonic() - started, self._kubeconfig, self._kubectl)

    def clean(self):
        for namespace in (SUPPORT, SIMULATOR):
            self.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s", check=False)
        subprocess.run([self._helm, "--kubeconfig", self._kubeconfig, "uninstall", RELEASE, "-n", SYSTEM, "--wait"],
                       check=False)
        self.kubectl("delete", "namespace", SYSTEM, "--ignore-not-found", "--timeout=120s", check=False)


def users_cluster(options):
    """The cluster of KUBECONFIG, after the user agreed."""
    kubectl, helm = shutil.which("kubectl"), shutil.which("helm")
    if kubectl is None or helm is None:
        raise SystemExit("KUBECONFIG is set, so kubectl and helm must be on PATH. Next: install them, or unset KUBECONFIG")
    kubeconfig = os.environ["KUBECONFIG"]
    context = subprocess.run([kubectl, "config", "current-context"], capture_output=True, text=True, check=False).stdout.strip()
    print(f"KUBECONFIG={kubeconfig}, context {context or '(none)'}: the demo creates the namespaces {SYSTEM}, {SUPPORT} "
          f"and {SIMULATOR} there.")
    if not options.yes and input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise SystemExit("Nothing was touched.")
    return Demo(kubectl, helm, kubeconfig, lambda: None), None


def local_cluster(options):
    from realcluster import Cluster
    cluster = Cluster("demo", log=lambda text: print(f"  {text}", flush=True))  # a first run builds for minutes

    def load():
        for image in ("operator", "sidecar", "examples"):
            cluster.load_image(ROOT / "build/images" / f"{image}.tar")

    if not options.clean:
        print("0. Start a real Kubernetes on this machine", flush=True)
        begin = time.monotonic()
        cluster.up("node")
        print(f"  API server, kubelet, containerd and DNS ready after {time.monotonic() - begin:.1f} s", flush=True)
    kubectl, helm = (shutil.which(name, path=cluster.environment()["PATH"]) for name in ("kubectl", "helm"))
    return Demo(kubectl, helm, cluster.kubeconfig, load), cluster


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clean", action="store_true", help="remove everything that the demo made")
    parser.add_argument("--yes", action="store_true", help="do not ask before using the cluster of KUBECONFIG")
    options = parser.parse_args()
    demo, local = (users_cluster if os.environ.get("KUBECONFIG") else local_cluster)(options)
    if options.clean:
        if local is not None:
            local.down()
        else:
            demo.clean()
        return 0
    demo.story()
    return 0


if __name__ == "__main__":
    sys.exit(main())
