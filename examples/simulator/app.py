"""Wiring: routes, the common path of every simulated request, flags, start and stop."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import os
import signal
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from . import anthropic_api, http_tools, mcp_api, openai_api
from .admin import DEFAULT_SETTINGS, Admin
from .delivery import ConnectionEnded, Exchange
from .faults import FaultBook
from .record import LLM_KINDS, Entry, Record
from .responses_api import ResponsesApi

MAX_BODY_BYTES = 32 * 1024 * 1024
Answer = Callable[[Exchange, Any], Awaitable[web.StreamResponse]]


class Simulator:
    """All simulated upstreams in one aiohttp application."""

    def __init__(self, max_record: int, id_prefix: str) -> None:
        self.record = Record(max_record)
        self.faults = FaultBook()
        self.settings = dict(DEFAULT_SETTINGS)
        self.mcp = mcp_api.McpServer()
        # By kind: check(body, headers), read_conversation(body), is_prefill(body), complete(...)
        self.llm_apis: dict[str, Any] = {
            "openai": openai_api,
            "responses": ResponsesApi(),
            "anthropic": anthropic_api,
        }
        self._id_prefix = id_prefix
        self._ids = itertools.count(1)

    def new_id(self, kind: str) -> str:
        """An id never given out before: tool-call ids name turns, so a reset must not repeat them."""
        return f"{kind}_{self._id_prefix}{next(self._ids):06d}"

    def application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        for prefix in ("/v1", "/v1/v1", ""):
            app.router.add_post(f"{prefix}/chat/completions", self._llm("openai"))
            app.router.add_post(f"{prefix}/responses", self._llm("responses"))
            app.router.add_post(f"{prefix}/messages", self._llm("anthropic"))
            app.router.add_get(f"{prefix}/models", self._models)
        for path in ("/mcp", "/mcp/{server}"):
            app.router.add_route("*", path, self._mcp)
        for path in ("/tools/{tool}", "/tools/{tool}/{rest:.*}"):
            app.router.add_route("*", path, self._http_tool)
        app.router.add_get("/healthz", self._health)
        Admin(self.record, self.faults, self.mcp, self.settings).add_routes(app)
        app.router.add_route("*", "/{rest:.*}", self._nothing_here)
        return app

    async def _serve(self, request: web.Request, entry: Entry, answer: Answer) -> web.StreamResponse:
        """Reads the body, picks the fault, answers, and closes the entry whatever happens."""
        verdict = "error"
        try:
            body = mcp_api.parse(await request.read()) if request.can_read_body else None
            self._describe(entry, request, body)
            self.record.admit(entry)
            exchange = Exchange(request, entry, self.settings, self.faults.pick(entry))
            response = await answer(exchange, body)
            if not response.prepared:
                # Send it here, so that a client that left in the meantime is seen.
                await response.prepare(request)
                await response.write_eof()
            verdict = entry.verdict_hint or ("ok" if response.status < 400 else "error")
            return response
        except ConnectionEnded:
            verdict = entry.verdict_hint or "cut"
            raise
        except (asyncio.CancelledError, ConnectionError):
            verdict = "client_closed"
            raise
        finally:
            self.record.finish(entry, verdict)

    def _describe(self, entry: Entry, request: web.Request, body: Any) -> None:
        """Fills in what the request asks for."""
        if entry.kind == "mcp":
            entry.method, entry.tool, entry.arguments = mcp_api.describe(body)
            entry.method = entry.method or request.method
        elif entry.kind == "http":
            entry.method = request.method
        elif entry.kind in LLM_KINDS and isinstance(body, dict):
            entry.model = body.get("model") if isinstance(body.get("model"), str) else None
            entry.stream = bool(body.get("stream"))
            api = self.llm_apis[entry.kind]
            if api.check(body, request.headers) is None:
                entry.prompt = api.read_conversation(body).question[:400]
                entry.prefill = api.is_prefill(body)

    def _llm(self, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(exchange: Exchange, body: Any) -> web.StreamResponse:
            return await self.llm_apis[kind].complete(exchange, body, self.new_id)

        async def handle(request: web.Request) -> web.StreamResponse:
            entry = self.record.begin(kind, request.path, request.headers)
            return await self._serve(request, entry, answer)

        return handle

    async def _mcp(self, request: web.Request) -> web.StreamResponse:
        async def answer(exchange: Exchange, body: Any) -> web.StreamResponse:
            match request.method:
                case "POST":
                    return await self.mcp.post(exchange, body, self.new_id)
                case "GET":
                    return await self.mcp.get(exchange)
                case "DELETE":
                    return await self.mcp.delete(exchange)
            return web.Response(status=405)

        entry = self.record.begin("mcp", request.path, request.headers)
        entry.server = request.match_info.get("server", "orders")
        return await self._serve(request, entry, answer)

    async def _http_tool(self, request: web.Request) -> web.StreamResponse:
        entry = self.record.begin("http", request.path, request.headers)
        entry.tool = request.match_info["tool"]
        return await self._serve(request, entry, http_tools.answer)

    async def _nothing_here(self, request: web.Request) -> web.StreamResponse:
        async def answer(_exchange: Exchange, _body: Any) -> web.StreamResponse:
            return web.json_response({"error": f"no route for {request.path}"}, status=404)

        entry = self.record.begin("other", request.path, request.headers)
        return await self._serve(request, entry, answer)

    async def _models(self, _request: web.Request) -> web.Response:
        names = ("gpt-4o", "gpt-4o-mini", "claude-opus", "claude-haiku")
        models = [{"id": n, "object": "model", "created": 0, "owned_by": "simulator"} for n in names]
        return web.json_response({"object": "list", "data": models})

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True})


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--instances", type=int, default=1, help="independent simulators in this process, each with a port"
    )
    parser.add_argument("--tls-cert", help="PEM certificate chain; with --tls-key the port speaks https")
    parser.add_argument("--tls-key", help="PEM private key")
    parser.add_argument("--max-record", type=int, default=50_000, help="entries kept in the record")
    parser.add_argument(
        "--id-prefix",
        default=f"{int(time.time()) & 0xFFFFFF:06x}{os.getpid() & 0xFFF:03x}",
        help="first part of every id that is given out; differs by default from start to start",
    )
    return parser.parse_args(argv)


async def _run(args: argparse.Namespace) -> None:
    tls = None
    if args.tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(args.tls_cert, args.tls_key)
    runners = []
    for number in range(args.instances):
        prefix = args.id_prefix + (f"i{number}x" if number else "")
        # handler_cancellation: a client that leaves ends its hanging answer at once, and the record says so.
        runner = web.AppRunner(
            Simulator(args.max_record, prefix).application(),
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=1.0,
        )
        await runner.setup()
        port = args.port + number if args.port else 0
        await web.TCPSite(runner, args.host, port, backlog=1024, ssl_context=tls).start()
        runners.append(runner)
    ports = [runner.addresses[0][1] for runner in runners]
    listening = {"event": "listening", "host": args.host, "port": ports[0], "ports": ports}
    print(json.dumps(listening), flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await asyncio.gather(*(runner.cleanup() for runner in runners))


def main(argv: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    args = _arguments(argv)
    try:
        asyncio.run(_run(args))
    except OSError as problem:
        print(f"simulator: cannot listen on {args.host}:{args.port}: {problem}", flush=True)
        return 2
    return 0
