"""Modes: what a paused, probing or throttled agent may still do, seen by its SDKs."""

from __future__ import annotations

import unittest
from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import openai

from harness import SEARCH_TOOL, SidecarTest, ask, continue_with
from policies import TASKS, TOOL_CALLS, mode
from processes import Sidecar, eventually

QUESTION = "Where is order 9?"


class Modes(SidecarTest):
    def order(self, name: str, generation: int, **fields: Any) -> None:
        """Writes mode.json and waits until the sidecar reports it."""
        self.sidecar.write("mode.json", mode(name, generation, **fields))
        eventually(lambda: self.sidecar.ledger()["modeGeneration"] == generation, f"mode {name} acknowledged")

    def first_step(self) -> Any:
        return ask(self.openai(), QUESTION, tools=[SEARCH_TOOL]).choices[0].message

    async def search(self) -> Any:
        async with self.mcp() as client:
            return await client.call_tool("search", {"query": "9"})

    def assert_paused(self, problem: openai.APIStatusError) -> None:
        self.assertEqual(problem.status_code, 503)
        self.assertEqual(problem.response.headers["x-should-retry"], "false")
        self.assertTrue(0 < int(problem.response.headers["retry-after"]) <= 30)

    async def test_paused_refuses_new_turns_and_lets_agents_start(self) -> None:
        self.start(mode("Paused"))
        self.assertEqual(self.sidecar.ledger()["mode"], "Paused")
        for stream in (False, True):
            with self.assertRaises(openai.APIStatusError) as raised:
                ask(self.openai(max_retries=2), "hi", stream=stream)
            self.assert_paused(raised.exception)
            self.assertEqual(raised.exception.code, "paused")
        with self.assertRaises(anthropic.APIStatusError) as refused:
            self.claude(max_retries=2).messages.create(
                model="claude-opus", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
            )
        self.assert_paused(refused.exception)
        self.assertEqual(refused.exception.body["error"]["type"], "overloaded_error")
        for protocol in ("auto", "legacy"):
            async with self.mcp(mode=protocol) as client:
                self.assertEqual(len((await client.list_tools()).tools), 3)
                if protocol == "legacy":
                    await client.send_ping()
                try:
                    result = await client.call_tool("search", {"query": "1"})
                    self.assertTrue(result.is_error)
                except Exception as problem:  # the transport may report the 503 as an error of its own
                    self.assertNotIsInstance(problem, AssertionError)
        keys = self.simulator.counts()["keys"]
        self.assertFalse([k for k in keys if k.startswith("llm:") or k == "mcp:orders/search"], keys)
        self.assertEqual((self.sidecar.slo(TASKS), self.sidecar.slo(TOOL_CALLS)), ((0, 0), (0, 0)))

    async def test_a_running_turn_finishes(self) -> None:
        self.start()
        message = self.first_step()
        self.order("Paused", 2)
        result = await self.search()
        self.assertFalse(result.is_error, result)
        answer = self.openai().chat.completions.create(
            model="gpt-4o", messages=continue_with(message, [result.content[0].text], QUESTION)
        )
        self.assertIn("Here is what I found", answer.choices[0].message.content)
        with self.assertRaises(openai.APIStatusError) as raised:
            self.first_step()
        self.assert_paused(raised.exception)
        self.expect(TASKS, (1, 0))

    def test_normal_again(self) -> None:
        self.start(mode("Paused", 3))
        with self.assertRaises(openai.APIStatusError):
            ask(self.openai(), "hi")
        self.order("Normal", 4)
        ask(self.openai(), "hi")

    def test_an_older_order_is_ignored(self) -> None:
        self.start(mode("Paused", 7))
        self.sidecar.write("mode.json", mode("Normal", 6))
        # A newer one that changes nothing shows that the older one was read before it.
        self.order("Paused", 8)
        with self.assertRaises(openai.APIStatusError):
            ask(self.openai(), "hi")

    def test_a_broken_order_keeps_the_last_good_one(self) -> None:
        self.start(mode("Paused", 7))
        self.sidecar.write("mode.json", b'{"schema":"1.0","mode":"Pau')
        eventually(lambda: self.sidecar.events("config_rejected"), "the broken order is logged")
        with self.assertRaises(openai.APIStatusError):
            ask(self.openai(), "hi")

    def test_half_open_elsewhere_means_paused_here(self) -> None:
        self.start(mode("HalfOpen", halfOpen={"maxProbes": 2, "podUIDs": ["another-pod"]}))
        with self.assertRaises(openai.APIStatusError) as raised:
            ask(self.openai(), "hi")
        self.assert_paused(raised.exception)

    def test_half_open_here_admits_so_many_turns_at_a_time(self) -> None:
        self.start(mode("HalfOpen", halfOpen={"maxProbes": 2, "podUIDs": [Sidecar.POD_UID]}))
        first, _second = self.first_step(), self.first_step()
        with self.assertRaises(openai.APIStatusError) as raised:
            self.first_step()
        self.assert_paused(raised.exception)
        self.openai().chat.completions.create(
            model="gpt-4o", messages=continue_with(first, ["shipped"], QUESTION), tools=[SEARCH_TOOL]
        )
        self.first_step()  # the place of the finished turn is free
        self.expect(TASKS, (1, 0))

    def test_an_expired_pause_becomes_one_probe_at_a_time(self) -> None:
        past = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.start(mode("Paused", validUntil=past))
        ledger = eventually(
            lambda: (self.sidecar.ledger() if self.sidecar.ledger()["mode"] == "HalfOpen" else None),
            "the expired pause is HalfOpen",
        )
        self.assertIs(ledger["modeStale"], True)
        self.first_step()
        with self.assertRaises(openai.APIStatusError):
            self.first_step()

    def test_throttled_refuses_some(self) -> None:
        throttle = {"objective": "0.95", "maxRejectPercent": 80, "minEvents": 10}
        self.start(mode("Throttled", throttle=throttle), turn={"timeoutMs": 1000, "synthesisReserveMs": 100})
        self.simulator.fault({"kind": "openai"}, {"type": "status", "status": 400}, count=40)
        refused = 0
        for number in range(40):
            try:
                ask(self.openai(), f"hi {number}")
            except openai.BadRequestError:
                pass
            except openai.APIStatusError as problem:
                self.assert_paused(problem)
                refused += 1
        # The failed turns end at their deadline of 1 s; from then on part of the new turns is refused.
        eventually(lambda: self.sidecar.slo(TASKS)[1] >= 10, "failed turns have ended")
        admitted = 0
        for number in range(100):
            try:
                ask(self.openai(), f"again {number}")
                admitted += 1
            except openai.APIStatusError as problem:
                if problem.status_code == 503:
                    self.assert_paused(problem)
                    refused += 1
        print(f"throttled: {refused} refused, {admitted} of the last 100 admitted")
        self.assertGreater(refused, 0)
        self.assertGreater(admitted, 0)

    def test_degraded_begins_at_the_named_tier(self) -> None:
        tiers = [{"name": "big", "upstream": "openai"}, {"name": "small", "upstream": "openai", "model": "gpt-4o-mini"}]
        self.start(
            mode("Degraded", degrade={"fallbackTier": "small", "turnTimeoutMs": 5000}),
            fallbackChain={"name": "chain", "tiers": tiers},
        )
        self.assertEqual(ask(self.openai(), "hi").model, "gpt-4o-mini")
        self.assertEqual(self.simulator.received("llm:openai/gpt-4o"), 0)
        self.order("Normal", 2)
        self.assertEqual(ask(self.openai(), "hi").model, "gpt-4o")

    def test_a_ramp_lets_the_same_users_in_at_every_step(self) -> None:
        self.start(mode("Ramping", ramp={"id": "incident", "percent": 25}))

        def admitted() -> set[int]:
            seen = set()
            for user in range(30):
                try:
                    ask(self.openai(), "hi", headers={"x-agent-session-id": f"user-{user}"})
                    seen.add(user)
                except openai.APIStatusError as problem:
                    self.assert_paused(problem)
            return seen

        first = admitted()
        self.assertTrue(0 < len(first) < 20, first)
        self.assertEqual(admitted(), first)
        self.order("Ramping", 2, ramp={"id": "incident", "percent": 60})
        self.assertTrue(first <= admitted())
        self.order("Ramping", 3, ramp={"id": "incident", "percent": 100})
        self.assertEqual(len(admitted()), 30)


if __name__ == "__main__":
    unittest.main()
