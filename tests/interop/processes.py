"""The processes that the tests start: the simulator and the real sidecar. Every port is taken from the kernel."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_SECONDS = 20.0


def http(
    url: str, body: Any = None, method: str | None = None, headers: dict[str, str] | None = None,
    timeout: float = 30.0,
) -> tuple[int, Any, bytes]:  # fmt: skip
    """(status, headers, body) of one call on its own connection; error statuses do not raise."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None and not request.has_header("Content-type"):
        request.add_header("content-type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def eventually(condition: Callable[[], Any], what: str, timeout: float = 15.0) -> Any:
    """Polls until the condition holds and returns its value; fails naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.02)


class Process:
    """A child whose first stdout line is JSON with its ports; further output is kept for failures."""

    def __init__(self, argv: list[str], env: dict[str, str] | None = None) -> None:
        self.argv = argv
        self.lines: list[str] = []
        self._first: queue.Queue[str] = queue.Queue()
        self.child = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))
            if '"event":"listening"' in line.replace(" ", "") and self._first.empty():
                self._first.put(line)
        self._first.put("")

    def listening(self) -> dict[str, Any]:
        with contextlib.suppress(queue.Empty):
            line = self._first.get(timeout=START_SECONDS)
            if line:
                return json.loads(line)
        self.stop()
        raise AssertionError(f"{self.argv[0]} did not start:\n" + "\n".join(self.lines[-20:]))

    def stop(self, number: int = signal.SIGTERM, timeout: float = 15.0) -> int:
        """Sends the signal to this child only, and waits; kills it if it does not go."""
        if self.child.poll() is None:
            self.child.send_signal(number)
            try:
                self.child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._reader.join(5)
        if self.child.stdout is not None:
            self.child.stdout.close()
        return self.child.returncode


class SimulatorAdmin:
    """The admin API of one simulated upstream."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _admin(self, path: str, body: Any = None, method: str | None = None) -> Any:
        status, _, raw = http(f"{self.url}/admin/{path}", body, method, timeout=130)
        if status >= 400:
            raise AssertionError(f"simulator /admin/{path}: {status} {raw.decode()}")
        return json.loads(raw)

    def reset(self) -> None:
        self._admin("reset", {})

    def fault(self, match: dict[str, Any], action: dict[str, Any] | str, **more: Any) -> str:
        """Adds one rule; returns its id."""
        action = {"type": action} if isinstance(action, str) else action
        rule = {"match": match, "action": action, **more}
        return self._admin("faults", rule)["faults"][0]["id"]

    def forget_sessions(self) -> None:
        self._admin("reset?sessions=true", {})

    def heal(self) -> None:
        self._admin("faults", method="DELETE")

    def settings(self, **values: Any) -> None:
        self._admin("settings", values)

    def counts(self) -> dict[str, Any]:
        return self._admin("counts")

    def received(self, key: str) -> int:
        return self.counts()["keys"].get(key, {}).get("received", 0)

    def record(self, **equal: Any) -> list[dict[str, Any]]:
        return self._admin("record?" + urllib.parse.urlencode(equal))["requests"]

    def wait(self, minimum: int, **equal: Any) -> None:
        self._admin("wait?" + urllib.parse.urlencode({"min": minimum, "timeout": 15, **equal}))


class Simulator(Process, SimulatorAdmin):
    """The upstream simulator on free ports; speaks to the first of its instances."""

    def __init__(self, *flags: str) -> None:
        Process.__init__(self, [sys.executable, str(ROOT / "examples" / "simulator"), "--port", "0", *flags])
        scheme = "https" if "--tls-cert" in flags else "http"
        self.urls = [f"{scheme}://127.0.0.1:{port}" for port in self.listening()["ports"]]
        SimulatorAdmin.__init__(self, self.urls[0])


_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics(list):  # of (name, labels, value)
    """Parsed Prometheus text."""

    def sum(self, metric: str, /, **labels: str) -> float:
        return sum(v for n, ls, v in self if n == metric and all(ls.get(k) == w for k, w in labels.items()))


def canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


class Sidecar(Process):
    """The real binary with a policy file of its own, in a folder of its own."""

    POD_UID = "11111111-2222-3333-4444-555555555555"

    def __init__(
        self, policy: dict[str, Any] | bytes, mode: dict[str, Any] | None = None,
        env: dict[str, str] | None = None, folder: pathlib.Path | None = None, port: int = 0,
    ) -> None:  # fmt: skip
        self._own = None
        if folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="interop-")
            folder = pathlib.Path(self._own.name)
        self.folder = folder
        (folder / "state").mkdir(exist_ok=True)
        self.write("policy.json", policy)
        if mode is not None:
            self.write("mode.json", mode)
        binary = os.environ.get("AGENT_RELIABILITY_SIDECAR")
        if not binary:
            raise AssertionError("AGENT_RELIABILITY_SIDECAR is not set; start the tests with run.py --sidecar")
        super().__init__(
            [
                binary, "--policy", str(folder / "policy.json"), "--mode", str(folder / "mode.json"),
                "--listen", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0", "--state-dir", str(folder / "state"),
                "--pod-uid", self.POD_UID, "--termination-log", str(folder / "termination.log"),
            ],
            env,
        )  # fmt: skip
        ports = self.listening()
        self.url = f"http://127.0.0.1:{ports['proxy_port']}"
        self.admin = f"http://127.0.0.1:{ports['admin_port']}"
        self.port = ports["proxy_port"]

    def write(self, name: str, document: dict[str, Any] | bytes) -> None:
        """Replaces a file in one step, as the kubelet does."""
        raw = document if isinstance(document, bytes) else canonical(document)
        fresh = self.folder / f".{name}.new"
        fresh.write_bytes(raw)
        fresh.rename(self.folder / name)

    def get(self, path: str) -> Any:
        status, _, raw = http(self.admin + path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {raw[:300]!r}")
        return json.loads(raw)

    def ledger(self) -> dict[str, Any]:
        return self.get("/ledger")

    def slo(self, key: str) -> tuple[int, int]:
        """(good, bad) of one SLO in the running epoch."""
        counts = self.ledger()["slos"].get(key, {"good": 0, "bad": 0})
        return counts["good"], counts["bad"]

    def metrics(self) -> Metrics:
        status, _, raw = http(self.admin + "/metrics")
        if status != 200:
            raise AssertionError(f"/metrics: {status}")
        out = Metrics()
        for line in raw.decode().splitlines():
            if found := _SAMPLE.match(line):
                labels = dict(_LABEL.findall(found.group(2) or ""))
                out.append((found.group(1), labels, float(found.group(3))))
        return out

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of one event so far."""
        out = []
        for line in list(self.lines):
            with contextlib.suppress(ValueError):
                parsed = json.loads(line)
                if isinstance(parsed, dict) and parsed.get("event") == name:
                    out.append(parsed)
        return out

    def close(self) -> None:
        self.stop()
        if self._own is not None:
            self._own.cleanup()
