"""The official SDKs accept what the sidecar's translation writes, and the golden field tables know every field that the
SDKs know. Reads the golden files, which translate_test holds equal to what the code writes; needs no sidecar."""

from __future__ import annotations

import collections.abc
import json
import pathlib
import re
import types
import typing
import unittest
from typing import Any

import anthropic
import httpx2
import openai
import openai.types.chat as oc
import openai.types.responses as ors
import pydantic
from anthropic import types as at
from anthropic.types import message_create_params
from openai.types import shared_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params, response_input_item_param

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "sidecar/translate/golden"
# What the SDK types say no more, but servers of older models take.
OLD_MESSAGES_FIELDS = {"temperature", "top_p", "top_k"}
BROKEN = ("_cut", "_error", "_bad_tool_arguments")


def http_client(body: bytes, content_type: str) -> httpx2.Client:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": content_type}, content=body)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


def openai_of(path: pathlib.Path) -> openai.OpenAI:
    return openai.OpenAI(
        api_key="k", base_url="http://x/v1", max_retries=0, http_client=http_client(path.read_bytes(), kind(path))
    )


def anthropic_of(path: pathlib.Path) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="k", base_url="http://x", max_retries=0, http_client=http_client(path.read_bytes(), kind(path))
    )


def kind(path: pathlib.Path) -> str:
    return "text/event-stream" if path.suffix == ".sse" else "application/json"


def events(path: pathlib.Path) -> list[Any]:
    lines = path.read_text(encoding="utf-8").split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(text) for text in data if text != "[DONE]"]


def is_error(event: dict[str, Any]) -> bool:
    return event.get("type") == "error" or "error" in event


def streams(caller: str) -> list[pathlib.Path]:
    """Translated ones, native ones that we ended or went on with, and the template."""
    found = sorted((GOLDEN / "streams/expected").glob(f"*.{caller}.sse"))
    watched = sorted((GOLDEN / "watched").glob(f"*.{caller}.sse"))
    assert len(found) > 20 and len(watched) > 3, (found, watched)
    return [*found, *watched, GOLDEN / f"templates/{caller}.sse"]


def broken(path: pathlib.Path) -> bool:
    return path.name.split(".")[0].endswith(BROKEN)


def bodies(caller: str) -> list[pathlib.Path]:
    return [*sorted((GOLDEN / "answers/expected").glob(f"*.{caller}.json")), GOLDEN / f"templates/{caller}.json"]


def expected_text(path: pathlib.Path) -> str | None:
    """What the tier said, by the name of the golden file."""
    name = path.name.split(".")[0].removeprefix("chat_").removeprefix("messages_")
    return {
        "text": 'Der Zug fährt um 9 "ab".\n',
        "text_no_end": 'Der Zug fährt um 9 "ab".\n',
        "resumed": 'Der Zug fährt um 9 "ab".\n',
        "explained": "Der Zug fährt  [The time is up.]",
        "tools": "Let me look.",
        "tools_no_end": "Let me look.",
        "no_done": "All of it.",
        "no_stop": "All of it.",
        "thinking": "42",
        "reasoning": "42",
        "two_texts": "One.Two.",
        "length": "cut of",
        "odd": "Hi 😀",
    }.get(name)


class Streams(unittest.TestCase):
    def test_chat(self) -> None:
        adapter = pydantic.TypeAdapter(oc.ChatCompletionChunk)
        for path in streams("chat"):
            with self.subTest(path.name):
                for event in events(path):
                    if not is_error(event):
                        adapter.validate_python(event)
                if broken(path):
                    with self.assertRaises(openai.APIError):
                        list(openai_of(path).chat.completions.create(model="m", messages=[], stream=True))
                    continue
                with openai_of(path).chat.completions.stream(model="m", messages=[]) as stream:
                    for _ in stream:
                        pass
                    choice = stream.current_completion_snapshot.choices[0]
                if (text := expected_text(path)) is not None:
                    self.assertEqual(choice.message.content, text)
                for call in choice.message.tool_calls or []:
                    if choice.finish_reason == "tool_calls":
                        self.assertIsInstance(json.loads(call.function.arguments), dict)
                called = "_tool" in path.name and "length" not in path.name
                self.assertEqual(choice.finish_reason == "tool_calls", called)

    def test_messages(self) -> None:
        adapter = pydantic.TypeAdapter(at.RawMessageStreamEvent)
        for path in streams("messages"):
            with self.subTest(path.name):
                for event in events(path):
                    if not is_error(event):
                        adapter.validate_python(event)
                with anthropic_of(path).messages.stream(model="m", max_tokens=9, messages=[]) as stream:
                    if broken(path):  # ValueError: the SDK saw the broken arguments before our error
                        with self.assertRaises((anthropic.APIStatusError, ValueError)):
                            stream.get_final_message()
                        continue
                    message = stream.get_final_message()
                if (text := expected_text(path)) is not None:
                    self.assertEqual("".join(b.text for b in message.content if b.type == "text"), text)
                calls = [b for b in message.content if b.type == "tool_use"]
                self.assertTrue(all(isinstance(c.input, dict) for c in calls))
                if calls and message.stop_reason != "max_tokens":
                    self.assertEqual(message.stop_reason, "tool_use")
                self.assertIsNotNone(message.stop_reason)

    def test_responses(self) -> None:
        adapter = pydantic.TypeAdapter(ors.ResponseStreamEvent)
        for path in streams("responses"):
            with self.subTest(path.name):
                for event in events(path):
                    adapter.validate_python(event)
                if broken(path):
                    with self.assertRaises(openai.APIError):
                        list(openai_of(path).responses.create(model="m", input="x", stream=True))
                    continue
                with openai_of(path).responses.stream(model="m", input="x") as stream:
                    seen = list(stream)
                last = seen[-1]
                self.assertIn(last.type, ("response.completed", "response.incomplete"))
                if (text := expected_text(path)) is not None:
                    self.assertEqual(last.response.output_text, text)
                self.assertEqual(last.response.metadata, {} if path.parent.name == "watched" else {"k": "v"})

    def test_usage_is_the_same_for_every_caller(self) -> None:
        chat = events(GOLDEN / "streams/expected/messages_text.chat.sse")[-1]["usage"]
        self.assertEqual((chat["prompt_tokens"], chat["completion_tokens"], chat["total_tokens"]), (1200, 34, 1234))
        self.assertEqual(chat["prompt_tokens_details"], {"cached_tokens": 1000, "cache_write_tokens": 50})
        with anthropic_of(GOLDEN / "streams/expected/chat_text.messages.sse").messages.stream(
            model="m", max_tokens=9, messages=[]
        ) as stream:
            usage = stream.get_final_message().usage
        self.assertEqual(
            (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens, usage.output_tokens),
            (150, 1000, 50, 34),
        )


class Bodies(unittest.TestCase):
    def test_chat(self) -> None:
        for path in bodies("chat"):
            with self.subTest(path.name):
                pydantic.TypeAdapter(oc.ChatCompletion).validate_json(path.read_bytes())
                answer = openai_of(path).chat.completions.create(model="m", messages=[])
                if (text := expected_text(path)) is not None:
                    self.assertEqual(answer.choices[0].message.content, text)

    def test_messages(self) -> None:
        for path in bodies("messages"):
            with self.subTest(path.name):
                pydantic.TypeAdapter(at.Message).validate_json(path.read_bytes())
                answer = anthropic_of(path).messages.create(model="m", max_tokens=9, messages=[])
                if (text := expected_text(path)) is not None:
                    self.assertEqual("".join(b.text for b in answer.content if b.type == "text"), text)

    def test_responses(self) -> None:
        for path in bodies("responses"):
            with self.subTest(path.name):
                pydantic.TypeAdapter(ors.Response).validate_json(path.read_bytes())
                answer = openai_of(path).responses.create(model="m", input="x")
                if (text := expected_text(path)) is not None:
                    self.assertEqual(answer.output_text, text)

    def test_templates_name_themselves(self) -> None:
        for caller in ("chat", "messages", "responses"):
            body = json.loads((GOLDEN / f"templates/{caller}.json").read_bytes())
            self.assertEqual(body["model"], "agent-reliability/template")
            self.assertFalse(any(v for v in body["usage"].values() if isinstance(v, int)))


def fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value is one of this type of the SDK's params; unknown keys do not fit. (pydantic looks into an
    Iterable only when it is read, and fails when it is nested.)"""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, object):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return value in args
    if origin is dict:
        return isinstance(value, dict) and all(fits(item, args[1]) for item in value.values())
    if origin is not None:
        if origin.__name__ in ("Required", "Annotated"):
            return fits(value, args[0])
        return isinstance(value, list) and all(fits(item, args[0]) for item in value)  # list, Iterable, Sequence…
    if hasattr(hint, "__required_keys__"):
        return fits_dict(value, hint)
    if isinstance(value, bool) or not isinstance(hint, type):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def fits_dict(value: Any, hint: Any, more: set[str] = frozenset()) -> bool:  # type: ignore[assignment]
    if not isinstance(value, dict) or not set(hint.__required_keys__) <= set(value):
        return False
    hints = typing.get_type_hints(hint)
    return all(key in more or (key in hints and fits(item, hints[key])) for key, item in value.items())


class Requests(unittest.TestCase):
    def test_the_sdk_types_take_what_is_sent(self) -> None:
        params = {
            "chat": completion_create_params.CompletionCreateParamsBase,
            "messages": message_create_params.MessageCreateParamsBase,
        }
        cases = sorted((GOLDEN / "requests").glob("*.json"))
        self.assertGreater(len(cases), 10)
        for path in cases:
            case = json.loads(path.read_bytes())
            for target, body in case["expected"].items():
                if target == case["from"]:
                    continue
                with self.subTest(f"{path.name} {target}"):
                    more = {"stream"} | (OLD_MESSAGES_FIELDS if target == "messages" else set())
                    self.assertTrue(fits_dict(body, params[target], more), body)
                    for key, item in body.items():  # and the checker can say no
                        if isinstance(item, (dict, list)):
                            self.assertFalse(fits_dict({**body, key: 1.5}, params[target], more), key)


# Prefix of the rows of one table -> SDK type whose fields they name. "type" and "role" select, and have no row.
CHAT = {
    "": completion_create_params.CompletionCreateParamsBase,
    "messages[system].": oc.ChatCompletionSystemMessageParam,
    "messages[developer].": oc.ChatCompletionDeveloperMessageParam,
    "messages[user].": oc.ChatCompletionUserMessageParam,
    "messages[assistant].": oc.ChatCompletionAssistantMessageParam,
    "messages[tool].": oc.ChatCompletionToolMessageParam,
    "content[text].": oc.ChatCompletionContentPartTextParam,
    "content[refusal].": oc.ChatCompletionContentPartRefusalParam,
    "content[image_url].": oc.ChatCompletionContentPartImageParam,
    "content[image_url].image_url.": oc.chat_completion_content_part_image_param.ImageURL,
    "content[input_audio].": oc.ChatCompletionContentPartInputAudioParam,
    "content[file].": oc.chat_completion_content_part_param.File,
    "content[file].file.": oc.chat_completion_content_part_param.FileFile,
    "tool_calls[function].": oc.ChatCompletionMessageFunctionToolCallParam,
    "tool_calls[function].function.": oc.chat_completion_message_function_tool_call_param.Function,
    "tools[function].function.": shared_params.FunctionDefinition,
    "tools[custom].": oc.ChatCompletionCustomToolParam,
    "tool_choice[function].": oc.ChatCompletionNamedToolChoiceParam,
    "tool_choice[allowed_tools].": oc.ChatCompletionAllowedToolChoiceParam,
    "tool_choice[custom].": oc.ChatCompletionNamedToolChoiceCustomParam,
    "response_format[json_schema].json_schema.": shared_params.response_format_json_schema.JSONSchema,
}
RESPONSES = {
    "": response_create_params.ResponseCreateParamsBase,
    "input[message].": ors.ResponseOutputMessageParam,
    "content[input_text].": ors.ResponseInputTextParam,
    "content[output_text].": ors.ResponseOutputTextParam,
    "content[refusal].": ors.ResponseOutputRefusalParam,
    "content[input_image].": ors.ResponseInputImageParam,
    "content[input_file].": ors.ResponseInputFileParam,
    "input[function_call].": ors.ResponseFunctionToolCallParam,
    "input[function_call_output].": response_input_item_param.FunctionCallOutput,
    "tools[function].": ors.FunctionToolParam,
    "tool_choice[function].": ors.ToolChoiceFunctionParam,
}
MESSAGES = {
    "": message_create_params.MessageCreateParamsBase,
    "content[text].": at.TextBlockParam,
    "content[image].": at.ImageBlockParam,
    "content[document].": at.DocumentBlockParam,
    "content[search_result].": at.SearchResultBlockParam,
    "content[tool_use].": at.ToolUseBlockParam,
    "content[tool_result].": at.ToolResultBlockParam,
    "tools[custom].": at.ToolParam,
    "tool_choice.": at.ToolChoiceToolParam,
    "metadata.": at.MetadataParam,
    "output_config.": at.OutputConfigParam,
}
CHAT_ANSWER = {
    "": oc.ChatCompletion,
    "choices[].": oc.chat_completion.Choice,
    "choices[].message.": oc.ChatCompletionMessage,
    "usage.": openai.types.CompletionUsage,
    "usage.prompt_tokens_details.": openai.types.completion_usage.PromptTokensDetails,
    "usage.completion_tokens_details.": openai.types.completion_usage.CompletionTokensDetails,
}
MESSAGES_ANSWER = {
    "": at.Message,
    "content[text].": at.TextBlock,
    "content[tool_use].": at.ToolUseBlock,
    "usage.": at.Usage,
}


def fields_of(kind_: Any) -> set[str]:
    """The names on the wire."""
    if isinstance(kind_, type) and issubclass(kind_, pydantic.BaseModel):
        return set(kind_.model_fields)
    return set(typing.get_type_hints(kind_))


def types_of(union: Any) -> set[str]:
    """The values of `type` of the members of a union of TypedDicts."""
    found: set[str] = set()
    for member in typing.get_args(union):
        hint = typing.get_type_hints(member).get("type") if hasattr(member, "__annotations__") else None
        found.update(value for value in typing.get_args(hint) if isinstance(value, str))
    return found


class FieldTables(unittest.TestCase):
    """A field that a new SDK brings gets a row, or this fails."""

    def rows(self, name: str) -> list[str]:
        table = json.loads((GOLDEN / f"fields/{name}.json").read_bytes())
        return [row["field"] for row in table["rows"]]

    def check(self, name: str, places: dict[str, Any]) -> None:
        rows = self.rows(name)
        for prefix, kind_ in places.items():
            for field in fields_of(kind_) - {"type", "role"}:
                path = prefix + field
                known = any(re.match(re.escape(path) + r"($|[.\[])", row) for row in rows)
                self.assertTrue(known, f"{name} has no row for {path}")

    def test_chat(self) -> None:
        self.check("chat_request", CHAT)

    def test_responses(self) -> None:
        self.check("responses_request", RESPONSES)
        rows = "\n".join(self.rows("responses_request"))
        items = types_of(ors.ResponseInputItemParam) - {"message"}
        self.assertGreater(len(items), 20)
        for item in items:
            self.assertIn(f"input[{item}]", rows)
        tools = types_of(ors.ToolParam)
        self.assertGreater(len(tools), 10)
        for tool in tools:
            named = any(tool.startswith(t) for t in re.findall(r"tools\[([a-z_]+)\]", rows))
            self.assertTrue(named, f"no row for tools[{tool}]")

    def test_messages(self) -> None:
        self.check("messages_request", MESSAGES)
        rows = "\n".join(self.rows("messages_request"))
        for block in types_of(at.ContentBlockParam):
            self.assertIn(f"content[{block}]", rows)

    def test_answers(self) -> None:
        self.check("chat_answer", CHAT_ANSWER)
        self.check("messages_answer", MESSAGES_ANSWER)


if __name__ == "__main__":
    unittest.main()
