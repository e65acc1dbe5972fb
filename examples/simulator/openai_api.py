"""OpenAI chat completions: plain and streamed."""

from __future__ import annotations

import json
import time
from typing import Any

from aiohttp import web

from .delivery import Event, Exchange, before_answer, send_events, send_json, sse
from .script import Answer, Conversation, next_answer, pieces, token_count


def error_body(status: int, message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def default_error(status: int) -> dict[str, Any]:
    """The body that the provider sends with this status if the fault gives none."""
    kind, code = {
        400: ("invalid_request_error", None),
        401: ("invalid_request_error", "invalid_api_key"),
        404: ("invalid_request_error", "model_not_found"),
        429: ("requests", "rate_limit_exceeded"),
        503: ("server_error", "server_is_overloaded"),
    }.get(status, ("server_error", None))
    return error_body(status, f"simulated error {status}", kind, code)


async def refuse(
    exchange: Exchange, action: dict[str, Any], headers: dict[str, str]
) -> web.StreamResponse:
    """The answer of the fault `status`."""
    exchange.entry.verdict_hint = "error"
    status = action["status"]
    body = default_error(status) if action["body"] is None else action["body"]
    return await send_json(exchange, status, body, {**headers, **action["headers"]})


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(p.get("text", "") for p in content if isinstance(p, dict))
    return ""


def check(body: Any, _headers: Any = None) -> str | None:
    """What the provider would refuse about this request, or None."""
    if not isinstance(body, dict):
        return "the body must be a JSON object"
    if not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "'messages' must be a non-empty array"
    open_calls: set[str] = set()
    for message in messages:
        if not isinstance(message, dict) or "role" not in message:
            return "every message needs a role"
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_calls:
                return "a message with role 'tool' must answer a preceding message with 'tool_calls'"
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            return "an assistant message with 'tool_calls' must be followed by tool messages"
        if message["role"] == "assistant":
            open_calls = {c.get("id") for c in message.get("tool_calls") or []}
    return "tool messages are missing" if open_calls else None


def read_conversation(body: dict[str, Any]) -> Conversation:
    messages = body["messages"]
    last_user = max((i for i, m in enumerate(messages) if m["role"] == "user"), default=-1)
    after = messages[last_user + 1 :]
    return Conversation(
        question=_text(messages[last_user].get("content")) if last_user >= 0 else "",
        tool_names=[t.get("function", {}).get("name", "") for t in body.get("tools") or []],
        steps_taken=sum(1 for m in after if m["role"] == "assistant" and m.get("tool_calls")),
        results=[_text(m.get("content")) for m in after if m["role"] == "tool"],
    )


def is_prefill(body: dict[str, Any]) -> bool:
    return body["messages"][-1]["role"] == "assistant"


async def complete(exchange: Exchange, body: Any, new_id: Any) -> web.StreamResponse:
    """Answers one POST /v1/chat/completions whose body was read and whose fault was picked."""
    request_id = {"x-request-id": new_id("req")}
    if problem := check(body):
        exchange.entry.verdict_hint = "error"
        refusal = error_body(400, problem, "invalid_request_error")
        return await send_json(exchange, 400, refusal, request_id)
    if answered := await before_answer(exchange):
        return answered
    if action := exchange.action("status"):
        return await refuse(exchange, action, request_id)

    answer = next_answer(read_conversation(body))
    exchange.entry.answer = answer.kind
    ids = [new_id("call") for _ in answer.calls]
    exchange.entry.tool_call_ids = ids
    head = {"id": new_id("chatcmpl"), "created": int(time.time()), "model": body["model"]}
    prompt_tokens = token_count(body["messages"])
    completion_tokens = token_count(answer.text or [c.arguments for c in answer.calls])
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    exchange.entry.usage = {"input": prompt_tokens, "output": completion_tokens}
    if body.get("stream"):
        include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        events = _stream(head, answer, ids, usage if include_usage else None)
        return await send_events(exchange, events, request_id)
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": c.name, "arguments": json.dumps(c.arguments)},
            }
            for call_id, c in zip(ids, answer.calls, strict=True)
        ]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "tool_calls" if answer.calls else "stop",
    }
    completion = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
    return await send_json(exchange, 200, completion, request_id)


def _stream(
    head: dict[str, Any], answer: Answer, ids: list[str], usage: dict[str, int] | None
) -> list[Event]:
    def chunk(delta: dict[str, Any], finish: str | None = None, content: bool = False) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        if usage is not None:
            body["usage"] = None
        return sse(body, content=content)

    events = [chunk({"role": "assistant", "content": None if answer.calls else "", "refusal": None})]
    events += [chunk({"content": piece}, content=True) for piece in pieces(answer.text)]
    for index, (call_id, call) in enumerate(zip(ids, answer.calls, strict=True)):
        first = {
            "index": index,
            "id": call_id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        events.append(chunk({"tool_calls": [first]}, content=True))
        raw = json.dumps(call.arguments)
        for start in range(0, len(raw), 12):
            more = {"index": index, "function": {"arguments": raw[start : start + 12]}}
            events.append(chunk({"tool_calls": [more]}, content=True))
    events.append(chunk({}, finish="tool_calls" if answer.calls else "stop"))
    if usage is not None:
        events.append(sse({**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    events.append(sse("[DONE]", terminal=True))
    return events
