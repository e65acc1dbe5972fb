"""OpenAI Responses: plain and streamed, function calls, and chaining by `previous_response_id`."""

from __future__ import annotations

import collections
import json
import time
from typing import Any

from aiohttp import web

from . import openai_api
from .delivery import Event, Exchange, before_answer, send_events, send_json, sse
from .script import Answer, Conversation, next_answer, pieces, token_count

KEPT_RESPONSES = 1000
Item = dict[str, Any]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(p.get("text", "") for p in content or [] if isinstance(p, dict))


def _is_user(item: Item) -> bool:
    return item.get("type", "message") == "message" and item.get("role") == "user"


def _new_items(body: dict[str, Any]) -> list[Item]:
    given = body["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


class ResponsesApi:
    """Remembers the newest responses, so that a later one can go on from them."""

    def __init__(self) -> None:
        self._stored: collections.OrderedDict[str, list[Item]] = collections.OrderedDict()

    def check(self, body: Any, _headers: Any = None) -> str | None:
        """What the provider would refuse about this request, or None."""
        if not isinstance(body, dict):
            return "the body must be a JSON object"
        if not isinstance(body.get("model"), str):
            return "you must provide a model parameter"
        given = body.get("input")
        if not given or not isinstance(given, (str, list)):
            return "'input' must be a text or a non-empty array"
        if isinstance(given, list) and not all(isinstance(i, dict) for i in given):
            return "'input' must hold objects"
        previous = body.get("previous_response_id")
        if previous is not None and previous not in self._stored:
            return f"previous response with id '{previous}' not found"
        known = set()
        for item in self._items(body):
            if item.get("type") == "function_call":
                known.add(item.get("call_id"))
            if item.get("type") == "function_call_output" and item.get("call_id") not in known:
                return f"no tool call found for function call output with call_id {item.get('call_id')}"
        return None

    def _items(self, body: dict[str, Any]) -> list[Item]:
        return self._stored.get(body.get("previous_response_id") or "", []) + _new_items(body)

    def read_conversation(self, body: dict[str, Any]) -> Conversation:
        items = self._items(body)
        last_user = max((i for i, item in enumerate(items) if _is_user(item)), default=-1)
        after = items[last_user + 1 :]
        kinds = ["call" if i.get("type") == "function_call" else "other" for i in after]
        return Conversation(
            question=_text(items[last_user].get("content")) if last_user >= 0 else "",
            tool_names=[t.get("name", "") for t in body.get("tools") or []],
            # Calls of one answer follow each other.
            steps_taken=sum(
                kind == "call" and (i == 0 or kinds[i - 1] != "call") for i, kind in enumerate(kinds)
            ),
            results=[
                _text(i.get("output")) for i in after if i.get("type") == "function_call_output"
            ],
        )

    @staticmethod
    def is_prefill(body: dict[str, Any]) -> bool:
        return _new_items(body)[-1].get("role") == "assistant"

    async def complete(self, exchange: Exchange, body: Any, new_id: Any) -> web.StreamResponse:
        """Answers one POST /v1/responses whose body was read and whose fault was picked."""
        headers = {"x-request-id": new_id("req")}
        if problem := self.check(body):
            exchange.entry.verdict_hint = "error"
            refusal = openai_api.error_body(400, problem, "invalid_request_error")
            return await send_json(exchange, 400, refusal, headers)
        if answered := await before_answer(exchange):
            return answered
        if action := exchange.action("status"):
            return await openai_api.refuse(exchange, action, headers)
        answer = next_answer(self.read_conversation(body))
        output = _output(answer, new_id)
        exchange.entry.answer = answer.kind
        exchange.entry.tool_call_ids = [i["call_id"] for i in output if "call_id" in i]
        usage = _usage(body, answer)
        exchange.entry.usage = {"input": usage["input_tokens"], "output": usage["output_tokens"]}
        response = _response(body, new_id("resp"))
        if body.get("store", True):
            self._stored[response["id"]] = self._items(body) + output
            if len(self._stored) > KEPT_RESPONSES:
                self._stored.popitem(last=False)
        done = {**response, "status": "completed", "output": output, "usage": usage}
        if body.get("stream"):
            return await send_events(exchange, _stream(response, done), headers)
        return await send_json(exchange, 200, done, headers)


def _usage(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    given = token_count(body["input"])
    made = token_count(answer.text or [c.arguments for c in answer.calls])
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }


def _response(body: dict[str, Any], response_id: str) -> dict[str, Any]:
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "metadata": body.get("metadata") or {},
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": body.get("previous_response_id"),
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
    }


def _output(answer: Answer, new_id: Any) -> list[Item]:
    items: list[Item] = [
        {
            "id": new_id("fc"),
            "type": "function_call",
            "status": "completed",
            "call_id": new_id("call"),
            "name": call.name,
            "arguments": json.dumps(call.arguments),
        }
        for call in answer.calls
    ]
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        message = {"id": new_id("msg"), "type": "message", "status": "completed"}
        items.append({**message, "role": "assistant", "content": [part]})
    return items


def _stream(response: dict[str, Any], done: dict[str, Any]) -> list[Event]:
    events: list[Event] = []

    def add(kind: str, content: bool = False, **fields: Any) -> None:
        body = {"type": kind, "sequence_number": len(events), **fields}
        events.append(sse(body, event=kind, content=content))

    add("response.created", response=response)
    add("response.in_progress", response=response)
    for index, item in enumerate(done["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "function_call":
            started = {**item, "status": "in_progress", "arguments": ""}
            add("response.output_item.added", content=True, output_index=index, item=started)
            raw = item["arguments"]
            for start in range(0, len(raw), 12):
                piece = raw[start : start + 12]
                add("response.function_call_arguments.delta", content=True, **place, delta=piece)
            add("response.function_call_arguments.done", **place, name=item["name"], arguments=raw)
        else:
            part = item["content"][0]
            place["content_index"] = 0
            started = {**item, "status": "in_progress", "content": []}
            add("response.output_item.added", output_index=index, item=started)
            add("response.content_part.added", **place, part={**part, "text": ""})
            for piece in pieces(part["text"]):
                add("response.output_text.delta", content=True, **place, delta=piece, logprobs=[])
            add("response.output_text.done", **place, text=part["text"], logprobs=[])
            add("response.content_part.done", **place, part=part)
        add("response.output_item.done", output_index=index, item=item)
    add("response.completed", response=done)
    return events
