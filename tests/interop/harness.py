"""Base classes: one simulator for a whole module, one sidecar for each test that asks for it."""

from __future__ import annotations

import json
import time
import unittest
from typing import Any

import anthropic
import openai
from mcp import Client

from policies import policy
from processes import Sidecar, Simulator

SEARCH_TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Finds an order.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
    },
}
CLAUDE_SEARCH_TOOL = {
    "name": "search",
    "description": "Finds an order.",
    "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}},
}


class SimulatorTest(unittest.IsolatedAsyncioTestCase):
    """Has `self.simulator`, clean at the start of every test."""

    simulator: Simulator

    @classmethod
    def setUpClass(cls) -> None:
        cls.simulator = Simulator()
        cls.addClassCleanup(cls.simulator.stop)

    def setUp(self) -> None:
        self.simulator.reset()


class SidecarTest(SimulatorTest):
    """Starts sidecars in front of the simulator; their output is shown when a test fails."""

    sidecar: Sidecar

    def start(self, mode: Any = None, env: dict[str, str] | None = None, **changes: Any) -> Sidecar:
        """A sidecar with the usual policy changed by `changes`; also kept as `self.sidecar`."""
        self.sidecar = Sidecar(policy(self.simulator.url, **changes), mode, env)
        self.addCleanup(self._close, self.sidecar)
        return self.sidecar

    def _close(self, sidecar: Sidecar) -> None:
        died = sidecar.child.poll()
        sidecar.close()
        crashed = bool(died) and sidecar is self.sidecar  # a test may have killed an earlier one itself
        if crashed or self._failed():
            print("--- sidecar output ---", *sidecar.lines[-40:], sep="\n")
        if crashed:
            raise AssertionError(f"the sidecar ended by itself with code {died}")

    def expect(self, slo: str, counts: tuple[int, int], timeout: float = 10.0) -> None:
        """Waits for exactly these (good, bad) counts; an outcome may be booked just after its last byte."""
        deadline = time.monotonic() + timeout
        while self.sidecar.slo(slo) != counts and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(self.sidecar.slo(slo), counts, slo)

    def mcp(self, **options: Any) -> Client:
        return mcp_client(f"{self.sidecar.url}/mcp/orders", **options)

    def _failed(self) -> bool:
        result = self._outcome.result  # type: ignore[attr-defined]
        return any(
            test is self or getattr(test, "test_case", None) is self
            for test, _ in result.errors + result.failures
        )

    def openai(self, **options: Any) -> openai.OpenAI:
        return openai_client(f"{self.sidecar.url}/llm/openai/v1", **options)

    def claude(self, **options: Any) -> anthropic.Anthropic:
        return claude_client(f"{self.sidecar.url}/llm/claude", **options)


def openai_client(base_url: str, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=base_url, api_key="test-key", **{"max_retries": 0, "timeout": 20, **options})


def claude_client(base_url: str, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=base_url, api_key="test-key", **{"max_retries": 0, "timeout": 20, **options})


def mcp_client(url: str, **options: Any) -> Client:
    """The MCP SDK's client; gives up after 20 s, so that a hanging server fails a test and not the suite."""
    return Client(url, **{"read_timeout_seconds": 20, **options})


def ask(client: openai.OpenAI, text: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    """One chat completion for one user message."""
    return client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": text}],
        extra_headers=headers or {},
        **more,
    )


def continue_with(message: Any, results: list[str], question: str) -> list[dict[str, Any]]:
    """The messages of the next step: question, the assistant's tool calls, and their results."""
    return [
        {"role": "user", "content": question},
        message.model_dump(exclude_none=True),
        *(
            {"role": "tool", "tool_call_id": call.id, "content": text}
            for call, text in zip(message.tool_calls, results, strict=True)
        ),
    ]


def tool_error(result: Any) -> dict[str, Any]:
    """The structured error inside an MCP tool result that the sidecar made."""
    assert result.is_error, f"not an error: {result}"
    return json.loads(result.content[0].text)
