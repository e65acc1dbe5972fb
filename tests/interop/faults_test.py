"""Slow, dead and lying upstreams: classified, answered in time, in the caller's format, never a false success."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import unittest
from typing import Any

import anthropic
import openai

from harness import SidecarTest, ask, continue_with, tool_error
from policies import TASKS, TOOL_CALLS
from processes import http

CUT_ERRORS = (openai.APIError, anthropic.APIError, openai.APIConnectionError)


def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Timed:
    """Measures a block; `seconds` after it."""

    def __enter__(self) -> Timed:
        self.started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self.started


class LlmFaults(SidecarTest):
    def refused(self, client: openai.OpenAI, status: int, error_class: str, **more: Any) -> openai.APIStatusError:
        with self.assertRaises(openai.APIStatusError) as raised:
            result = ask(client, "[[words 9]]", **more)
            if more.get("stream"):
                list(result)
        problem = raised.exception
        self.assertEqual((problem.status_code, problem.code), (status, error_class))
        self.assertEqual(problem.response.headers["x-should-retry"], "false")
        self.assertEqual(problem.response.headers["x-agent-error-class"], error_class)
        self.assertIn("recoverable", problem.body)
        self.assertIn("suggestion", problem.body)
        return problem

    def test_silent_upstream_is_given_up_in_time(self) -> None:
        self.start(timeouts={"llmMs": 500, "firstTokenMs": 500})
        self.simulator.fault({"kind": "openai"}, "hang")
        with Timed() as timed, self.assertRaises(openai.APIStatusError) as raised:
            ask(self.openai(max_retries=2), "hi")
        self.assertEqual(raised.exception.status_code, 504)
        self.assertIn(raised.exception.code, ("timeout_total", "timeout_first_token"))
        self.assertEqual(raised.exception.type, "timeout_error")
        self.assertTrue(0.4 < timed.seconds < 2.5, timed.seconds)
        self.simulator.wait(1, verdict="client_closed")  # the upstream connection is closed, too
        self.assertEqual(self.simulator.received("llm:openai/gpt-4o"), 1)

    def test_silent_upstream_of_a_stream(self) -> None:
        self.start(timeouts={"firstTokenMs": 400})
        self.simulator.fault({"kind": "openai"}, "hang")
        with Timed() as timed:
            self.refused(self.openai(), 504, "timeout_first_token", stream=True)
        self.assertTrue(0.3 < timed.seconds < 2.0, timed.seconds)

    def test_first_token_late_after_a_quick_head(self) -> None:
        self.start(timeouts={"firstTokenMs": 400})
        self.simulator.fault({"kind": "openai"}, {"type": "slowFirstToken", "seconds": 3})
        with Timed() as timed, self.assertRaises(openai.APIError):
            list(ask(self.openai(), "hi", stream=True))
        self.assertTrue(0.3 < timed.seconds < 2.0, timed.seconds)

    def test_claude_timeout_in_its_own_format(self) -> None:
        self.start(timeouts={"llmMs": 400, "firstTokenMs": 400})
        self.simulator.fault({"kind": "anthropic"}, "hang")
        with self.assertRaises(anthropic.APIStatusError) as raised:
            self.claude().messages.create(
                model="claude-opus", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )
        self.assertEqual(raised.exception.status_code, 504)
        self.assertEqual(raised.exception.body["error"]["type"], "timeout_error")
        self.assertEqual(raised.exception.response.headers["x-should-retry"], "false")

    def test_the_sdks_own_limit_is_respected(self) -> None:
        self.start()
        self.simulator.fault({"kind": "openai"}, "hang")
        with Timed() as timed, self.assertRaises((openai.APITimeoutError, openai.APIStatusError)):
            ask(self.openai(timeout=0.7), "hi")
        self.assertLess(timed.seconds, 2.0)
        self.simulator.wait(1, verdict="client_closed")

    def test_refused_connection(self) -> None:
        port = closed_port()
        upstream = {"kind": "LLM", "name": "openai", "format": "OpenAI", "url": f"http://127.0.0.1:{port}/v1"}
        self.start(upstreams=[upstream])
        self.refused(self.openai(), 502, "connect")

    def test_reset_before_any_byte(self) -> None:
        self.start()
        self.simulator.fault({"kind": "openai"}, "reset")
        self.refused(self.openai(), 502, "reset_before_headers")

    def test_plain_answer_cut_in_the_middle(self) -> None:
        self.start()
        for how in ("close", "reset"):
            with self.subTest(how=how):
                self.simulator.heal()
                self.simulator.fault({"kind": "openai"}, {"type": "cut", "how": how})
                with self.assertRaises(openai.APIError):
                    ask(self.openai(), "hi")

    def raw(self, route: str, body: dict[str, Any]) -> bytes:
        """Every byte of the answer to one request, until the sidecar closes the connection."""
        data = json.dumps(body).encode()
        with socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=20) as sock:
            sock.sendall(
                f"POST {route} HTTP/1.1\r\nhost: 127.0.0.1:{self.sidecar.port}\r\nconnection: close\r\n"
                f"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
                f"content-length: {len(data)}\r\n\r\n".encode() + data
            )
            received = b""
            try:
                while chunk := sock.recv(65536):
                    received += chunk
            except ConnectionResetError:
                pass
        return received

    def test_a_cut_stream_never_ends_cleanly(self) -> None:
        self.start(timeouts={"streamIdleMs": 400})
        body = {"model": "m", "stream": True, "max_tokens": 99, "messages": [{"role": "user", "content": "[[words 60]]"}]}
        actions = [
            {"type": "cut", "afterEvents": 1},
            {"type": "cut", "afterEvents": 40},
            {"type": "cut", "afterEvents": 40, "how": "reset"},
            {"type": "stall", "afterEvents": 20},
        ]
        for action in actions:
            for kind, route, end, mark in (
                ("openai", "/llm/openai/v1/chat/completions", b"[DONE]", b'"error"'),
                ("anthropic", "/llm/claude/v1/messages", b"message_stop", b"event: error"),
            ):
                with self.subTest(action=action, kind=kind):
                    self.start(timeouts={"streamIdleMs": 400})
                    self.simulator.heal()
                    self.simulator.fault({"kind": kind}, action)
                    with Timed() as timed:
                        raw = self.raw(route, body)
                    self.assertLess(timed.seconds, 4)
                    self.assertNotIn(end, raw)
                    # Either the caller's error event, or at least no end of the chunked body.
                    self.assertTrue(mark in raw or not raw.endswith(b"0\r\n\r\n"), raw[-200:])
                    self.assertNotIn(b'"finish_reason":"stop"', raw)

    def test_the_sdks_raise_on_a_cut_stream(self) -> None:
        self.start(timeouts={"streamIdleMs": 400})
        self.simulator.fault({}, {"type": "cut", "afterEvents": 20})
        with self.assertRaises(CUT_ERRORS):
            list(ask(self.openai(), "[[words 60]]", stream=True))
        with self.assertRaises(CUT_ERRORS), self.claude().messages.stream(
            model="claude-opus", max_tokens=99, messages=[{"role": "user", "content": "[[words 60]]"}]
        ) as stream:
            stream.get_final_message()

    def test_the_next_call_after_a_cut_is_healthy(self) -> None:
        self.start()
        client = self.openai()
        self.simulator.fault({"kind": "openai"}, {"type": "cut", "afterEvents": 5}, count=2)
        for _ in range(2):
            with self.assertRaises(openai.APIError):
                list(ask(client, "[[words 60]]", stream=True))
        text = "".join(c.choices[0].delta.content or "" for c in ask(client, "[[words 60]]", stream=True))
        self.assertTrue(text.endswith("word60"))

    def test_a_stream_without_its_last_line_is_still_whole(self) -> None:
        self.start()
        self.simulator.fault({}, "missingDone")
        chunks = list(ask(self.openai(), "[[words 9]]", stream=True))
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")

    def test_failed_turns_count_as_bad(self) -> None:
        self.start(turn={"timeoutMs": 1500, "synthesisReserveMs": 300})
        self.simulator.fault({"kind": "openai"}, {"type": "status", "status": 500}, count=1)
        with self.assertRaises(openai.InternalServerError):
            ask(self.openai(), "hi")
        ask(self.openai(), "hi")
        self.expect(TASKS, (1, 1))

    def test_an_sdk_retry_stays_in_the_same_turn(self) -> None:
        self.start()
        self.simulator.fault({"kind": "openai"}, {"type": "status", "status": 500}, count=2)
        completion = ask(self.openai(max_retries=2), "hi")
        self.assertEqual(completion.choices[0].finish_reason, "stop")
        self.expect(TASKS, (1, 0))


class ToolFaults(SidecarTest):
    async def test_faults_become_results_that_the_model_can_read(self) -> None:
        cases = [
            ({"type": "hang"}, {"timeout_total"}),
            ({"type": "reset"}, {"reset_before_headers"}),
            ({"type": "status", "status": 503}, {"server_error", "overloaded"}),
            ({"type": "status", "status": 429}, {"rate_limited"}),
            ({"type": "cut"}, {"stream_truncated"}),
            ({"type": "malformed"}, {"malformed"}),
        ]
        for response in ("json", "sse"):
            for action, classes in cases:
                with self.subTest(action=action, response=response):
                    self.simulator.reset()
                    self.simulator.settings(mcpResponse=response)
                    self.start(timeouts={"toolMs": 500})
                    self.simulator.fault({"kind": "mcp", "tool": "refund"}, action)
                    if action["type"] == "cut" and response == "sse":
                        self.simulator.heal()
                        self.simulator.fault({"kind": "mcp"}, {"type": "cut", "afterEvents": 0})
                    if action["type"] == "malformed" and response == "sse":
                        continue  # an extra event beside a whole answer: the answer counts
                    async with self.mcp() as client:
                        with Timed() as timed:
                            error = tool_error(await client.call_tool("refund", {"order_id": "1"}))
                    self.assertIn(error["error_type"], classes)
                    self.assertIn("recoverable", error)
                    self.assertTrue(error["suggestion"])
                    self.assertLess(timed.seconds, 2.5)
                    self.assertEqual(self.simulator.received("mcp:orders/refund"), 1)  # never sent twice
                    self.expect(TOOL_CALLS, (0, 1))

    async def test_the_server_is_told_that_a_call_was_given_up(self) -> None:
        """2025 protocols by a notification with the upstream's id, 2026-07-28 by closing the stream alone."""
        self.start(timeouts={"toolMs": 300})
        self.simulator.fault({"kind": "mcp"}, "hang")
        async with self.mcp(mode="legacy") as client:
            self.assertTrue((await client.call_tool("search", {"query": "1"})).is_error)
            self.simulator.wait(1, method="notifications/cancelled")
            self.assertEqual(self.simulator.record(method="notifications/cancelled")[0]["verdict"], "ok")
        self.simulator.wait(1, method="tools/call", verdict="client_closed")
        async with self.mcp() as client:
            self.assertTrue((await client.call_tool("get_order", {"order_id": "1"})).is_error)
        self.simulator.wait(2, method="tools/call", verdict="client_closed")
        self.assertEqual(len(self.simulator.record(method="notifications/cancelled")), 1)

    async def test_a_client_that_leaves_cancels_the_call(self) -> None:
        for protocol in ("auto", "legacy"):
            for response in ("json", "sse"):
                with self.subTest(protocol=protocol, response=response):
                    self.simulator.reset()
                    self.simulator.settings(mcpResponse=response)
                    self.start()
                    self.simulator.fault({"kind": "mcp", "tool": "refund"}, "hang")
                    async with self.mcp(mode=protocol) as client:
                        call = asyncio.create_task(client.call_tool("refund", {"order_id": "1"}))
                        await asyncio.to_thread(self.simulator.wait, 1, tool="refund")
                        call.cancel()
                        with self.assertRaises(asyncio.CancelledError):
                            await call
                        left = time.time()
                    await asyncio.to_thread(self.simulator.wait, 1, tool="refund", verdict="client_closed")
                    record = self.simulator.record(tool="refund")[0]
                    ended = record["received_at"] + record["duration_ms"] / 1000
                    print(f"{protocol}, {response}: cancelled {(ended - left) * 1000:.0f} ms after the client left")
                    self.assertLess(ended - left, 2.0)
                    self.expect(TOOL_CALLS, (0, 0))

    def test_headers_that_disagree_with_the_body_are_refused(self) -> None:
        self.start()
        call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "refund", "arguments": {}}}
        headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "search"}
        status, _, raw = http(f"{self.sidecar.url}/mcp/orders", call, headers=headers)
        self.assertEqual((status, json.loads(raw)["error"]["code"], json.loads(raw)["id"]), (400, -32020, 7))
        self.assertEqual(self.simulator.counts()["received"], 0)

    async def test_per_tool_limits(self) -> None:
        override = {"upstream": "orders", "tool": "search", "timeoutMs": 300}
        self.start(timeouts={"toolMs": 4000, "toolOverrides": [override]})
        self.simulator.fault({"kind": "mcp"}, {"type": "delay", "seconds": 1})
        async with self.mcp() as client:
            self.assertTrue((await client.call_tool("search", {"query": "1"})).is_error)
            self.assertFalse((await client.call_tool("get_order", {"order_id": "1"})).is_error)

    async def test_a_turn_has_one_deadline_over_all_its_calls(self) -> None:
        self.start(turn={"timeoutMs": 4000, "synthesisReserveMs": 1000}, timeouts={"toolMs": 2000, "llmMs": 3000})
        self.simulator.fault({"kind": "mcp"}, {"type": "delay", "seconds": 0.8})
        question = " ".join('[[call search {"query": "%d"}]]' % i for i in range(6))
        llm = self.openai()
        messages: list[Any] = [{"role": "user", "content": question}]
        errors = []
        async with self.mcp() as client:
            with Timed() as timed:
                while True:
                    message = llm.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message
                    if not message.tool_calls:
                        break
                    call = message.tool_calls[0]
                    result = await client.call_tool("search", json.loads(call.function.arguments))
                    text = result.content[0].text
                    if result.is_error:
                        errors.append(json.loads(text))
                    messages += [
                        message.model_dump(exclude_none=True),
                        {"role": "tool", "tool_call_id": call.id, "content": text},
                    ]
        print(f"turn of 4 s with six tools of 0.8 s: answered after {timed.seconds:.2f} s, {len(errors)} calls refused")
        self.assertLess(timed.seconds, 4.0)
        self.assertTrue(errors)
        self.assertEqual({e["error_type"] for e in errors}, {"deadline_exceeded"})
        self.assertIn("remaining_ms", errors[0])
        self.assertEqual(self.simulator.received("mcp:orders/search"), 6 - len(errors))
        self.assertIn("could not check", message.content)
        self.expect(TASKS, (0, 1))

    async def test_an_answer_without_a_broken_tool_counts_as_bad(self) -> None:
        self.start(timeouts={"toolMs": 300})
        self.simulator.fault({"kind": "mcp"}, "hang", count=1)
        question = "Where is order 5?"
        for expected in ((0, 1), (1, 1)):
            llm = self.openai()
            message = ask(llm, question, tools=[{"type": "function", "function": {"name": "search", "parameters": {}}}])
            message = message.choices[0].message
            async with self.mcp() as client:
                result = await client.call_tool("search", {"query": "5"})
            llm.chat.completions.create(
                model="gpt-4o", messages=continue_with(message, [result.content[0].text], question)
            )
            self.expect(TASKS, expected)


if __name__ == "__main__":
    unittest.main()
