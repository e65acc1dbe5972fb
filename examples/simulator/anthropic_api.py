"""Anthropic messages: plain and streamed, with the documented sequence of events."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from .delivery import Event, Exchange, before_answer, send_events, send_json, sse
from .script import Answer, Conversation, next_answer, pieces, token_count

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(status: int, message: str, request_id: str) -> dict[str, Any]:
    kind = ERROR_TYPES.get(status, "overloaded_error" if status == 503 else "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request_id,
    }


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b for b in content or [] if isinstance(b, dict)]


def _text(content: Any) -> str:
    return "".join(b.get("text", "") for b in _blocks(content) if b.get("type") == "text")


def _is_user_authored(message: dict[str, Any]) -> bool:
    blocks = _blocks(message.get("content"))
    return message.get("role") == "user" and not any(b.get("type") == "tool_result" for b in blocks)


def check(body: Any, headers: Any) -> str | None:
    """What the provider would refuse about this request, or None."""
    if not isinstance(body, dict):
        return "the body must be a JSON object"
    if "anthropic-version" not in headers:
        return "anthropic-version: header is required"
    if not isinstance(body.get("model"), str):
        return "model: field required"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: field required"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages: at least one message is required"
    open_calls: set[str] = set()
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            return "messages: role must be user or assistant"
        blocks = _blocks(message.get("content"))
        if message["role"] == "user":
            answered = {b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"}
            if answered - open_calls:
                return "messages: unexpected tool_use_id in tool_result blocks"
            if open_calls - answered:
                return "messages: tool_use ids were found without tool_result blocks right after"
            open_calls = set()
        else:
            open_calls = {b.get("id") for b in blocks if b.get("type") == "tool_use"}
    return "messages: the last tool_use has no tool_result" if open_calls else None


def read_conversation(body: dict[str, Any]) -> Conversation:
    messages = body["messages"]
    last_user = max((i for i, m in enumerate(messages) if _is_user_authored(m)), default=-1)
    after = messages[last_user + 1 :]
    return Conversation(
        question=_text(messages[last_user].get("content")) if last_user >= 0 else "",
        tool_names=[t.get("name", "") for t in body.get("tools") or []],
        steps_taken=sum(
            1
            for m in after
            if m["role"] == "assistant"
            and any(b.get("type") == "tool_use" for b in _blocks(m.get("content")))
        ),
        results=[
            _text(b.get("content"))
            for m in after
            for b in _blocks(m.get("content"))
            if b.get("type") == "tool_result"
        ],
    )


def is_prefill(body: dict[str, Any]) -> bool:
    return body["messages"][-1]["role"] == "assistant"


async def complete(exchange: Exchange, body: Any, new_id: Any) -> web.StreamResponse:
    """Answers one POST /v1/messages whose body was read and whose fault was picked."""
    request_id = new_id("req")
    headers = {"request-id": request_id}
    if problem := check(body, exchange.request.headers):
        exchange.entry.verdict_hint = "error"
        return await send_json(exchange, 400, error_body(400, problem, request_id), headers)
    if answered := await before_answer(exchange):
        return answered
    if action := exchange.action("status"):
        exchange.entry.verdict_hint = "error"
        status = action["status"]
        refusal = action["body"]
        if refusal is None:
            refusal = error_body(status, f"simulated error {status}", request_id)
        return await send_json(exchange, status, refusal, {**headers, **action["headers"]})

    answer = next_answer(read_conversation(body))
    exchange.entry.answer = answer.kind
    ids = [new_id("toolu") for _ in answer.calls]
    exchange.entry.tool_call_ids = ids
    stop_reason = "tool_use" if answer.calls else "end_turn"
    usage = {
        "input_tokens": token_count(body["messages"]),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": token_count(answer.text or [c.arguments for c in answer.calls]),
    }
    exchange.entry.usage = {"input": usage["input_tokens"], "output": usage["output_tokens"]}
    message: dict[str, Any] = {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    if body.get("stream"):
        events = _stream(message, answer, ids, stop_reason, usage["output_tokens"])
        return await send_events(exchange, events, headers)
    if answer.text:
        message["content"].append({"type": "text", "text": answer.text})
    for call_id, call in zip(ids, answer.calls, strict=True):
        message["content"].append(
            {"type": "tool_use", "id": call_id, "name": call.name, "input": call.arguments}
        )
    message.update(stop_reason=stop_reason, usage=usage)
    return await send_json(exchange, 200, message, headers)


def _stream(
    message: dict[str, Any], answer: Answer, ids: list[str], stop_reason: str, output_tokens: int
) -> list[Event]:
    def event(kind: str, content: bool = False, terminal: bool = False, **fields: Any) -> Event:
        return sse({"type": kind, **fields}, event=kind, content=content, terminal=terminal)

    events = [event("message_start", message=message), event("ping")]
    index = 0
    if answer.text:
        events.append(
            event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        )
        for piece in pieces(answer.text):
            delta = {"type": "text_delta", "text": piece}
            events.append(event("content_block_delta", content=True, index=0, delta=delta))
        events.append(event("content_block_stop", index=0))
        index = 1
    for call_id, call in zip(ids, answer.calls, strict=True):
        block = {"type": "tool_use", "id": call_id, "name": call.name, "input": {}}
        events.append(event("content_block_start", content=True, index=index, content_block=block))
        raw = json.dumps(call.arguments)
        for start in range(0, len(raw), 12):
            delta = {"type": "input_json_delta", "partial_json": raw[start : start + 12]}
            events.append(event("content_block_delta", content=True, index=index, delta=delta))
        events.append(event("content_block_stop", index=index))
        index += 1
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    events.append(event("message_delta", delta=delta, usage={"output_tokens": output_tokens}))
    events.append(event("message_stop", terminal=True))
    return events
