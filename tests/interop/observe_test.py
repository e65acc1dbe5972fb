"""Observe: everything is measured, nothing is done, and the twins say what Enforce would have done."""

from __future__ import annotations

import unittest

import openai

from harness import SidecarTest, ask
from policies import TOOL_CALLS
from processes import eventually


class Observe(SidecarTest):
    def twins(self) -> float:
        return self.sidecar.metrics().sum("agent_reliability_would_reject_total")

    async def test_slow_and_failing_tools_are_left_alone(self) -> None:
        self.start(enforcement="Observe", timeouts={"toolMs": 200})
        self.assertEqual(self.twins(), 0)
        self.simulator.fault({"kind": "mcp", "tool": "search"}, {"type": "delay", "seconds": 0.5})
        self.simulator.fault({"kind": "mcp", "tool": "refund"}, {"type": "jsonRpcError", "code": -32603})
        async with self.mcp() as client:
            for _ in range(5):
                found = await client.call_tool("search", {"query": "1"})
                self.assertFalse(found.is_error)
            for _ in range(5):
                with self.assertRaises(Exception) as raised:
                    await client.call_tool("refund", {"order_id": "1"})
                self.assertIn("internal error", str(raised.exception))
        self.assertEqual(self.simulator.received("mcp:orders/search"), 5)
        self.assertEqual(self.simulator.received("mcp:orders/refund"), 5)
        eventually(lambda: self.twins() >= 2, "would_* twins count what Enforce would have refused")
        self.assertEqual(sum(self.sidecar.slo(TOOL_CALLS)), 10)

    def test_failing_providers_are_left_alone(self) -> None:
        self.start(enforcement="Observe", timeouts={"firstTokenMs": 200, "llmMs": 200, "streamIdleMs": 200})
        self.simulator.fault({"kind": "openai"}, {"type": "slowFirstToken", "seconds": 0.6}, count=2)
        self.assertTrue(list(ask(self.openai(), "hi", stream=True)))
        self.assertTrue(ask(self.openai(), "hi").choices)
        self.simulator.heal()
        self.simulator.fault({"kind": "openai"}, "status")
        for _ in range(5):
            with self.assertRaises(openai.InternalServerError) as raised:
                ask(self.openai(), "hi")
            self.assertEqual(raised.exception.code, "server_is_overloaded")
            self.assertNotIn("x-should-retry", raised.exception.response.headers)
        self.assertEqual(self.simulator.received("llm:openai/gpt-4o"), 7)


if __name__ == "__main__":
    unittest.main()
