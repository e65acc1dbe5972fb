"""OpenAI Responses as the simulator speaks it, and faults that keep up appearances, proven with the real SDK."""

from __future__ import annotations

import json
import time
import unittest

import httpx2
import openai

from harness import SimulatorTest, ask, openai_client
from processes import Simulator, http

SEARCH = {
    "type": "function",
    "name": "search",
    "description": "Finds an order.",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
    "strict": False,
}
WORDS = " ".join(f"word{i}" for i in range(1, 10))


class Responses(SimulatorTest):
    def openai(self) -> openai.OpenAI:
        return openai_client(f"{self.simulator.url}/v1")

    def test_plain_answer(self) -> None:
        response = self.openai().responses.create(model="gpt-4o", input="[[words 9]]")
        self.assertEqual((response.output_text, response.status), (WORDS, "completed"))
        self.assertEqual(response.usage.output_tokens, self.simulator.record()[0]["usage"]["output"])

    def test_stream(self) -> None:
        with self.openai().responses.stream(model="gpt-4o", input="[[words 9]]") as stream:
            kinds = [event.type for event in stream]
            response = stream.get_final_response()
        self.assertEqual((kinds[0], kinds[-1]), ("response.created", "response.completed"))
        self.assertEqual(kinds.count("response.output_text.delta"), 9)
        self.assertEqual(response.output_text, WORDS)

    def test_tool_call_continued_by_id_and_by_items(self) -> None:
        client = self.openai()
        question = {"role": "user", "content": "Where is order 1001?"}
        first = client.responses.create(model="gpt-4o", input=[question], tools=[SEARCH])
        call = first.output[0]
        self.assertEqual(json.loads(call.arguments), {"query": "1001"})
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "it is shipped"}
        chained = client.responses.create(model="gpt-4o", input=[result], previous_response_id=first.id)
        written = client.responses.create(model="gpt-4o", input=[question, call.model_dump(), result])
        self.assertEqual(chained.output_text, "Here is what I found: it is shipped")
        self.assertEqual(written.output_text, chained.output_text)

    def test_stream_of_a_tool_call(self) -> None:
        stream = self.openai().responses.create(
            model="gpt-4o", input="Where is order 1001?", tools=[SEARCH], stream=True
        )
        pieces = [e.delta for e in stream if e.type == "response.function_call_arguments.delta"]
        self.assertEqual(json.loads("".join(pieces)), {"query": "1001"})

    def test_unknown_previous_response_is_refused(self) -> None:
        with self.assertRaises(openai.BadRequestError):
            self.openai().responses.create(model="gpt-4o", input="hi", previous_response_id="resp_none")


class Appearances(SimulatorTest):
    """Faults that look whole to HTTP, or that only some requests see."""

    def text(self, **more: object) -> str:
        chunks = ask(openai_client(f"{self.simulator.url}/v1", **more), "[[words 60]]", stream=True)
        return "".join(c.choices[0].delta.content or "" for c in chunks)

    def test_cut_after_so_many_tokens(self) -> None:
        self.simulator.fault({}, {"type": "cut", "afterContent": 40, "how": "end"})
        self.assertEqual(self.text().split()[-1], "word40")
        self.assertEqual(self.simulator.record()[0]["verdict"], "cut")

    def test_a_complete_stream_that_is_held_open(self) -> None:
        self.simulator.fault({}, {"type": "missingDone", "how": "hold", "seconds": 60})
        with self.assertRaises((openai.APITimeoutError, httpx2.ReadTimeout)):
            self.text(timeout=0.3)

    def test_a_complete_stream_without_the_end_of_its_body(self) -> None:
        self.simulator.fault({"kind": "responses"}, {"type": "missingDone", "how": "close"})
        stream = openai_client(f"{self.simulator.url}/v1").responses.create(model="m", input="hi", stream=True)
        kinds = []
        with self.assertRaises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
            for event in stream:
                kinds.append(event.type)
        self.assertEqual(kinds[-1], "response.completed")
        self.assertEqual(self.simulator.record()[0]["verdict"], "ok")

    def test_head_of_a_plain_answer_at_once(self) -> None:
        self.simulator.fault({}, {"type": "slowFirstToken", "seconds": 0.5})
        started = time.monotonic()
        with openai_client(f"{self.simulator.url}/v1").chat.completions.with_streaming_response.create(
            model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
        ) as response:
            head = time.monotonic() - started
            self.assertIn("hi", response.read().decode())
        self.assertLess(head, 0.4)
        self.assertGreater(time.monotonic() - started, 0.5)

    def test_prefill_only(self) -> None:
        self.simulator.fault({"prefill": True}, {"type": "status", "status": 400})
        client = openai_client(f"{self.simulator.url}/v1")
        ask(client, "hi")
        messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "word1"}]
        with self.assertRaises(openai.BadRequestError):
            client.chat.completions.create(model="gpt-4o", messages=messages)

    def test_a_very_long_answer(self) -> None:
        text = ask(openai_client(f"{self.simulator.url}/v1"), "[[bytes 100000]]").choices[0].message.content
        self.assertEqual((len(text), text[:7], text[4096:4103]), (100_000, "0000000", "0000001"))


class Instances(unittest.TestCase):
    def test_each_has_its_own_faults_and_record(self) -> None:
        simulator = Simulator("--instances", "2")
        self.addCleanup(simulator.stop)
        first, second = simulator.urls
        http(f"{first}/admin/faults", {"action": {"type": "status"}})
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        self.assertEqual([http(f"{u}/v1/chat/completions", body)[0] for u in (first, second)], [503, 200])
        for url in (first, second):
            self.assertEqual(json.loads(http(f"{url}/admin/counts")[2])["received"], 1)


if __name__ == "__main__":
    unittest.main()
