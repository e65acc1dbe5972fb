"""Hot reload: good documents take effect at once, bad ones change nothing and are told."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile
import unittest
from typing import Any


from harness import SidecarTest, ask, tool_error
from policies import TASKS, breaker, mode, policy
from processes import Process, Sidecar, canonical, eventually


class Reload(SidecarTest):
    def changed(self, **changes: Any) -> dict[str, Any]:
        return policy(self.simulator.url, **changes)

    def wait_for(self, document: dict[str, Any]) -> None:
        wanted = hashlib.sha256(canonical(document)).hexdigest()
        eventually(lambda: self.sidecar.ledger()["configHash"] == wanted, "the new document is loaded")

    async def test_a_new_limit_takes_effect(self) -> None:
        self.start()
        self.assertEqual(
            self.sidecar.ledger()["configHash"], hashlib.sha256(canonical(self.changed())).hexdigest()
        )
        self.simulator.fault({"kind": "mcp"}, {"type": "delay", "seconds": 0.6})
        async with self.mcp() as client:
            self.assertFalse((await client.call_tool("search", {"query": "1"})).is_error)
            shorter = self.changed(timeouts={"toolMs": 200})
            self.sidecar.write("policy.json", shorter)
            self.wait_for(shorter)
            error = tool_error(await client.call_tool("search", {"query": "1"}))
            self.assertEqual(error["error_type"], "timeout_total")

    async def test_broken_documents_change_nothing(self) -> None:
        self.start(timeouts={"toolMs": 300})
        good = self.sidecar.ledger()["configHash"]
        whole = canonical(self.changed())
        newer_major = canonical({**self.changed(), "schema": "2.0"})
        unknown_field = canonical({**self.changed(), "surprise": 1})
        out_of_range = canonical(self.changed(turn={"timeoutMs": -1}))
        wrong_type = canonical({**self.changed(), "upstreams": {}})
        for name, raw in (
            ("truncated", whole[: len(whole) // 2]),
            ("empty", b""),
            ("no JSON", b"hello"),
            ("schema 2.0", newer_major),
            ("unknown field", unknown_field),
            ("negative time", out_of_range),
            ("wrong type", wrong_type),
        ):
            with self.subTest(name):
                self.sidecar.write("policy.json", raw)
                told = eventually(lambda: self.sidecar.ledger()["configError"], "the refusal is told")
                self.assertEqual(self.sidecar.ledger()["configHash"], good)
                self.assertTrue(told)
                ask(self.openai(), "hi")
                # A good document clears the error.
                fine = self.changed(timeouts={"toolMs": 300})
                self.sidecar.write("policy.json", fine)
                eventually(lambda: not self.sidecar.ledger()["configError"], "the error is gone")
        self.assertGreaterEqual(self.sidecar.metrics().sum("agent_reliability_config_loads_total", result="rejected"), 7)

    async def test_an_open_circuit_survives_a_change_that_does_not_concern_it(self) -> None:
        self.start(timeouts={"toolMs": 200})
        self.simulator.fault({"kind": "mcp"}, "hang", count=3)
        async with self.mcp() as client:
            for _ in range(3):
                await client.call_tool("search", {"query": "1"})
            other = self.changed(timeouts={"toolMs": 250})
            self.sidecar.write("policy.json", other)
            self.wait_for(other)
            self.assertEqual(tool_error(await client.call_tool("search", {"query": "1"}))["error_type"], "circuit_open")

    async def test_counters_survive_a_reload(self) -> None:
        self.start()
        ask(self.openai(), "hi")
        self.expect(TASKS, (1, 0))
        other = self.changed(circuitBreakers=[breaker("Tool", openForMs=1000), breaker("Provider"), breaker("Model")])
        self.sidecar.write("policy.json", other)
        self.wait_for(other)
        ask(self.openai(), "hi")
        self.expect(TASKS, (2, 0))

    def test_mounted_like_a_config_map(self) -> None:
        """The kubelet swaps the link `..data`; the file names are links through it."""
        with tempfile.TemporaryDirectory() as name:
            volume = pathlib.Path(name)

            def publish(version: str, document: dict[str, Any], order: dict[str, Any] | None) -> None:
                (volume / version).mkdir()
                (volume / version / "policy.json").write_bytes(canonical(document))
                if order:
                    (volume / version / "mode.json").write_bytes(canonical(order))
                os.symlink(version, volume / "..data_tmp")
                os.rename(volume / "..data_tmp", volume / "..data")
                for key in ("policy.json", "mode.json"):
                    if not os.path.lexists(volume / key):
                        os.symlink(f"..data/{key}", volume / key)

            publish("..1", self.changed(), None)
            binary = os.environ["AGENT_RELIABILITY_SIDECAR"]
            process = Process(
                [binary, "--policy", f"{name}/policy.json", "--mode", f"{name}/mode.json",
                 "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state-dir", name]
            )  # fmt: skip
            self.addCleanup(process.stop)
            self.sidecar = process  # type: ignore[assignment]
            process.admin = f"http://127.0.0.1:{process.listening()['admin_port']}"  # type: ignore[attr-defined]
            process.__class__ = type("Mounted", (Process,), {"get": Sidecar.get, "ledger": Sidecar.ledger})
            second = self.changed(timeouts={"toolMs": 1234})
            publish("..2", second, mode("Paused", 5))
            self.wait_for(second)
            eventually(lambda: process.ledger()["mode"] == "Paused", "mode.json that came later is seen")  # type: ignore[attr-defined]


class Start(unittest.TestCase):
    def assert_start_fails(self, flags: list[str], *named: str) -> None:
        process = Process([os.environ["AGENT_RELIABILITY_SIDECAR"], *flags])
        self.addCleanup(process.stop)
        self.assertEqual(process.child.wait(10), 2, flags)
        process.stop()
        for text in named:
            self.assertIn(text, "\n".join(process.lines))

    def test_bad_flags_end_with_a_message(self) -> None:
        self.assert_start_fails(["--no-such-flag"], "--no-such-flag")
        with tempfile.TemporaryDirectory() as folder:
            self.assert_start_fails(["--policy", f"{folder}/policy.json", "--listen", "nonsense"], "--listen")

    def test_a_bad_policy_ends_with_the_path_of_what_is_wrong(self) -> None:
        fine = policy("http://127.0.0.1:1")
        unknown = {**fine, "timeouts": {"surprise": 1}}
        no_fit = {**fine, "turn": {"timeoutMs": -1}}
        elsewhere = {**fine, "fallbackChain": {"name": "c", "tiers": [{"name": "t", "upstream": "nobody"}]}}
        for what, raw, named in (
            ("no JSON", b"{", "JSON"),
            ("unknown field", canonical(unknown), "timeouts.surprise"),
            ("out of range", canonical(no_fit), "turn.timeoutMs"),
            ("bad reference", canonical(elsewhere), "fallbackChain.tiers[0].upstream"),
        ):
            with self.subTest(what), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "policy.json"
                file.write_bytes(raw)
                self.assert_start_fails(["--policy", str(file), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], "--policy", named)
        self.assert_start_fails(["--policy", "/no/such/file", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], "/no/such/file")


if __name__ == "__main__":
    unittest.main()
