"""What a run needs of a gateway: one process for all runs, and how a client reaches its three tiers through it."""

from __future__ import annotations

import collections
import os
import pathlib
import socket
import subprocess
import threading
import time
from typing import Any

from clients import Call, Client
from machine import free_port  # of the bench
from runs import Lane
from world import Setup, World

# Runs of one lane after which names are used again: what a gateway remembers of the first is long over by then.
USES = 16
START_SECONDS = 240.0  # LiteLLM imports for long on a busy machine
# As the goal policy has them.
LLM_SECONDS, FIRST_TOKEN_SECONDS, RETRIES = 10, 8, 2
# What is not of this machine fails at once: no gateway needs it to answer.
LOOPBACK_ONLY = {
    **{name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")},
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
}


class Missing(Exception):
    """A gateway cannot be had; the text says what to do."""


class Gateway:
    """One process; `start` comes after the upstreams of every lane are known."""

    name: str

    def __init__(self) -> None:
        self.port = free_port()
        self.child: subprocess.Popen[str] | None = None
        self.lines: collections.deque[str] = collections.deque(maxlen=2000)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- of each gateway ---

    def version(self) -> str:
        raise NotImplementedError

    def settings(self) -> tuple[str, object]:
        """For the page: where they are given, and everything that differs from the gateway's defaults."""
        raise NotImplementedError

    def command(self, folder: pathlib.Path, slots: list[dict[str, str]]) -> tuple[list[str], dict[str, str]]:
        """(argv, environment); each run takes a slot, which has the URL of each tier."""
        raise NotImplementedError

    def adapt(self, client: Client, setup: Setup, slot: int, urls: dict[str, str]) -> None:
        """Makes the client of a run ask for the slot's tiers."""
        raise NotImplementedError

    def model_of(self, name: str) -> str:
        """The model that an answer names, where `adapt` has changed the names."""
        return name

    # --- of all ---

    def start(self, folder: pathlib.Path, slots: list[dict[str, str]]) -> None:
        argv, env = self.command(folder, slots)
        self.child = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **LOOPBACK_ONLY, **env}, text=True, errors="replace",
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.child,), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise Missing(f"{self.name} does not listen:\n" + "\n".join(list(self.lines)[-20:]))

    def _read(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            self.lines.append(line.rstrip("\n"))

    def died(self) -> bool:
        return self.child is not None and self.child.poll() is not None

    def stop(self) -> None:
        if self.child is None or self.child.poll() is not None:
            return
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class GatewayWorld(World):
    """Without a sidecar: its own signals (hold comments, headers, ledger, CPU) are not asked of a gateway."""

    def __init__(self, lane: GatewayLane, setup: Setup, slot: int) -> None:
        super().__init__(lane, setup)
        self._lane, self._slot = lane, slot

    def start(self) -> None:
        """The gateway runs already."""

    def base_url(self) -> str:
        return self._lane.gateway.url

    def client(self, *args: Any, **more: Any) -> Client:
        client = super().client(*args, **more)
        self._lane.gateway.adapt(client, self.setup, self._slot, self._lane.urls())
        return client

    def ask(self, *args: Any, **more: Any) -> Call:
        call = super().ask(*args, **more)
        if call.model is not None:
            call.model = self._lane.gateway.model_of(call.model)
        return call


class GatewayLane(Lane):
    def __init__(self, gateway: Gateway, number: int) -> None:
        super().__init__()
        self.gateway, self._number, self._runs = gateway, number, 0

    def slots(self) -> list[dict[str, str]]:
        return [self.urls()] * USES

    def world(self, setup: Setup) -> World:
        slot = self._number * USES + self._runs % USES
        self._runs += 1
        return GatewayWorld(self, setup, slot)
