"""The outcome API, the admin port, and the end of the process."""

from __future__ import annotations

import json
import signal
import threading
import unittest
from typing import Any

from harness import SidecarTest, ask
from policies import TASKS
from processes import http


class Outcome(SidecarTest):
    def report(self, turn: str, body: Any) -> int:
        return http(f"{self.sidecar.url}/v1/turns/{turn}/outcome", body)[0]

    def answered_turn(self, turn: str | None = None) -> str:
        headers = {"x-agent-turn-id": turn} if turn else {}
        raw = self.openai().chat.completions.with_raw_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}], extra_headers=headers
        )
        return raw.headers["x-agent-turn-id"]

    def test_a_report_decides_an_open_turn(self) -> None:
        self.start()
        turn = self.answered_turn("explicit-1")  # open for 2 s after its answer
        self.assertLess(self.report(turn, {"result": "Failure", "reason": "wrong order"}), 300)
        self.expect(TASKS, (0, 1))

    def test_a_late_or_wrong_report_is_refused(self) -> None:
        self.start()
        self.assertEqual(self.report("nobody", {"result": "Failure"}), 404)
        turn = self.answered_turn("explicit-2")
        for body in ({"result": "Maybe"}, {}, b"{", {"result": "Failure", "reason": 5}):
            self.assertEqual(self.report(turn, body), 400, body)
        self.expect(TASKS, (1, 0))

    def test_admin_port(self) -> None:
        self.start()
        ask(self.openai(), "hi")
        for path in ("/healthz", "/readyz"):
            self.assertEqual(http(self.sidecar.admin + path)[0], 200, path)
        self.assertEqual(self.sidecar.get("/config")["workload"], "support/Deployment/refunds-agent")
        self.assertTrue(self.sidecar.get("/state"))
        self.assertEqual(self.sidecar.metrics().sum("agent_reliability_calls_total", kind="llm"), 1)
        self.assertEqual(http(self.sidecar.admin + "/nothing")[0], 404)
        for header in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            self.assertEqual(http(self.sidecar.admin + "/state", headers=header)[0], 403, header)


class Drain(SidecarTest):
    def test_a_running_stream_ends_well_on_sigterm(self) -> None:
        self.start()
        self.simulator.settings(tokenDelaySeconds=0.05)
        stream = ask(self.openai(), "[[words 30]]", stream=True)
        parts = [next(stream)]
        stopper = threading.Thread(target=lambda: self.sidecar.child.send_signal(signal.SIGTERM))
        stopper.start()
        parts += list(stream)
        stopper.join()
        text = "".join(p.choices[0].delta.content or "" for p in parts if p.choices)
        self.assertTrue(text.endswith("word30"), text)
        self.assertEqual(self.sidecar.child.wait(10), 0)
        raw = (self.sidecar.folder / "termination.log").read_bytes()
        words = json.loads(raw)
        self.assertLessEqual(len(raw), 1024)
        self.assertEqual((words["u"], words["s"][TASKS]), (self.sidecar.POD_UID, [1, 0]))


if __name__ == "__main__":
    unittest.main()
