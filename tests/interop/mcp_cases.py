"""What must hold for the MCP SDK, whether it talks to the server directly or through the sidecar."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp.shared.exceptions import MCPError

from harness import mcp_client

MODERN = "2026-07-28"


class McpCases:
    """Needs `self.mcp_url()`, `self.simulator`."""

    async def _story(self: Any, mode: str, version: str) -> None:
        async with mcp_client(self.mcp_url(), mode=mode) as client:
            self.assertEqual(client.protocol_version, version)
            tools = await client.list_tools()
            self.assertEqual([t.name for t in tools.tools], ["search", "get_order", "refund"])
            found = await client.call_tool("search", {"query": "1001"})
            self.assertFalse(found.is_error)
            self.assertIn("order 1001 is", found.content[0].text)
            refused = await client.call_tool("get_order", {})
            self.assertTrue(refused.is_error)
            self.assertEqual(refused.content[0].text, "order_id must be a text")
            with self.assertRaises(MCPError) as raised:
                await client.call_tool("nonesuch", {})
            self.assertEqual(raised.exception.code, -32602)
            if version != MODERN:
                await client.send_ping()
        self.assertEqual(self.simulator.received("mcp:orders/search"), 1)
        self.assertEqual(self.simulator.received("mcp:orders/nonesuch"), 1)

    async def test_mcp_modern_json(self: Any) -> None:
        await self._story("auto", MODERN)

    async def test_mcp_modern_event_stream(self: Any) -> None:
        self.simulator.settings(mcpResponse="sse")
        await self._story("auto", MODERN)

    async def test_mcp_handshake_json(self: Any) -> None:
        await self._story("legacy", "2025-11-25")
        calls = self.simulator.record(method="tools/call")
        self.assertTrue(all(c["headers"]["mcp-session-id"].startswith("session_") for c in calls))
        self.assertEqual(self.simulator.received("mcp:orders/(DELETE)"), 1)

    async def test_mcp_handshake_event_stream(self: Any) -> None:
        self.simulator.settings(mcpResponse="sse")
        await self._story("legacy", "2025-11-25")

    async def test_mcp_2025_06_18(self: Any) -> None:
        self.simulator.settings(mcpModern=False, mcpNewestHandshake="2025-06-18")
        await self._story("auto", "2025-06-18")

    async def test_mcp_jsonrpc_error_arrives_as_it_is(self: Any) -> None:
        self.simulator.fault(
            {"kind": "mcp"}, {"type": "jsonRpcError", "code": -32002, "message": "gone", "data": {"uri": "x"}}
        )
        async with mcp_client(self.mcp_url()) as client:
            with self.assertRaises(MCPError) as raised:
                await client.call_tool("search", {"query": "1"})
        self.assertEqual((raised.exception.code, raised.exception.error.message), (-32002, "gone"))

    async def test_mcp_tool_error_arrives_as_it_is(self: Any) -> None:
        self.simulator.fault({"kind": "mcp"}, {"type": "toolIsError", "text": "out of stock"})
        async with mcp_client(self.mcp_url()) as client:
            result = await client.call_tool("search", {"query": "1"})
        self.assertTrue(result.is_error)
        self.assertEqual(result.content[0].text, "out of stock")

    async def test_mcp_many_calls_at_once(self: Any) -> None:
        async with mcp_client(self.mcp_url()) as client:
            results = await asyncio.gather(*(client.call_tool("search", {"query": str(i)}) for i in range(60)))
        for number, result in enumerate(results):
            self.assertIn(f"order {number} is", result.content[0].text)
        self.assertEqual(self.simulator.received("mcp:orders/search"), 60)

    async def test_mcp_unknown_session_is_told(self: Any) -> None:
        async with mcp_client(self.mcp_url(), mode="legacy") as client:
            await client.call_tool("search", {"query": "1"})
            self.simulator.forget_sessions()
            with self.assertRaises(MCPError):
                await client.call_tool("search", {"query": "2"})
