"""The official SDKs behind one interface: ask in a format, plain or streamed, and see what the agent sees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2
import openai

from wire import HttpExchange, RecordingTransport

# As the peers of the published comparison were measured; both SDKs would wait 600 s.
SDK_TIMEOUT_SECONDS = 30.0
AGENT_KEY = "test-key"
TIERS = ("primary", "secondary", "larger")


@dataclass
class Call:
    """The agent's view of one call. Without `error` the SDK presented what is here as a success."""

    prompt: str
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    text: str = ""
    finish: str | None = None
    model: str | None = None
    usage: dict[str, int] | None = None
    tool_calls: list[Any] = field(default_factory=list)
    message: Any = None  # a plain answer as the SDK gave it
    error: Exception | None = None
    hung: bool = False
    exchanges: list[HttpExchange] = field(default_factory=list)

    @property
    def last(self) -> HttpExchange:
        return self.exchanges[-1] if self.exchanges else HttpExchange(self.started)

    @property
    def status(self) -> int | None:
        return getattr(self.error, "status_code", None) or self.last.status

    @property
    def ended(self) -> float:
        return self.started + self.seconds

    @property
    def headers(self) -> Any:
        return self.last.headers

    def summary(self) -> str:
        if self.hung:
            return f"no end after {self.seconds:.1f} s"
        if self.error is not None:
            text = " ".join(str(self.error).split())
            return f"{type(self.error).__name__} after {self.seconds:.2f} s: {text[:160]}"
        words = len(self.text.split())
        return f"{words} words from {self.model}, finish {self.finish}, after {self.seconds:.2f} s"


class Client:
    """One SDK client on one base URL, with its own connections."""

    format: str  # chat | claude | responses
    wire_format: str  # of the policy document
    kind: str  # of the simulator's record
    prefix = ""  # between the upstream's URL and the SDK's base URL
    models: dict[str, str]
    complete: str  # the finish reason of a whole answer
    terminal: bytes  # the last thing in a whole stream
    mid_stream_error: bytes

    def __init__(self, base_url: str, retries: int, timeout: float = SDK_TIMEOUT_SECONDS) -> None:
        self.transport = RecordingTransport()
        self._http = httpx2.Client(transport=self.transport, timeout=timeout)
        self.sdk = self._make_sdk(
            base_url=base_url + self.prefix, api_key=AGENT_KEY, max_retries=retries, timeout=timeout,
            http_client=self._http,
        )  # fmt: skip

    def ask(self, prompt: str, stream: bool, call: Call | None = None, **more: Any) -> Call:
        """Makes one call to its end; never raises what the SDK raises."""
        call = call or Call(prompt)
        first = len(self.transport.exchanges)
        try:
            if stream:
                for event in self.start_stream(prompt, **more):
                    self._take_event(call, event)
            else:
                self._take_answer(call, self._create(prompt, **more))
        except Exception as error:  # the SDKs let errors of their HTTP library and of json through
            call.error = error
        call.seconds = time.monotonic() - call.started
        call.exchanges = self.transport.exchanges[first:]
        return call

    def start_stream(self, prompt: str, **more: Any) -> Iterator[Any]:
        return self._create(prompt, stream=True, **more)

    def close(self) -> None:
        self._http.close()

    def _make_sdk(self, **options: Any) -> Any:
        raise NotImplementedError

    def _create(self, prompt: str, **more: Any) -> Any:
        raise NotImplementedError

    def _take_event(self, call: Call, event: Any) -> None:
        raise NotImplementedError

    def _take_answer(self, call: Call, answer: Any) -> None:
        raise NotImplementedError


def _usage(given: int, made: int) -> dict[str, int]:
    return {"input": given, "output": made}


class ChatClient(Client):
    format, wire_format, kind, prefix = "chat", "OpenAI", "openai", "/v1"
    models = {"primary": "gpt-4o", "secondary": "gpt-4o-mini", "larger": "gpt-4.1"}
    complete, terminal, mid_stream_error = "stop", b"data: [DONE]", b'data: {"error"'

    def _make_sdk(self, **options: Any) -> openai.OpenAI:
        return openai.OpenAI(**options)

    def _create(self, prompt: str, **more: Any) -> Any:
        if more.get("stream"):
            more["stream_options"] = {"include_usage": True}
        arguments = {"model": self.models["primary"], "messages": [{"role": "user", "content": prompt}], **more}
        return self.sdk.chat.completions.create(**arguments)

    def _take_event(self, call: Call, chunk: Any) -> None:
        call.model = chunk.model
        if chunk.usage is not None:
            call.usage = _usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in chunk.choices:
            call.text += choice.delta.content or ""
            call.tool_calls += choice.delta.tool_calls or []
            call.finish = choice.finish_reason or call.finish

    def _take_answer(self, call: Call, answer: Any) -> None:
        choice = answer.choices[0]
        call.message, call.text = choice.message, choice.message.content or ""
        call.tool_calls = choice.message.tool_calls or []
        call.finish, call.model = choice.finish_reason, answer.model
        call.usage = _usage(answer.usage.prompt_tokens, answer.usage.completion_tokens)


class ClaudeClient(Client):
    format, wire_format, kind = "claude", "Anthropic", "anthropic"
    models = {"primary": "claude-opus", "secondary": "claude-haiku", "larger": "claude-long"}
    complete, terminal, mid_stream_error = "end_turn", b"event: message_stop", b"event: error"

    def _make_sdk(self, **options: Any) -> anthropic.Anthropic:
        return anthropic.Anthropic(**options)

    def _create(self, prompt: str, **more: Any) -> Any:
        arguments = {
            "model": self.models["primary"], "max_tokens": 1000,
            "messages": [{"role": "user", "content": prompt}], **more,
        }  # fmt: skip
        return self.sdk.messages.create(**arguments)

    def _take_event(self, call: Call, event: Any) -> None:
        match event.type:
            case "message_start":
                call.model = event.message.model
                call.usage = _usage(event.message.usage.input_tokens, 0)
            case "content_block_start" if event.content_block.type == "tool_use":
                call.tool_calls.append(event.content_block)
            case "content_block_delta" if event.delta.type == "text_delta":
                call.text += event.delta.text
            case "message_delta":
                call.finish = event.delta.stop_reason
                # Totals: what is known only at the end stands here alone, as the SDK itself counts.
                given = event.usage.input_tokens or (call.usage or {}).get("input", 0)
                call.usage = _usage(given, event.usage.output_tokens)

    def _take_answer(self, call: Call, answer: Any) -> None:
        call.message = answer
        call.text = "".join(block.text for block in answer.content if block.type == "text")
        call.tool_calls = [block for block in answer.content if block.type == "tool_use"]
        call.finish, call.model = answer.stop_reason, answer.model
        call.usage = _usage(answer.usage.input_tokens, answer.usage.output_tokens)


class ResponsesClient(ChatClient):
    format, kind = "responses", "responses"
    complete, terminal, mid_stream_error = "completed", b"event: response.completed", b"event: error"

    def _create(self, prompt: str, **more: Any) -> Any:
        return self.sdk.responses.create(**{"model": self.models["primary"], "input": prompt, **more})

    def _take_event(self, call: Call, event: Any) -> None:
        match event.type:
            case "response.output_text.delta":
                call.text += event.delta
            case "response.completed":
                self._take_end(call, event.response)

    def _take_answer(self, call: Call, answer: Any) -> None:
        call.message, call.text = answer, answer.output_text
        self._take_end(call, answer)

    def _take_end(self, call: Call, response: Any) -> None:
        call.tool_calls = [item for item in response.output if item.type == "function_call"]
        call.finish, call.model = response.status, response.model
        call.usage = _usage(response.usage.input_tokens, response.usage.output_tokens)


# Of a caller's fallbacks where they are to speak another format.
OTHER_FORMAT = {"chat": "claude", "claude": "chat", "responses": "claude"}
CLIENTS: dict[str, type[Client]] = {c.format: c for c in (ChatClient, ClaudeClient, ResponsesClient)}
