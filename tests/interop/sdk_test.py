"""The SDKs see through the sidecar what they see without it."""

from __future__ import annotations

import json
import unittest

from harness import SEARCH_TOOL, SidecarTest, ask, continue_with
from llm_cases import QUESTION, ClaudeCases, OpenAICases
from mcp_cases import McpCases
from policies import LATENCY, TASKS, TOOL_CALLS
from processes import http


class ThroughSidecarOpenAI(OpenAICases, SidecarTest):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_one_turn_has_one_id(self) -> None:
        client = self.openai()
        first = client.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": QUESTION}], tools=[SEARCH_TOOL]
        )
        message = first.parse().choices[0].message
        second = client.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=continue_with(message, ["shipped"], QUESTION), tools=[SEARCH_TOOL]
        )
        turn = first.headers["x-agent-turn-id"]
        self.assertTrue(turn)
        self.assertEqual(second.headers["x-agent-turn-id"], turn)
        again = client.chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": QUESTION}], tools=[SEARCH_TOOL]
        )
        self.assertNotEqual(again.headers["x-agent-turn-id"], turn)

    def test_an_explicit_turn_id_is_kept(self) -> None:
        raw = self.openai().chat.completions.with_raw_response.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": "hi"}],
            extra_headers={"x-agent-turn-id": "my-turn-1"},
        )
        self.assertEqual(raw.headers["x-agent-turn-id"], "my-turn-1")

    def test_the_upstream_is_told_the_time_left(self) -> None:
        ask(self.openai(), "hi")
        left = int(self.simulator.record(kind="openai")[0]["headers"]["x-agent-deadline-ms"])
        self.assertTrue(0 < left <= 15000, left)

    def test_a_good_turn_counts_once(self) -> None:
        client = self.openai()
        message = ask(client, QUESTION, tools=[SEARCH_TOOL]).choices[0].message
        self.expect(TASKS, (0, 0))
        client.chat.completions.create(
            model="gpt-4o", messages=continue_with(message, ["shipped"], QUESTION), tools=[SEARCH_TOOL]
        )
        self.expect(TASKS, (1, 0))
        self.expect(LATENCY, (1, 0))
        self.expect(TOOL_CALLS, (0, 0))

    def test_streamed_turns_count_once(self) -> None:
        for _ in range(20):
            list(ask(self.openai(), "[[words 5]]", stream=True))
        self.expect(TASKS, (20, 0))

    def test_other_endpoints_pass_and_are_no_turns(self) -> None:
        self.assertIn("gpt-4o", [m.id for m in self.openai().models.list()])
        self.assertEqual(self.sidecar.ledger()["slos"], {k: {"good": 0, "bad": 0} for k in self.sidecar.ledger()["slos"]})


class ThroughSidecarClaude(ClaudeCases, SidecarTest):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def test_streamed_turns_count_once(self) -> None:
        for _ in range(20):
            list(self._create("[[words 5]]", stream=True))
        self.expect(TASKS, (20, 0))

    def test_paths_with_and_without_version(self) -> None:
        body = {"model": "claude-opus", "max_tokens": 9, "messages": [{"role": "user", "content": "[[words 1]]"}]}
        for path in ("/messages", "/v1/messages", "/v1/v1/messages"):
            status, headers, raw = http(
                f"{self.sidecar.url}/llm/claude{path}", body, headers={"anthropic-version": "2023-06-01"}
            )
            self.assertEqual((path, status), (path, 200))
            self.assertEqual(json.loads(raw)["content"][0]["text"], "word1")
            self.assertTrue(headers["x-agent-turn-id"])


class ThroughSidecarMcp(McpCases, SidecarTest):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def mcp_url(self) -> str:
        return f"{self.sidecar.url}/mcp/orders"

    async def test_calls_answered_by_event_streams_count_once(self) -> None:
        """The SDK closes the stream at the response, before its last chunk: that is no cancelled call."""
        self.simulator.settings(mcpResponse="sse")
        for protocol in ("auto", "legacy"):
            async with self.mcp(mode=protocol) as client:
                for number in range(20):
                    self.assertFalse((await client.call_tool("search", {"query": str(number)})).is_error)
        self.expect(TOOL_CALLS, (40, 0))


class ThroughSidecarHttp(SidecarTest):
    def test_http_tool(self) -> None:
        self.start()
        status, _, raw = http(f"{self.sidecar.url}/tools/shop/orders/17?full=yes")
        answer = json.loads(raw)
        self.assertEqual((status, answer["path"], answer["query"]), (200, "/orders/17", {"full": "yes"}))
        status, _, raw = http(f"{self.sidecar.url}/tools/shop/refunds", {"order": 17}, "PUT")
        self.assertEqual((status, json.loads(raw)["received"]), (200, {"order": 17}))
        self.expect(TOOL_CALLS, (2, 0))

    def test_unknown_route(self) -> None:
        self.start()
        for path in ("/", "/llm/other/v1/chat/completions", "/mcp/other", "/tools/other/x", "/v1/chat/completions"):
            self.assertEqual(http(f"{self.sidecar.url}{path}", {})[0], 404, path)
        self.assertEqual(self.simulator.counts()["received"], 0)


if __name__ == "__main__":
    unittest.main()
