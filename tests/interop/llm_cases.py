"""What must hold for the LLM SDKs, whether they talk to the upstream directly or through the sidecar."""

from __future__ import annotations

import concurrent.futures
import json
from typing import Any

import anthropic
import openai

from harness import CLAUDE_SEARCH_TOOL, SEARCH_TOOL, ask, continue_with

QUESTION = "Where is order 1001?"


class OpenAICases:
    """Needs `self.openai()`, `self.simulator`."""

    def test_openai_plain_answer(self: Any) -> None:
        completion = ask(self.openai(), "Hello [[words 5]]")
        self.assertEqual(completion.choices[0].message.content, "word1 word2 word3 word4 word5")
        self.assertEqual(completion.choices[0].finish_reason, "stop")
        self.assertGreater(completion.usage.total_tokens, 0)

    def test_openai_tool_call_and_answer(self: Any) -> None:
        client = self.openai()
        first = ask(client, QUESTION, tools=[SEARCH_TOOL]).choices[0].message
        self.assertEqual(first.tool_calls[0].function.name, "search")
        self.assertEqual(json.loads(first.tool_calls[0].function.arguments), {"query": "1001"})
        second = client.chat.completions.create(
            model="gpt-4o", messages=continue_with(first, ["it is shipped"], QUESTION), tools=[SEARCH_TOOL]
        )
        self.assertEqual(second.choices[0].message.content, "Here is what I found: it is shipped")

    def test_openai_several_tool_calls_in_one_message(self: Any) -> None:
        text = '[[together search {"query": "1"}]] [[together search {"query": "2"}]]'
        message = ask(self.openai(), text, tools=[SEARCH_TOOL]).choices[0].message
        self.assertEqual([c.function.arguments for c in message.tool_calls], ['{"query": "1"}', '{"query": "2"}'])
        self.assertEqual(len({c.id for c in message.tool_calls}), 2)

    def test_openai_stream_with_usage(self: Any) -> None:
        stream = ask(
            self.openai(), "[[words 60]]", stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, " ".join(f"word{i}" for i in range(1, 61)))
        self.assertEqual([c.usage is not None for c in chunks][-1], True)
        self.assertEqual(sum(c.usage is not None for c in chunks), 1)

    def test_openai_stream_without_usage_stays_without(self: Any) -> None:
        chunks = list(ask(self.openai(), "[[words 3]]", stream=True))
        self.assertTrue(all(c.choices for c in chunks))
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")

    def test_openai_stream_of_a_tool_call(self: Any) -> None:
        with self.openai().chat.completions.stream(
            model="gpt-4o", messages=[{"role": "user", "content": QUESTION}], tools=[SEARCH_TOOL]
        ) as stream:
            message = stream.get_final_completion().choices[0].message
        self.assertEqual(json.loads(message.tool_calls[0].function.arguments), {"query": "1001"})

    def test_openai_text_outside_ascii(self: Any) -> None:
        text = "Grüße aus Köln 東京 🚀 \u2028"
        self.assertEqual(ask(self.openai(), text).choices[0].message.content, f"You asked: {text}")

    def test_openai_large_prompt(self: Any) -> None:
        text = "x" * (3 * 1024 * 1024) + " [[words 2]]"
        self.assertEqual(ask(self.openai(), text).choices[0].message.content, "word1 word2")

    def test_openai_errors_arrive_as_they_are(self: Any) -> None:
        body = {"error": {"message": "no such model", "type": "invalid_request_error", "param": "model", "code": "x"}}
        for status, expected in (
            (400, openai.BadRequestError),
            (401, openai.AuthenticationError),
            (404, openai.NotFoundError),
            (422, openai.UnprocessableEntityError),
            (429, openai.RateLimitError),
            (500, openai.InternalServerError),
        ):
            with self.subTest(status=status):
                self.simulator.reset()
                self.simulator.fault(
                    {"kind": "openai"},
                    {"type": "status", "status": status, "body": body, "headers": {"x-from": "upstream"}},
                )
                with self.assertRaises(expected) as raised:
                    ask(self.openai(), "hi")
                self.assertEqual(raised.exception.status_code, status)
                self.assertEqual(raised.exception.body, body["error"])
                self.assertEqual(raised.exception.response.headers["x-from"], "upstream")
                self.assertNotIn("x-should-retry", raised.exception.response.headers)

    def test_openai_many_at_once(self: Any) -> None:
        client = self.openai()

        def one(number: int) -> str:
            stream = ask(client, f"[[words 20]] {number}", stream=True)
            return "".join(c.choices[0].delta.content or "" for c in stream)

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            texts = set(pool.map(one, range(100)))
        self.assertEqual(texts, {" ".join(f"word{i}" for i in range(1, 21))})
        self.assertEqual(self.simulator.received("llm:openai/gpt-4o"), 100)

    def test_openai_credentials_and_headers_reach_the_upstream(self: Any) -> None:
        ask(self.openai(), "hi", headers={"x-agent-turn-id": "turn-7", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
        entry = self.simulator.record(kind="openai")[0]
        self.assertTrue(entry["has_credentials"])
        self.assertEqual(entry["headers"]["host"], self.simulator.url.removeprefix("http://"))
        self.assertEqual(entry["headers"]["traceparent"][:35], f"00-{'a' * 32}")


class ClaudeCases:
    """Needs `self.claude()`, `self.simulator`."""

    def _create(self: Any, text: str, **more: Any) -> Any:
        return self.claude().messages.create(
            model="claude-opus", max_tokens=100, messages=[{"role": "user", "content": text}], **more
        )

    def test_claude_plain_answer(self: Any) -> None:
        message = self._create("[[words 4]]")
        self.assertEqual(message.content[0].text, "word1 word2 word3 word4")
        self.assertEqual(message.stop_reason, "end_turn")

    def test_claude_tool_use_and_answer(self: Any) -> None:
        first = self._create(QUESTION, tools=[CLAUDE_SEARCH_TOOL])
        self.assertEqual(first.stop_reason, "tool_use")
        use = first.content[0]
        self.assertEqual(use.input, {"query": "1001"})
        second = self.claude().messages.create(
            model="claude-opus",
            max_tokens=100,
            tools=[CLAUDE_SEARCH_TOOL],
            messages=[
                {"role": "user", "content": QUESTION},
                {"role": "assistant", "content": [use.model_dump(exclude_none=True)]},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "delivered"}],
                },
            ],
        )
        self.assertEqual(second.content[0].text, "Here is what I found: delivered")

    def test_claude_stream_has_every_event_in_order(self: Any) -> None:
        stream = self._create("[[words 3]]", stream=True)
        kinds = [event.type for event in stream]
        self.assertEqual(
            [k for k in kinds if k != "ping"],
            [
                "message_start", "content_block_start", "content_block_delta", "content_block_delta",
                "content_block_delta", "content_block_stop", "message_delta", "message_stop",
            ],
        )  # fmt: skip

    def test_claude_stream_of_a_tool_use(self: Any) -> None:
        with self.claude().messages.stream(
            model="claude-opus",
            max_tokens=100,
            messages=[{"role": "user", "content": QUESTION}],
            tools=[CLAUDE_SEARCH_TOOL],
        ) as stream:
            message = stream.get_final_message()
        self.assertEqual(message.content[0].input, {"query": "1001"})
        self.assertEqual(message.stop_reason, "tool_use")
        self.assertGreater(message.usage.output_tokens, 0)

    def test_claude_errors_arrive_as_they_are(self: Any) -> None:
        for status, kind, expected in (
            (400, "invalid_request_error", anthropic.BadRequestError),
            (401, "authentication_error", anthropic.AuthenticationError),
            (429, "rate_limit_error", anthropic.RateLimitError),
            (529, "overloaded_error", anthropic.InternalServerError),
        ):
            with self.subTest(status=status):
                self.simulator.reset()
                self.simulator.fault({"kind": "anthropic"}, {"type": "status", "status": status})
                with self.assertRaises(expected) as raised:
                    self._create("hi")
                self.assertEqual(raised.exception.status_code, status)
                self.assertEqual(raised.exception.body["error"]["type"], kind)
                self.assertEqual(raised.exception.body["error"]["message"], f"simulated error {status}")
