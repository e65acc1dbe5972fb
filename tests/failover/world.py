"""What one run stands in: three simulated upstreams, a sidecar of its own, and the SDK's client in front."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import sanitizers
from clients import CLIENTS, OTHER_FORMAT, SDK_TIMEOUT_SECONDS, TIERS, Call, Client
from documents import SECTIONS, credential_file, document
from processes import Sidecar, Simulator, SimulatorAdmin

TOKEN_SECONDS = 0.015  # between two tokens of the fake provider
QUESTION = "Tell me [[words 60]]"
SETTLE_SECONDS = 3.0


def tier_key(tier: str) -> str:
    """The secret of a tier; the callers' own key is another one."""
    return f"key-of-{tier}"


@dataclass(frozen=True)
class Setup:
    """How the run is made; the same for every scenario."""

    format: str = "chat"
    stream: bool = False
    sdk_retries: int = 0
    cross: bool = False  # the fallbacks speak another format than the caller
    direct: bool = False  # SDK to the first upstream, without a sidecar
    sections: tuple[str, ...] = SECTIONS
    settings: dict[str, Any] = field(default_factory=dict)  # see documents.document
    forgets: bool = False  # wrong on purpose: a restarted sidecar finds its state folder empty

    def with_settings(self, **changes: Any) -> Setup:
        return replace(self, settings={**self.settings, **changes})


@dataclass(frozen=True)
class Attempt:
    """One request that an upstream received."""

    tier: str
    at: float  # Unix time, seconds
    record: dict[str, Any]

    @property
    def ok(self) -> bool:
        return self.record.get("verdict") == "ok"


class Lane:
    """Upstreams that are used by one run after the other."""

    def __init__(self) -> None:
        self._simulator: Simulator | None = None

    def urls(self) -> dict[str, str]:
        """Of each tier's upstream."""
        if self._simulator is None or self._simulator.child.poll() is not None:
            self._simulator = Simulator("--instances", str(len(TIERS)))
        return dict(zip(TIERS, self._simulator.urls, strict=True))

    def upstreams(self) -> dict[str, SimulatorAdmin]:
        """All healthy and without memory."""
        upstreams = {tier: SimulatorAdmin(url) for tier, url in self.urls().items()}
        for upstream in upstreams.values():
            upstream.reset()
            upstream.settings(tokenDelaySeconds=TOKEN_SECONDS)
        return upstreams

    def world(self, setup: Setup) -> World:
        return World(self, setup)

    def close(self) -> None:
        if self._simulator is not None:
            self._simulator.stop()


class World:
    """Use as a context; `start` comes after the faults are set."""

    def __init__(self, lane: Lane, setup: Setup) -> None:
        self.setup = setup
        self.client_type = CLIENTS[setup.format]
        other = CLIENTS[OTHER_FORMAT[setup.format]] if setup.cross else self.client_type
        self.tier_types = {tier: self.client_type if tier == "primary" else other for tier in TIERS}
        self.models = {tier: kind.models[tier] for tier, kind in self.tier_types.items()}
        self.upstreams = lane.upstreams()
        self.sidecar: Sidecar | None = None
        self.calls: list[Call] = []
        self.marks: dict[str, Any] = {}  # what a scenario's steps leave for its judge
        self._clients: list[Client] = []
        self._folder = tempfile.TemporaryDirectory(prefix="failover-")
        self._port: socket.socket | None = None

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._port is not None:
            self._port.close()
        self._folder.cleanup()

    # --- what the upstreams do ---

    def fault(self, tier: str, action: dict[str, Any] | str, match: dict[str, Any] | None = None, **more: Any) -> None:
        self.upstreams[tier].fault({"kind": self.tier_types[tier].kind, **(match or {})}, action, **more)

    def status(
        self, tier: str, status: int, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        self.fault(tier, {"type": "status", "status": status, "body": body, "headers": headers or {}}, **more)

    def unavailable(self, tier: str, **more: Any) -> None:
        """The provider's way to say that it is overloaded."""
        self.status(tier, 529 if self.tier_types[tier].format == "claude" else 503, **more)

    def attempts(self, tier: str | None = None) -> list[Attempt]:
        found = [
            Attempt(name, record["received_at"], record)
            for name, upstream in self.upstreams.items()
            if tier in (None, name)
            for record in upstream.record(kind=self.tier_types[name].kind)
        ]
        return sorted(found, key=lambda attempt: attempt.at)

    def settle(self) -> None:
        """Waits until no upstream works on a request any more; a leftover shows in the record."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            if not any(upstream.counts()["running"] for upstream in self.upstreams.values()):
                return
            time.sleep(0.02)

    # --- what the agent does ---

    def start(self) -> None:
        if self.setup.direct:
            return
        urls = {tier: upstream.url for tier, upstream in self.upstreams.items()}
        formats = {tier: kind.wire_format for tier, kind in self.tier_types.items()}
        policy = document(urls, self.models, formats, self.setup.sections, **self.setup.settings)
        folder = pathlib.Path(self._folder.name)
        for tier in TIERS:
            (folder / credential_file(tier)).write_text(tier_key(tier) + "\n", encoding="ascii")
        # Bound, but not listened to: the port stays this run's when its sidecar is killed and started again.
        self._port = socket.socket()
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._port.bind(("127.0.0.1", 0))
        self._launch(policy, folder)

    def _launch(self, policy: dict[str, Any] | bytes, folder: pathlib.Path) -> None:
        assert self._port is not None
        port = self._port.getsockname()[1]
        self.sidecar = Sidecar(policy, folder=folder, env=sanitizers.environment(folder), port=port)

    def kill(self) -> None:
        """SIGKILL; what the process had not written is gone."""
        assert self.sidecar is not None
        self.sidecar.stop(signal.SIGKILL)

    def restart(self) -> None:
        """A new sidecar at the same address with the same folder, as the kubelet restarts a container."""
        assert self.sidecar is not None
        folder = self.sidecar.folder
        if self.setup.forgets:
            shutil.rmtree(folder / "state")
        self._launch((folder / "policy.json").read_bytes(), folder)

    def stop(self) -> list[str]:
        """Ends everything; returns what was wrong with the sidecar's end and what a sanitizer found, in whole."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        code = self.sidecar.stop() if self.sidecar is not None else 0
        ended = [f"the sidecar ended with code {code}"] if code else []
        return [*ended, *sanitizers.reports(pathlib.Path(self._folder.name))]

    def base_url(self) -> str:
        """Where the SDK sends its calls."""
        return self.upstreams["primary"].url if self.sidecar is None else f"{self.sidecar.url}/llm/primary"

    def client(self, retries: int | None = None, timeout: float = SDK_TIMEOUT_SECONDS) -> Client:
        base = self.base_url()
        client = self.client_type(base, self.setup.sdk_retries if retries is None else retries, timeout)
        self._clients.append(client)
        return client

    def ask(
        self, prompt: str = QUESTION, hang_seconds: float = 45.0, client: Client | None = None,
        stream: bool | None = None, **more: Any,
    ) -> Call:  # fmt: skip
        """One call to its end, or given up as hanging."""
        call = Call(prompt)
        self.calls.append(call)
        client = client or self.client()
        stream = self.setup.stream if stream is None else stream
        thread = threading.Thread(
            target=client.ask, args=(prompt, stream, call), kwargs=more, daemon=True
        )
        thread.start()
        thread.join(hang_seconds)
        if thread.is_alive():
            call.hung, call.seconds = True, time.monotonic() - call.started
        return call

    def ask_at(self, starts: list[float], prompt: Callable[[int], str], hang_seconds: float = 45.0) -> list[Call]:
        """Calls that begin so many seconds from now, whatever becomes of the earlier ones."""
        began = time.monotonic()
        calls: list[Call | None] = [None] * len(starts)

        def one(index: int) -> None:
            calls[index] = self.ask(prompt(index), hang_seconds)

        threads = []
        for index, start in enumerate(starts):
            time.sleep(max(0.0, began + start - time.monotonic()))
            threads.append(threading.Thread(target=one, args=(index,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return [call for call in calls if call is not None]

    # --- the sidecar itself ---

    def sidecar_cpu_seconds(self) -> float:
        if self.sidecar is None:
            return 0.0
        with open(f"/proc/{self.sidecar.child.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sidecar_died(self) -> bool:
        return self.sidecar is not None and self.sidecar.child.poll() is not None
