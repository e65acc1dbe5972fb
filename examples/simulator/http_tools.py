"""Plain HTTP tools: /tools/<name>/<anything>, any verb."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .delivery import Exchange, before_answer, send_json
from .tools import order


async def answer(exchange: Exchange, body: Any) -> web.StreamResponse:
    """Answers one call: GET looks an order up, other verbs say what they wrote."""
    if answered := await before_answer(exchange):
        return answered
    if action := exchange.action("status"):
        exchange.entry.verdict_hint = "error"
        problem = action["body"]
        if problem is None:
            problem = {"title": "simulated error", "status": action["status"]}
        return await send_json(exchange, action["status"], problem, action["headers"])
    rest = exchange.request.match_info.get("rest", "")
    verb = exchange.request.method
    result: dict[str, Any] = {"tool": exchange.entry.tool, "method": verb, "path": "/" + rest}
    if exchange.request.query:
        result["query"] = dict(exchange.request.query)
    if verb in ("GET", "HEAD"):
        result["result"] = order(rest.rsplit("/", 1)[-1] or "0")
    else:
        result["result"] = "written"
        result["received"] = body
    return await send_json(exchange, 200, result)
