"""The agent of examples/refunds as it is: alone with the simulator, and with the sidecar between them."""

from __future__ import annotations

import json
import os
import socket
import sys
import unittest
from typing import Any

from harness import SidecarTest, SimulatorTest
from policies import breaker, mode
from processes import ROOT, Process, eventually, http


class Agent(Process):
    """The agent's own process; only its environment differs between the tests."""

    def __init__(self, llm_url: str, mcp_url: str, **env: str) -> None:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        super().__init__(
            [sys.executable, "-m", "agent"],
            {
                "PYTHONPATH": str(ROOT / "examples" / "refunds"),
                "OPENAI_BASE_URL": llm_url,
                "OPENAI_API_KEY": "none",
                "ORDERS_MCP_URL": mcp_url,
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "NO_PROXY": os.environ.get("NO_PROXY", "") + ",127.0.0.1",
                **env,
            },
        )
        self.url = f"http://127.0.0.1:{port}"
        eventually(self._up, "the agent is up", 30)

    def _up(self) -> bool:
        try:
            return http(self.url + "/healthz")[0] == 200
        except OSError:
            return False

    def ask(self, number: int) -> dict[str, Any]:
        return json.loads(http(self.url + "/ask", {"question": f"Where is order {number}?"})[2])


class Alone(SimulatorTest):
    def start(self, **env: str) -> Agent:
        agent = Agent(f"{self.simulator.url}/v1", f"{self.simulator.url}/mcp", **env)
        self.addCleanup(agent.stop)
        return agent

    def test_answers_and_says_what_it_could_not_check(self) -> None:
        agent = self.start()
        task = agent.ask(77)
        self.assertEqual((task["outcome"], task["tools"]), ("answered", ["search"]))
        self.assertIn("order 77 is", task["answer"])
        self.simulator.fault({"kind": "mcp"}, "toolIsError")
        self.assertEqual(agent.ask(78)["outcome"], "could_not_check")
        self.assertEqual(http(agent.url + "/ask", {"wrong": 1})[0], 400)

    def test_makes_its_own_load_and_logs_each_task(self) -> None:
        agent = self.start(TASKS_PER_MINUTE="600")
        eventually(lambda: len(agent.lines) >= 10, "ten tasks")
        tasks = [json.loads(line) for line in list(agent.lines)]
        self.assertEqual({t["outcome"] for t in tasks}, {"answered"})
        self.assertEqual(agent.stop(), 0)


class ThroughTheSidecar(SidecarTest):
    def test_a_tool_dies_and_comes_back(self) -> None:
        self.start(
            timeouts={"toolMs": 300},
            circuitBreakers=[breaker("Tool", openForMs=1500), breaker("Provider"), breaker("Model")],
        )
        agent = Agent(f"{self.sidecar.url}/llm/openai/v1", f"{self.sidecar.url}/mcp/orders")
        self.addCleanup(agent.stop)
        self.assertEqual(agent.ask(1)["outcome"], "answered")
        fault = self.simulator.fault({"kind": "mcp", "tool": "search"}, "hang")
        for number in range(2, 5):
            self.assertEqual(agent.ask(number)["outcome"], "could_not_check")
        task = agent.ask(5)
        self.assertIn("circuit_open", task["answer"])
        self.assertEqual(self.simulator.record(fault=fault)[-1]["arguments"], {"query": "4"})
        self.simulator.heal()
        eventually(lambda: agent.ask(6)["outcome"] == "answered", "the tool is used again")
        self.sidecar.write("mode.json", mode("Paused"))
        eventually(lambda: self.sidecar.ledger()["mode"] == "Paused", "paused")
        paused = agent.ask(7)
        self.assertEqual(paused["outcome"], "failed")
        self.assertIn("503", paused["error"])


if __name__ == "__main__":
    unittest.main()
