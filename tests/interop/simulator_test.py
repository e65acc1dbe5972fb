"""The simulator itself, proven with the real SDKs: what the other tests stand on."""

from __future__ import annotations

import json
import socket
import time
import unittest

import anthropic
import httpx2
import openai

from harness import SimulatorTest, ask, claude_client, openai_client
from llm_cases import ClaudeCases, OpenAICases
from mcp_cases import McpCases
from processes import http


class DirectOpenAI(OpenAICases, SimulatorTest):
    def openai(self) -> openai.OpenAI:
        return openai_client(f"{self.simulator.url}/v1")


class DirectClaude(ClaudeCases, SimulatorTest):
    def claude(self) -> anthropic.Anthropic:
        return claude_client(self.simulator.url)


class DirectMcp(McpCases, SimulatorTest):
    def mcp_url(self) -> str:
        return f"{self.simulator.url}/mcp"


class Faults(SimulatorTest):
    """Each fault does on the wire what its name says, and the record says so."""

    def client(self, **options: float) -> openai.OpenAI:
        return openai_client(f"{self.simulator.url}/v1", **options)

    def verdict(self) -> str:
        self.simulator.wait(1, kind="openai", finished="true")
        return self.simulator.record(kind="openai")[-1]["verdict"]

    def raw_stream(self, kind: str = "openai") -> bytes:
        """All bytes that the server sends for one streamed request, until it closes."""
        body = {"model": "m", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "[[words 9]]"}]}
        data = json.dumps(body).encode()
        path = "/v1/chat/completions" if kind == "openai" else "/v1/messages"
        host, port = self.simulator.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(
                f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nanthropic-version: 2023-06-01\r\n"
                f"content-length: {len(data)}\r\n\r\n".encode() + data
            )
            received = b""
            while chunk := sock.recv(65536):
                received += chunk
        return received

    def test_status_once_then_healthy(self) -> None:
        self.simulator.fault({"kind": "openai"}, {"type": "status", "status": 503}, count=1)
        with self.assertRaises(openai.InternalServerError):
            ask(self.client(), "hi")
        ask(self.client(), "hi")
        self.assertEqual(self.simulator.counts()["keys"]["llm:openai/gpt-4o"], {"received": 2, "error": 1, "ok": 1})

    def test_after_and_every(self) -> None:
        self.simulator.fault({"kind": "openai"}, "status", after=2, every=3)
        seen = []
        for _ in range(9):
            try:
                ask(self.client(), "hi")
                seen.append(True)
            except openai.InternalServerError:
                seen.append(False)
        self.assertEqual(seen, [True, True, False, True, True, False, True, True, False])

    def test_hang_is_ended_by_the_client(self) -> None:
        self.simulator.fault({"kind": "openai"}, "hang")
        with self.assertRaises(openai.APITimeoutError):
            ask(self.client(timeout=0.3), "hi")
        self.assertEqual(self.verdict(), "client_closed")

    def test_reset(self) -> None:
        self.simulator.fault({"kind": "openai"}, "reset")
        with self.assertRaises(openai.APIConnectionError):
            ask(self.client(), "hi")
        self.assertEqual(self.verdict(), "reset")

    def test_cut_stream_has_no_end(self) -> None:
        self.simulator.fault({"kind": "openai"}, {"type": "cut", "afterEvents": 4})
        with self.assertRaises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
            list(ask(self.client(), "[[words 9]]", stream=True))
        self.assertEqual(self.verdict(), "cut")
        raw = self.raw_stream()
        self.assertEqual(raw.count(b"data: "), 4)
        self.assertFalse(raw.endswith(b"0\r\n\r\n"))

    def test_missing_done(self) -> None:
        self.simulator.fault({}, "missingDone")
        self.assertNotIn(b"[DONE]", self.raw_stream())
        raw = self.raw_stream("anthropic")
        self.assertIn(b"message_delta", raw)
        self.assertNotIn(b"message_stop", raw)

    def test_malformed_event(self) -> None:
        self.simulator.fault({}, {"type": "malformed", "afterEvents": 2})
        with self.assertRaises(json.JSONDecodeError):
            list(ask(self.client(), "hi", stream=True))
        self.assertIn(b"[DONE]", self.raw_stream())

    def test_slow_first_token_sends_the_head_at_once(self) -> None:
        self.simulator.fault({}, {"type": "slowFirstToken", "seconds": 0.5})
        started = time.monotonic()
        stream = ask(self.client(), "hi", stream=True)
        head = time.monotonic() - started
        chunks = list(stream)
        self.assertLess(head, 0.4)
        self.assertGreater(time.monotonic() - started, 0.5)
        self.assertGreater(len(chunks), 2)

    def test_a_wrong_rule_is_refused_by_name(self) -> None:
        for rule, field in (
            ({"action": {"type": "explode"}}, "action.type"),
            ({"action": {"type": "cut", "after": 1}}, "action.after"),
            ({"action": {"type": "hang"}, "match": {"tools": "x"}}, "match"),
            ({"action": {"type": "hang"}, "count": 0}, "count"),
            ({"action": {"type": "hang"}, "wrong": 1}, "wrong"),
        ):
            status, _, raw = http(f"{self.simulator.url}/admin/faults", rule)
            self.assertEqual(status, 400, rule)
            self.assertIn(field, json.loads(raw)["error"])

    def test_http_tool(self) -> None:
        status, _, raw = http(f"{self.simulator.url}/tools/shop/orders/17")
        self.assertEqual((status, json.loads(raw)["result"]["order_id"]), (200, "17"))
        status, _, raw = http(f"{self.simulator.url}/tools/shop/refunds", {"order": 17})
        self.assertEqual(json.loads(raw)["received"], {"order": 17})

    def test_openai_refuses_tool_messages_without_a_call(self) -> None:
        with self.assertRaises(openai.BadRequestError):
            self.client().chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "no", "content": "y"}],
            )


if __name__ == "__main__":
    unittest.main()
