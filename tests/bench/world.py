"""Everything that a run keeps resident: the upstreams, the sidecars, the peers."""

from __future__ import annotations

import dataclasses
import http.client
import pathlib
import socket
import subprocess
from collections.abc import Callable

import configs
import peers
import workload
from machine import LOAD_CORE, PROXY_CORE, Child, free_port

PLAIN_PATH = "/v1/chat/completions"


@dataclasses.dataclass
class Place:
    """Where load is sent: a port, a path, and the process whose cost counts (none: the upstream itself)."""

    name: str
    port: int
    path: str
    child: Child | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class World:
    def __init__(self, folder: pathlib.Path, sidecar: pathlib.Path, tools: pathlib.Path) -> None:
        self.folder, self.binary, self.tools = folder, sidecar, tools
        self.children: list[Child] = []
        self.tls_upstream_port = 0
        upstream = self._child("upstream", [str(tools / "bench-upstream")], LOAD_CORE)
        self.upstream_port = upstream.wait_for_line()["port"]
        self.direct = Place("direct", self.upstream_port, PLAIN_PATH)

    def _child(self, *args, **more) -> Child:
        child = Child(*args, **more)
        self.children.append(child)
        return child

    def stop(self, child: Child | None) -> None:
        if child is not None and child in self.children:
            self.children.remove(child)
            child.stop()

    def close(self) -> None:
        for child in reversed(self.children):
            child.stop()
        self.children.clear()

    def sidecar(self, tls: bool = False, change: Callable[[dict], None] | None = None) -> Place:
        """`change` edits the policy first."""
        folder = self.folder / f"sidecar-{len(list(self.folder.glob('sidecar-*')))}"
        folder.mkdir()
        url = f"https://127.0.0.1:{self.tls_upstream_port}/v1" if tls else f"http://127.0.0.1:{self.upstream_port}/v1"
        policy = workload.document(url, str(self.folder / "ca.pem") if tls else "",
                                   "" if tls else f"http://127.0.0.1:{self.upstream_port}")  # fmt: skip
        if change is not None:
            change(policy)
        path = workload.write(folder, "policy.json", policy)
        child = self._child("sidecar", workload.sidecar_argv(self.binary, path), PROXY_CORE)
        return Place("sidecar", child.wait_for_line()["proxy_port"], workload.CHAT_PATH, child)

    def peer(self, name: str, tls: bool = False, retry: bool = False) -> Place:
        argv, env = peers.get(name)
        port = free_port()
        headers: dict[str, str] = {}
        if name == "portkey":
            argv = argv + configs.portkey(port)
            headers = configs.portkey_headers(self.upstream_port)
        else:
            make = {"nginx": configs.nginx, "haproxy": configs.haproxy, "envoy": configs.envoy}[name]
            upstream = self.tls_upstream_port if tls else self.upstream_port
            argv = argv + make(self.folder, port, upstream, str(self.folder / "ca.pem") if tls else "", retry)
        child = self._child(name, argv, PROXY_CORE, env)
        child.wait_for_port(port, 60)
        return Place(name, port, PLAIN_PATH, child, headers)

    def start_tls_upstream(self) -> None:
        """nginx answering the same kilobyte behind a certificate of our own."""
        cert, key = self.folder / "ca.pem", self.folder / "ca.key"
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1,DNS:provider.test"], capture_output=True, text=True, check=False)  # fmt: skip
        if made.returncode != 0:
            raise SystemExit(f"bench: openssl: {made.stderr[-500:]}")
        answer = self.answer(self.direct)
        argv, env = peers.get("nginx")
        port = free_port()
        argv = argv + configs.nginx_tls_upstream(self.folder, port, answer, str(cert), str(key))
        self._child("tls-upstream", argv, LOAD_CORE, env=env).wait_for_port(port)
        self.tls_upstream_port = port

    def request_file(self, place: Place, kind: str) -> str:
        """kind: post, post64k, get, mcp, or what bench-upstream's x-bench asks for."""
        path = self.folder / f"request-{place.name}-{place.port}-{kind}"
        if not path.exists():
            path.write_bytes(self._request(place, kind))
        return str(path)

    @staticmethod
    def _request(place: Place, kind: str) -> bytes:
        at = workload.PATHS.get(kind, ("", ""))[0 if place.name == "sidecar" else 1]
        if kind == "get":
            return workload.get(at, **place.headers)
        if kind == "mcp":
            return workload.tool_call(at, **{"x-bench": "tool"}, **place.headers)
        body = workload.chat_body(65536 if kind == "post64k" else 2048, kind in ("stream", "endless"))
        fields = {} if kind.startswith("post") else {"x-bench": kind}
        return workload.request(place.path, body, **fields, **place.headers)

    def expect_direct_answer(self, place: Place, kind: str) -> None:
        """Fails loudly unless the place answers this kind of call with the upstream's own body."""
        answers = []
        for asked in (self.direct, place):
            with socket.create_connection(("127.0.0.1", asked.port), 20) as connection:
                connection.sendall(self._request(asked, kind))
                response = http.client.HTTPResponse(connection)
                response.begin()
                answers.append((response.status, response.read()))
        if answers[0] != answers[1]:
            raise SystemExit(f"bench: {place.name}, {kind}: answered {answers[1]}, not {answers[0]}")

    def answer(self, place: Place, status: int = 200) -> bytes:
        """One call by another client: fails loudly if the place does not do what it is measured for."""
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=20)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer bench", **place.headers}
        connection.request("POST", place.path, workload.chat_body(2048), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != status:
            raise SystemExit(f"bench: {place.name} answered {response.status}, expected {status}: {body[:300]!r}")
        return body
