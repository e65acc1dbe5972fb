"""The tools behind the MCP server and the plain HTTP routes: a small order book, always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

STATES = ("processing", "shipped", "delivered", "returned")


class ToolError(Exception):
    """The tool ran and failed; the text is for the model."""


def order(order_id: str) -> dict[str, Any]:
    """The order of that id. Every id exists; its content follows from the id alone."""
    digest = hashlib.sha256(order_id.encode()).digest()
    return {
        "order_id": order_id,
        "state": STATES[digest[0] % len(STATES)],
        "total": f"{10 + digest[1]}.{digest[2] % 100:02d}",
        "currency": "EUR",
    }


def search(arguments: dict[str, Any]) -> str:
    query = arguments.get("query")
    if not isinstance(query, str) or not query:
        raise ToolError("query must be a text")
    found = order(query)
    return f"order {query} is {found['state']}, total {found['total']} {found['currency']}"


def get_order(arguments: dict[str, Any]) -> str:
    order_id = arguments.get("order_id")
    if not isinstance(order_id, str) or not order_id:
        raise ToolError("order_id must be a text")
    found = order(order_id)
    return f"order {order_id}: {found['state']}, {found['total']} {found['currency']}"


def refund(arguments: dict[str, Any]) -> str:
    order_id = arguments.get("order_id")
    if not isinstance(order_id, str) or not order_id:
        raise ToolError("order_id must be a text")
    return f"refund for order {order_id} written"


def _schema(name: str, text: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text}},
        "required": [name],
        "additionalProperties": False,
    }


TOOLS: dict[str, Callable[[dict[str, Any]], str]] = {
    "search": search,
    "get_order": get_order,
    "refund": refund,
}

LISTING: list[dict[str, Any]] = [
    {
        "name": "search",
        "description": "Finds an order by its number.",
        "inputSchema": _schema("query", "the order number"),
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": "get_order",
        "description": "Returns one order.",
        "inputSchema": _schema("order_id", "the order number"),
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": "refund",
        "description": "Refunds an order. Changes state.",
        "inputSchema": _schema("order_id", "the order number"),
        "annotations": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False},
    },
]
