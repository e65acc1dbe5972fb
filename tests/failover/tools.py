"""Tool definitions and the next step of a tool loop, in each format."""

from __future__ import annotations

from typing import Any

from clients import Call

_PARAMETERS = {"type": "object", "properties": {"query": {"type": "string"}}}
_SEARCH = {"name": "search", "description": "Finds an order."}
SEARCH_TOOLS: dict[str, list[dict[str, Any]]] = {
    "chat": [{"type": "function", "function": {**_SEARCH, "parameters": _PARAMETERS}}],
    "claude": [{**_SEARCH, "input_schema": _PARAMETERS}],
    "responses": [{"type": "function", **_SEARCH, "parameters": _PARAMETERS, "strict": False}],
}


def continued(wire: str, question: str, sent: dict[str, Any], call: Call, result: str) -> dict[str, Any]:
    """The arguments of the call after a plain answer with one tool call; `sent` are those of the answered one."""
    used = call.tool_calls[0]
    user = {"role": "user", "content": question}
    if wire == "claude":
        return {
            "messages": [
                *sent.get("messages", [user]),
                {"role": "assistant", "content": [used.model_dump(exclude_none=True)]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": used.id, "content": result}]},
            ]
        }
    if wire == "responses":
        items = [used.model_dump(exclude_none=True)]
        items.append({"type": "function_call_output", "call_id": used.call_id, "output": result})
        return {"input": [*sent.get("input", [user]), *items]}
    return {
        "messages": [
            *sent.get("messages", [user]),
            call.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": used.id, "content": result},
        ]
    }
