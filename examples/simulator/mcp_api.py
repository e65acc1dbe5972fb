"""MCP over streamable HTTP: handshake protocols up to 2025-11-25 with sessions, and 2026-07-28.

Written out instead of built on an SDK, so that every byte of an answer can be spoiled on purpose.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any

from aiohttp import web

from .delivery import Event, Exchange, before_answer, send_events, send_json, sse
from .tools import LISTING, TOOLS, ToolError

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSION = "2026-07-28"
SERVER_INFO = {"name": "orders", "version": "1.0.0"}
META_VERSION = "io.modelcontextprotocol/protocolVersion"

# JSON-RPC error code -> HTTP status of the 2026-07-28 protocol; other codes go with 200.
MODERN_STATUS = {-32700: 400, -32600: 400, -32602: 400, -32020: 400, -32022: 400, -32601: 404}


class RpcError(Exception):
    """A JSON-RPC error answer."""

    def __init__(self, code: int, message: str, data: Any = None, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.message, self.data, self.status = code, message, data, status


def header_text(value: str | None) -> str | None:
    """Decodes the base64 form in which 2026-07-28 clients send names outside printable ASCII."""
    if value is None or not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


class McpServer:
    """The sessions of the handshake protocols and the methods of both eras."""

    def __init__(self) -> None:
        self._sessions: dict[str, str] = {}  # session id -> protocol version

    def forget_sessions(self) -> None:
        self._sessions.clear()

    async def post(self, exchange: Exchange, body: Any, new_id: Any) -> web.StreamResponse:
        """Answers one POST whose body was read (None: not JSON) and whose fault was picked."""
        headers = exchange.request.headers
        modern = headers.get("mcp-protocol-version") == MODERN_VERSION
        rpc_id = body.get("id") if isinstance(body, dict) else None
        try:
            self._check_envelope(exchange, body, modern)
        except RpcError as error:
            exchange.entry.verdict_hint = "error"
            return await send_json(exchange, error.status, _error(rpc_id, error))
        method = body["method"]
        if "id" not in body:  # a notification
            exchange.entry.status = 202
            return web.Response(status=202)
        if answered := await before_answer(exchange):
            return answered
        if action := exchange.action("status"):
            exchange.entry.verdict_hint = "error"
            refusal = action["body"]
            if refusal is None:
                refusal = {"error": f"simulated error {action['status']}"}
            return await send_json(exchange, action["status"], refusal, action["headers"])
        answer_headers: dict[str, str] = {}
        try:
            result = self._call(exchange, body, modern)
            if method == "initialize":
                session = new_id("session")
                self._sessions[session] = result["protocolVersion"]
                answer_headers["Mcp-Session-Id"] = session
            elif not modern and "mcp-session-id" in headers:
                answer_headers["Mcp-Session-Id"] = headers["mcp-session-id"]
            if modern:
                result = {
                    **result,
                    "resultType": "complete",
                    "_meta": {"io.modelcontextprotocol/serverInfo": SERVER_INFO},
                }
            message = {"jsonrpc": "2.0", "id": rpc_id, "result": result}
            status = 200
        except RpcError as error:
            exchange.entry.verdict_hint = "jsonrpc_error"
            message = _error(rpc_id, error)
            status = MODERN_STATUS.get(error.code, error.status) if modern else error.status
        if status == 200 and exchange.settings["mcpResponse"] == "sse":
            events: list[Event] = []
            if method == "tools/call":
                note = {"level": "info", "logger": "orders", "data": "working"}
                log = {"jsonrpc": "2.0", "method": "notifications/message", "params": note}
                events.append(sse(log, event="message"))
            events.append(sse(message, event="message", content=True))
            return await send_events(exchange, events, answer_headers)
        return await send_json(exchange, status, message, answer_headers)

    async def get(self, exchange: Exchange) -> web.StreamResponse:
        """The stream for messages from the server: open, silent, until the client or session ends."""
        session = exchange.request.headers.get("mcp-session-id")
        if session not in self._sessions:
            exchange.entry.verdict_hint = "error"
            return await send_json(exchange, 405 if session is None else 404, {"error": "no session"})
        response = web.StreamResponse(headers={"Cache-Control": "no-cache"})
        response.content_type = "text/event-stream"
        exchange.entry.status = 200
        await response.prepare(exchange.request)
        while session in self._sessions:
            await asyncio.sleep(0.25)
        await response.write_eof()
        return response

    async def delete(self, exchange: Exchange) -> web.StreamResponse:
        session = exchange.request.headers.get("mcp-session-id", "")
        known = self._sessions.pop(session, None) is not None
        exchange.entry.status = 200 if known else 404
        if not known:
            exchange.entry.verdict_hint = "error"
        return web.Response(status=exchange.entry.status)

    def _check_envelope(self, exchange: Exchange, body: Any, modern: bool) -> None:
        headers = exchange.request.headers
        if body is None:
            raise RpcError(-32700, "Parse error", status=400)
        if not isinstance(body, dict) or body.get("jsonrpc") != "2.0":
            raise RpcError(-32600, "Invalid Request", status=400)
        method = body.get("method")
        if not isinstance(method, str):
            raise RpcError(-32600, "Invalid Request: no method", status=400)
        params = body.get("params") or {}
        if modern:
            if not exchange.settings["mcpModern"]:
                raise RpcError(-32601, f"Method not found: {method}", status=404)
            name = params.get("name") if method in ("tools/call", "prompts/get") else None
            meta = params.get("_meta") or {}
            if headers.get("mcp-method") != method:
                raise RpcError(-32020, "Mcp-Method does not match the body", status=400)
            if name is not None and header_text(headers.get("mcp-name")) != name:
                raise RpcError(-32020, "Mcp-Name does not match the body", status=400)
            if meta.get(META_VERSION) != MODERN_VERSION:
                raise RpcError(-32020, "protocol version does not match the body", status=400)
            return
        version = headers.get("mcp-protocol-version")
        if version is not None and version not in HANDSHAKE_VERSIONS:
            data = {"supported": [*HANDSHAKE_VERSIONS, MODERN_VERSION], "requested": version}
            raise RpcError(-32022, "Unsupported protocol version", data, status=400)
        if method == "initialize":
            return
        session = headers.get("mcp-session-id")
        if session is None:
            raise RpcError(-32000, "Bad Request: Missing session ID", status=400)
        if session not in self._sessions:
            raise RpcError(-32001, "Session not found", status=404)

    def _call(self, exchange: Exchange, body: dict[str, Any], modern: bool) -> dict[str, Any]:
        params = body.get("params") or {}
        method = body["method"]
        if action := exchange.action("jsonRpcError"):
            raise RpcError(action["code"], action["message"], action["data"], action["status"])
        if method == "initialize" and not modern:
            asked = params.get("protocolVersion")
            newest = exchange.settings["mcpNewestHandshake"]
            offered = HANDSHAKE_VERSIONS[: HANDSHAKE_VERSIONS.index(newest) + 1]
            return {
                "protocolVersion": asked if asked in offered else newest,
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": SERVER_INFO,
            }
        if method == "server/discover" and modern:
            return {
                "supportedVersions": [MODERN_VERSION],
                "capabilities": {"tools": {"listChanged": False}},
                "ttlMs": 0,
                "cacheScope": "private",
            }
        if method == "ping" and not modern:
            return {}
        if method == "tools/list":
            return {"tools": LISTING, **({"ttlMs": 0, "cacheScope": "private"} if modern else {})}
        if method == "tools/call":
            return self._call_tool(exchange, params)
        raise RpcError(-32601, f"Method not found: {method}")

    def _call_tool(self, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
        name = params.get("name")
        if name not in TOOLS:
            raise RpcError(-32602, f"Unknown tool: {name}")
        if action := exchange.action("toolIsError"):
            exchange.entry.verdict_hint = "tool_error"
            result: dict[str, Any] = _text_result(action["text"], True)
            if action["structured"] is not None:
                result["structuredContent"] = action["structured"]
            return result
        try:
            return _text_result(TOOLS[name](params.get("arguments") or {}), False)
        except ToolError as error:
            exchange.entry.verdict_hint = "tool_error"
            return _text_result(str(error), True)


def _text_result(text: str, is_error: bool) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def _error(rpc_id: Any, error: RpcError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return {"jsonrpc": "2.0", "id": rpc_id, "error": body}


def describe(body: Any) -> tuple[str | None, str | None, Any]:
    """(method, tool, arguments) of a JSON-RPC body, as far as they can be told."""
    if not isinstance(body, dict):
        return None, None, None
    params = body.get("params") if isinstance(body.get("params"), dict) else {}
    method = body.get("method") if isinstance(body.get("method"), str) else None
    tool = params.get("name") if method == "tools/call" else None
    return method, tool if isinstance(tool, str) else None, params.get("arguments")


def parse(raw: bytes) -> Any:
    """The body as JSON, or None if it is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return None
