"""Sends answers, plain or as an event stream, and applies the fault that was picked for the request."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .faults import Fault
from .record import Entry


class ConnectionEnded(asyncio.CancelledError):
    """The connection was ended on purpose. aiohttp takes it as it takes a client that left: quietly."""


@dataclass(frozen=True)
class Event:
    """One server-sent event, ready for the wire."""

    data: bytes
    content: bool = False  # carries text or a tool delta, or a JSON-RPC message
    terminal: bool = False  # left out by `missingDone`


def sse(payload: Any, event: str | None = None, **flags: bool) -> Event:
    text = payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))
    head = f"event: {event}\n" if event else ""
    return Event(f"{head}data: {text}\n\n".encode(), **flags)


@dataclass
class Exchange:
    """One request on its way: what was asked, which fault hits it, and the current settings."""

    request: web.Request
    entry: Entry
    settings: dict[str, Any]
    fault: Fault | None = None

    def action(self, *types: str) -> dict[str, Any] | None:
        """The fault's action if it is one of these types."""
        if self.fault is not None and self.fault.action["type"] in types:
            return self.fault.action
        return None


def end_connection(exchange: Exchange, how: str, verdict: str) -> ConnectionEnded:
    """Closes the connection with FIN (sent bytes still arrive) or RST (`reset`)."""
    exchange.entry.verdict_hint = verdict
    transport = exchange.request.transport
    if transport is not None:
        if how == "reset":
            sock = transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
    return ConnectionEnded(verdict)


async def before_answer(exchange: Exchange) -> web.StreamResponse | None:
    """The faults that strike before the first byte. A response means: this is the answer."""
    await asyncio.sleep(exchange.settings["latencySeconds"])
    if exchange.fault is None:
        return None
    if exchange.fault.delay_seconds:
        await asyncio.sleep(exchange.fault.delay_seconds)
    action = exchange.fault.action
    match action["type"]:
        case "delay":
            await asyncio.sleep(action["seconds"])
        case "hang":
            await asyncio.sleep(action["seconds"])
            raise end_connection(exchange, "close", "cut")
        case "reset":
            raise end_connection(exchange, "reset", "reset")
    return None


async def send_json(
    exchange: Exchange, status: int, body: Any, headers: dict[str, str] | None = None
) -> web.StreamResponse:
    """Sends one JSON document; `cut` and `malformed` spoil the body."""
    data = json.dumps(body, separators=(",", ":")).encode()
    exchange.entry.status = status
    if exchange.action("malformed"):
        exchange.entry.verdict_hint = "malformed"
        data = data[: len(data) // 2] + b"\x00<garbage>"
    if action := exchange.action("cut", "stall", "slowFirstToken"):
        return await _send_slowly(exchange, status, data, headers, action)
    return web.Response(
        status=status, body=data, headers=headers, content_type="application/json"
    )


async def _send_slowly(
    exchange: Exchange, status: int, data: bytes, headers: dict[str, str] | None, action: dict[str, Any]
) -> web.StreamResponse:
    """A plain answer whose head comes at once; its body comes late, or stops half-way."""
    kind, looks_whole = action["type"], action.get("how") == "end"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_type = "application/json"
    if looks_whole:
        response.enable_chunked_encoding()
    else:
        response.content_length = len(data)
    await response.prepare(exchange.request)
    if kind == "slowFirstToken":
        await asyncio.sleep(action["seconds"])
        await response.write(data)
    else:
        await response.write(data[: len(data) // 2])
        if kind == "stall":
            await asyncio.sleep(action["seconds"])
        if not looks_whole:
            raise end_connection(exchange, action.get("how", "close"), "cut")
        exchange.entry.verdict_hint = "cut"
    await response.write_eof()
    return response


async def send_events(
    exchange: Exchange, events: Sequence[Event], headers: dict[str, str] | None = None
) -> web.StreamResponse:
    """Sends an event stream, one write per event, with the stream faults applied."""
    response = web.StreamResponse(
        status=200, headers={"Cache-Control": "no-cache", **(headers or {})}
    )
    response.content_type = "text/event-stream"
    response.enable_chunked_encoding()
    exchange.entry.status = 200
    await response.prepare(exchange.request)
    strike = exchange.action("cut", "stall", "malformed")
    slow = exchange.action("slowFirstToken")
    headless = exchange.action("missingDone")
    sent = content = 0
    for event in events:
        if strike is not None and _is_due(strike, sent, content):
            if await _strike(exchange, response, strike):
                return response
            strike = None
        if event.terminal and headless is not None:
            continue
        if event.content and slow is not None:
            await asyncio.sleep(slow["seconds"])
            slow = None
        elif event.content and exchange.settings["tokenDelaySeconds"]:
            await asyncio.sleep(exchange.settings["tokenDelaySeconds"])
        await response.write(event.data)
        sent += 1
        content += event.content
        exchange.entry.events_sent = sent
    if strike is not None and await _strike(exchange, response, strike):  # a shorter stream
        return response
    if headless is not None and headless["how"] != "end":
        exchange.entry.verdict_hint = "ok"  # nothing of the answer is missing
        await asyncio.sleep(headless["seconds"])
        raise end_connection(exchange, "close", "ok")
    await response.write_eof()
    return response


def _is_due(strike: dict[str, Any], sent: int, content: int) -> bool:
    if strike["afterContent"] is not None:
        return content == strike["afterContent"]
    return sent == strike["afterEvents"]


# The event name under which a format sends its text.
_DELTA_EVENT = {"anthropic": "content_block_delta", "responses": "response.output_text.delta"}


async def _strike(
    exchange: Exchange, response: web.StreamResponse, action: dict[str, Any]
) -> bool:
    """Spoils the stream here; True if it has ended like a whole one."""
    match action["type"]:
        case "malformed":
            exchange.entry.verdict_hint = "malformed"
            name = _DELTA_EVENT.get(exchange.entry.kind)
            await response.write(sse('{"broken": ', event=name).data)
            return False
        case "cut" if action["how"] == "end":
            exchange.entry.verdict_hint = "cut"
            await response.write_eof()
            return True
        case "stall":
            await asyncio.sleep(action["seconds"])
            raise end_connection(exchange, "close", "cut")
        case _:
            raise end_connection(exchange, action["how"], "cut")
