"""Every outcome counts exactly once: the simulator's record, the ledger and the metrics agree."""

from __future__ import annotations

import asyncio
import collections
import itertools
import json
import signal
import unittest
from typing import Any

import openai
from mcp import Client

from harness import SEARCH_TOOL, SidecarTest
from policies import LATENCY, NEVER, SEARCH_CALLS, TASKS, TOOL_CALLS, breaker, policy
from processes import Sidecar, eventually

GET_ORDER_TOOL = {"type": "function", "function": {"name": "get_order", "parameters": {"type": "object"}}}
TURNS = 300
CALLS = "agent_reliability_calls_total"


class Tally:
    """What the agent itself saw."""

    def __init__(self) -> None:
        self.turns: collections.Counter[str] = collections.Counter()
        self.tool_results: collections.Counter[str] = collections.Counter()
        self.llm_failures = 0


class Counts(SidecarTest):
    def _agent(self) -> Any:
        return openai.AsyncOpenAI(base_url=f"{self.sidecar.url}/llm/openai/v1", api_key="k", max_retries=0)

    async def _turn(self, llm: Any, orders: Client, number: int, tally: Tally) -> None:
        """One question of an ordinary agent loop; the tally says good or bad as ruling 15 does."""
        tool, argument = ("search", "query") if number % 3 else ("get_order", "order_id")
        question = f'[[call {tool} {{"{argument}": "{number}"}}]]'
        messages: list[Any] = [{"role": "user", "content": question}]
        last_failed: dict[str, bool] = {}
        try:
            while True:
                completion = await llm.chat.completions.create(
                    model="gpt-4o", messages=messages, tools=[SEARCH_TOOL, GET_ORDER_TOOL]
                )
                message = completion.choices[0].message
                if not message.tool_calls:
                    break
                messages.append(message.model_dump(exclude_none=True))
                for call in message.tool_calls:
                    name = call.function.name
                    text, kind = await self._tool(orders, name, json.loads(call.function.arguments))
                    tally.tool_results[f"{name}:{kind}"] += 1
                    last_failed[name] = kind not in ("ok", "tool_error")
                    messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
            tally.turns["bad" if any(last_failed.values()) else "good"] += 1
        except openai.APIError:
            tally.llm_failures += 1
            tally.turns["bad"] += 1

    async def _tool(self, orders: Client, name: str, arguments: dict[str, Any]) -> tuple[str, str]:
        try:
            result = await orders.call_tool(name, arguments)
        except Exception as problem:  # a relayed JSON-RPC error
            return f"error: {problem}", "jsonrpc"
        text = result.content[0].text
        if not result.is_error:
            return text, "ok"
        try:
            return text, json.loads(text)["error_type"]
        except (ValueError, KeyError):
            return text, "tool_error"

    async def _run(self, turns: int, width: int = 16) -> Tally:
        tally = Tally()
        numbers = itertools.count(1)
        async with self._agent() as llm:

            async def worker() -> None:
                async with self.mcp() as orders:
                    while (number := next(numbers)) <= turns:
                        await self._turn(llm, orders, number, tally)

            await asyncio.gather(*(worker() for _ in range(width)))
        return tally

    def _tool_counts(self) -> dict[str, collections.Counter[str]]:
        keys = self.simulator.counts()["keys"]
        return {t: collections.Counter(keys.get(f"mcp:orders/{t}", {})) for t in ("search", "get_order")}

    def _mcp_received(self) -> int:
        """All requests that reached the MCP server, tool calls or not."""
        keys = self.simulator.counts()["keys"]
        return sum(c["received"] for k, c in keys.items() if k.startswith("mcp:"))

    async def test_without_faults(self) -> None:
        self.start()
        tally = await self._run(TURNS)
        self.assertEqual(tally.turns, {"good": TURNS})
        self.expect(TASKS, (TURNS, 0))
        counts = self.simulator.counts()
        self.assertEqual(counts["llmAnswers"], {"tool_calls": TURNS, "final": TURNS})
        tools = self._tool_counts()
        self.expect(TOOL_CALLS, (TURNS, 0))
        self.expect(SEARCH_CALLS, (tools["search"]["received"], 0))
        self.expect(LATENCY, (TURNS, 0))
        metrics = self.sidecar.metrics()
        self.assertEqual(metrics.sum("agent_reliability_turns_total"), TURNS)
        self.assertEqual(metrics.sum(CALLS, kind="llm"), 2 * TURNS)
        self.assertEqual(metrics.sum(CALLS, kind="mcp", name="orders"), self._mcp_received())

    async def test_with_faults_and_breakers_that_never_trip(self) -> None:
        self.start(
            turn={"timeoutMs": 4000, "synthesisReserveMs": 500},
            timeouts={"toolMs": 400, "llmMs": 2000, "firstTokenMs": 2000},
            circuitBreakers=[breaker(s, trip=NEVER) for s in ("Tool", "Provider", "Model")],
        )
        self.simulator.fault({"kind": "mcp", "tool": "search"}, "hang", every=23)
        self.simulator.fault({"kind": "mcp", "tool": "search"}, "reset", every=17)
        self.simulator.fault({"kind": "mcp", "tool": "search"}, "status", every=13)
        self.simulator.fault({"kind": "mcp", "tool": "get_order"}, {"type": "toolIsError", "text": "no"}, every=7)
        self.simulator.fault({"kind": "openai"}, {"type": "status", "status": 500}, every=19)
        self.simulator.fault({"kind": "openai"}, "reset", every=41)
        tally = await self._run(TURNS)
        print("agent saw", dict(tally.turns), dict(tally.tool_results))
        good, bad = tally.turns["good"], tally.turns["bad"]
        self.assertGreater(bad, 20)
        # A turn whose LLM call failed and was not retried ends at its deadline.
        eventually(lambda: sum(self.sidecar.slo(TASKS)) >= TURNS, "every turn has ended", 20)
        self.expect(TASKS, (good, bad))

        tools = self._tool_counts()
        seen = tally.tool_results
        for tool in tools:
            asked = sum(n for k, n in seen.items() if k.startswith(f"{tool}:"))
            self.assertEqual(tools[tool]["received"], asked - seen[f"{tool}:deadline_exceeded"])
            self.assertEqual(tools[tool]["ok"], seen[f"{tool}:ok"])
        ok = tools["search"]["ok"] + tools["get_order"]["ok"]
        self.expect(TOOL_CALLS, (ok, sum(seen.values()) - ok))
        searches = sum(n for k, n in seen.items() if k.startswith("search:"))
        self.expect(SEARCH_CALLS, (seen["search:ok"], searches - seen["search:ok"]))
        metrics = self.sidecar.metrics()
        llm = self.simulator.counts()["keys"]["llm:openai/gpt-4o"]
        self.assertEqual(metrics.sum(CALLS, kind="llm"), llm["received"])
        self.assertEqual(llm["received"] - llm["ok"], tally.llm_failures)
        refused = sum(n for k, n in seen.items() if k.endswith(":deadline_exceeded"))
        self.assertEqual(metrics.sum(CALLS, kind="mcp", name="orders"), self._mcp_received() + refused)
        self.assertEqual(metrics.sum("agent_reliability_turns_total"), TURNS)

    async def test_with_a_breaker_that_opens_and_closes(self) -> None:
        self.start(
            turn={"timeoutMs": 4000, "synthesisReserveMs": 500},
            timeouts={"toolMs": 300},
            circuitBreakers=[breaker("Tool", openForMs=300, maxOpenForMs=300), breaker("Provider"), breaker("Model")],
        )
        self.simulator.fault({"kind": "mcp", "tool": "search"}, "hang", after=20, count=12)
        tally = await self._run(TURNS, width=8)
        print("agent saw", dict(tally.turns), dict(tally.tool_results))
        seen = tally.tool_results
        self.assertGreater(seen["search:circuit_open"], 0)
        eventually(lambda: sum(self.sidecar.slo(TASKS)) >= TURNS, "every turn has ended", 20)
        self.expect(TASKS, (tally.turns["good"], tally.turns["bad"]))
        tools = self._tool_counts()
        refused = seen["search:circuit_open"] + seen["search:deadline_exceeded"]
        asked = sum(n for k, n in seen.items() if k.startswith("search:"))
        self.assertEqual(asked, tools["search"]["received"] + refused)
        self.expect(SEARCH_CALLS, (seen["search:ok"], asked - seen["search:ok"]))
        metrics = self.sidecar.metrics()
        self.assertEqual(metrics.sum(CALLS, kind="mcp", result="circuit_open"), seen["search:circuit_open"])
        self.assertEqual(metrics.sum(CALLS, kind="mcp", result="timeout_total"), seen["search:timeout_total"])
        self.assertEqual(metrics.sum(CALLS, kind="mcp"), self._mcp_received() + refused)

    async def _restarted(self, number: int) -> None:
        """The counters of an ended process stay readable as a closed epoch of the next one."""
        self.start()
        await self._run(40)
        self.expect(TASKS, (40, 0))
        first = self.sidecar.ledger()
        folder = self.sidecar.folder
        kept = folder / "state" / "ledger.json"
        eventually(
            lambda: kept.exists() and json.loads(kept.read_bytes())["slos"] == first["slos"],
            "the file follows the counters",
            3,
        )
        self.sidecar.stop(number)
        second = Sidecar(policy(self.simulator.url), folder=folder)
        self.addCleanup(second.close)
        self.sidecar = second
        await self._run(20)
        self.expect(TASKS, (20, 0))
        after = second.ledger()
        self.assertEqual(after["podUID"], Sidecar.POD_UID)
        self.assertNotEqual(after["epoch"], first["epoch"])
        closed = {c["epoch"]: c["slos"] for c in after["closed"]}
        self.assertEqual(closed, {first["epoch"]: first["slos"]})

    async def test_through_an_orderly_restart(self) -> None:
        await self._restarted(signal.SIGTERM)

    async def test_through_a_kill(self) -> None:
        await self._restarted(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
