"""The admin API: faults, settings, record, sums. Under /admin; see README.md."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from .faults import BadFault, FaultBook
from .mcp_api import HANDSHAKE_VERSIONS, McpServer
from .record import Record

DEFAULT_SETTINGS: dict[str, Any] = {
    "latencySeconds": 0.0,  # before every answer
    "tokenDelaySeconds": 0.0,  # before every content event of a stream
    "mcpResponse": "json",  # json | sse
    "mcpModern": True,  # speak 2026-07-28
    "mcpNewestHandshake": "2025-11-25",
}
_RECORD_FILTERS = ("kind", "model", "server", "method", "tool", "verdict", "fault")


def _setting_problem(name: str, value: Any) -> str | None:
    if name not in DEFAULT_SETTINGS:
        return f"unknown setting {name}"
    if name.endswith("Seconds"):
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    elif name == "mcpResponse":
        good = value in ("json", "sse")
    elif name == "mcpNewestHandshake":
        good = value in HANDSHAKE_VERSIONS
    else:
        good = isinstance(value, bool)
    return None if good else f"{name}: bad value"


class Admin:
    """Handlers for the admin paths."""

    def __init__(
        self, record: Record, faults: FaultBook, mcp: McpServer, settings: dict[str, Any]
    ) -> None:
        self._record, self._faults, self._mcp, self._settings = record, faults, mcp, settings

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/admin/faults", self._list_faults)
        app.router.add_post("/admin/faults", self._add_faults)
        app.router.add_delete("/admin/faults", self._drop_faults)
        app.router.add_delete("/admin/faults/{id}", self._drop_faults)
        app.router.add_get("/admin/record", self._read_record)
        app.router.add_get("/admin/wait", self._wait)
        app.router.add_get("/admin/counts", self._counts)
        app.router.add_get("/admin/settings", self._read_settings)
        app.router.add_post("/admin/settings", self._change_settings)
        app.router.add_post("/admin/reset", self._reset)

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": self._faults.as_json()})

    async def _add_faults(self, request: web.Request) -> web.Response:
        try:
            added = self._faults.add(await _body(request))
        except BadFault as problem:
            return _refuse(str(problem))
        return web.json_response({"faults": [f.as_json() for f in added]}, status=201)

    async def _drop_faults(self, request: web.Request) -> web.Response:
        fault_id = request.match_info.get("id")
        removed = self._faults.remove(fault_id)
        if fault_id is not None and not removed:
            return web.json_response({"error": f"no fault {fault_id}"}, status=404)
        return web.json_response({"removed": removed})

    async def _read_record(self, request: web.Request) -> web.Response:
        query = request.query
        equal = {name: query[name] for name in _RECORD_FILTERS if name in query}
        try:
            since, limit = int(query.get("since", 0)), int(query.get("limit", 10_000))
        except ValueError:
            return _refuse("since and limit must be whole numbers")
        return web.json_response({"requests": self._record.select(since, limit, **equal)})

    async def _wait(self, request: web.Request) -> web.Response:
        query = request.query
        equal = {name: query[name] for name in _RECORD_FILTERS if name in query}
        finished = query.get("finished") == "true"
        try:
            minimum, timeout = int(query.get("min", 1)), min(float(query.get("timeout", 10)), 120)
        except ValueError:
            return _refuse("min and timeout must be numbers")
        reached = await self._record.wait(
            lambda e: (not finished or e.verdict is not None)
            and all(str(getattr(e, k)) == v for k, v in equal.items()),
            minimum,
            timeout,
        )
        return web.json_response({"reached": reached}, status=200 if reached else 408)

    async def _counts(self, _request: web.Request) -> web.Response:
        return web.json_response(self._record.counts())

    async def _read_settings(self, _request: web.Request) -> web.Response:
        return web.json_response(self._settings)

    async def _change_settings(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if not isinstance(body, dict):
            return _refuse("settings must be an object")
        for name, value in body.items():
            if problem := _setting_problem(name, value):
                return _refuse(problem)
        self._settings.update(body)
        return web.json_response(self._settings)

    async def _reset(self, request: web.Request) -> web.Response:
        """Forgets record, faults and settings; `?sessions=true` the MCP sessions, too."""
        self._record.clear()
        self._faults.remove(None)
        self._settings.update(DEFAULT_SETTINGS)
        if request.query.get("sessions") == "true":
            self._mcp.forget_sessions()
        return web.json_response({"reset": True})


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError:
        return None


def _refuse(problem: str) -> web.Response:
    return web.json_response({"error": problem}, status=400)
