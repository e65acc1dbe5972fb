"""Extra cases about answers: whole or honestly broken, and from whom."""

from __future__ import annotations

import hashlib
from typing import Any

import bodies
from clients import AGENT_KEY, Call
from extra import ALONE, BOTH, PLAIN, STREAMED, Extra
from tools import SEARCH_TOOLS, continued
from verdict import TEMPLATE_MODEL, Judgement, Outcome, outcome_of
from world import World, tier_key

HANG_SECONDS = 45.0
ANSWER_BYTES = 8 * 1024 * 1024


def _one_call(world: World) -> None:
    world.ask()


def _long_answer(world: World) -> None:
    world.upstreams["primary"].settings(tokenDelaySeconds=0)
    world.ask(f"[[bytes {ANSWER_BYTES}]]")


def _arrived_whole(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.error is None, call.summary())
    judgement.required(len(call.text) == ANSWER_BYTES, f"{len(call.text)} of {ANSWER_BYTES} characters")
    numbers = [int(word[:7]) for word in call.text.split()]
    judgement.required(numbers == list(range(len(numbers))), "pieces are missing or out of order")
    judgement.note(f"{len(call.text) / 1e6:.1f} MB in {call.seconds:.1f} s")


def _ask_for_a_tool(world: World) -> None:
    world.ask('[[call search {"query": "17"}]]', tools=SEARCH_TOOLS[world.setup.format])


def _tool_call_of_fallback(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.error is None and call.tool_calls, call.summary())
    served = [a for a in world.attempts("secondary") if a.ok]
    judgement.required(len(served) == 1, f"{len(served)} completions of the fallback")
    if served:
        judgement.required(call.model == world.models["secondary"], f"model {call.model}")
        judgement.required(call.usage == served[0].record["usage"], f"usage {call.usage}")


_PRIVATE = {
    "x-agent-id": "refunds", "baggage": "agent.turn=t1", "openai-organization": "org-1", "cookie": "a=b",
    "helicone-auth": "Bearer k", "x-portkey-api-key": "k",
}  # fmt: skip


def _with_private_headers(world: World) -> None:
    world.ask(extra_headers=_PRIVATE)


def _keys_do_not_travel(world: World, judgement: Judgement) -> None:
    judgement.required(world.calls[0].error is None, world.calls[0].summary())
    own, other = world.attempts("primary"), world.attempts("secondary")
    judgement.required(own and other, "both tiers were to be asked")
    for attempt in own:
        judgement.required(attempt.record["credential_digest"] == _digest(AGENT_KEY), "not the agent's key")
    for attempt in other:
        judgement.required(attempt.record["credential_digest"] == _digest(tier_key("secondary")), "not the tier's key")
        leaked = set(_PRIVATE) & set(attempt.record["headers"])
        judgement.required(not leaked, f"went to another origin: {', '.join(sorted(leaked))}")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def _relayed(status: int, reason: str, attempts: int) -> Any:
    def judge(world: World, judgement: Judgement) -> None:
        call = world.calls[0]
        expected = 529 if (status, world.setup.format) == (503, "claude") else status
        judgement.required(call.status == expected, f"{call.summary()}, the provider's status was {expected}")
        judgement.required(reason in str(call.error), "not the provider's words")
        sent = len(world.attempts())
        judgement.required(sent <= attempts, f"{sent} attempts, at most {attempts}")

    return judge


def _never_half(world: World, judgement: Judgement) -> None:
    """Rescued or an error; half an answer is neither."""
    call = world.calls[0]
    seen = outcome_of(call, HANG_SECONDS)
    judgement.required(seen in (Outcome.RESCUED, Outcome.ERROR), f"{seen.value}: {call.summary()}")
    if seen is Outcome.ERROR and world.setup.stream:
        judgement.required(world.client_type.terminal not in call.last.body, "the end of a whole stream after an error")
    judgement.note(call.summary())


def _error_event(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.error is not None, "a broken tool call was shown as a success")
    body = call.last.body
    judgement.required(bodies.BROKEN_EVENT not in body, "the broken event was forwarded")
    judgement.required(world.client_type.mid_stream_error in body, "no error event in the caller's format")
    judgement.required(world.client_type.terminal not in body, "the end of a whole stream after an error")


def _whole_in_time(world: World, judgement: Judgement) -> None:
    call: Call = world.calls[0]
    judgement.required(outcome_of(call, HANG_SECONDS) is Outcome.RESCUED, call.summary())
    judgement.required(call.seconds <= 8, f"success only after {call.seconds:.1f} s")


def _all_down(world: World) -> None:
    world.unavailable("primary")
    world.unavailable("secondary")


def _other_breaks(world: World) -> None:
    world.unavailable("primary")
    world.fault("secondary", {"type": "cut", "afterContent": 40} if world.setup.stream else {"type": "cut"})


def _last_resort(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.error is None, call.summary())
    judgement.required(call.model == TEMPLATE_MODEL, f"model {call.model}")
    judgement.required(call.finish == world.client_type.complete, f"finish {call.finish}")
    judgement.required("cannot answer" in call.text and "{{" not in call.text, f"text {call.text!r}")
    judgement.required(call.usage == {"input": 0, "output": 0}, f"usage {call.usage}")


def _refusal(world: World) -> None:
    world.status("primary", 200, bodies.claude_refusal())


def _refusal_as_it_came(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required((call.error, call.finish) == (None, "refusal"), call.summary())
    judgement.required(len(world.attempts()) == 1, "routed around the refusal")


def _break(action: dict[str, Any]) -> Any:
    return lambda world: world.fault("primary", action)


def _cut(how: str) -> Any:
    return _break({"type": "cut", "afterContent": 40, "how": how})


def _tool_loop(world: World) -> None:
    """The fallback asks for a tool; then the first tier is well again."""
    prompt, client = '[[call search {"query": "17"}]]', world.client()
    tools = SEARCH_TOOLS[world.setup.format]
    call = world.ask(prompt, client=client, tools=tools, stream=False)
    if call.error is None and call.tool_calls:
        world.upstreams["primary"].heal()
        world.ask(prompt, client=client, tools=tools, **continued(world.setup.format, prompt, {}, call, "found it"))


def _stayed(world: World, judgement: Judgement) -> None:
    judgement.required(len(world.calls) == 2, f"no tool call: {world.calls[0].summary()}")
    for call in world.calls:
        judgement.required(call.error is None, call.summary())
        judgement.required(call.model == world.models["secondary"], f"model {call.model}")
    judgement.required(world.calls[-1].text and not world.calls[-1].tool_calls, "no answer after the tool's result")
    failed = [a for a in world.attempts("primary") if not a.ok]
    judgement.required(len(world.attempts("primary")) == len(failed), "the loop left the tier that asked for the tool")


def _two_choices(world: World) -> None:
    world.ask(n=2)


def _kept_away(world: World, judgement: Judgement) -> None:
    _relayed(503, "simulated error", 3)(world, judgement)
    judgement.required(not world.attempts("secondary"), "sent to a tier that cannot take it")
    lines = "".join(world.sidecar.lines) if world.sidecar else ""
    judgement.required('"class":"untranslatable"' in lines and '"field":"n"' in lines, "the log does not name the field")


def _refused(world: World) -> None:
    world.unavailable("primary")
    world.status("secondary", 400, bodies.prefill_rejected(world.tier_types["secondary"].format))


def _passed_over(world: World, judgement: Judgement) -> None:
    _call_rescued(world, judgement)
    judgement.required(world.calls[0].model == world.models["larger"], f"model {world.calls[0].model}")


def _call_rescued(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(outcome_of(call, HANG_SECONDS) is Outcome.RESCUED, call.summary())


def _busy_in_own_words(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    sent = 529 if world.tier_types["secondary"].format == "claude" else 503
    judgement.required(call.status == sent, f"{call.summary()}, the last tier's status was {sent}")
    judgement.required("simulated error" in str(call.error), f"not the provider's words: {call.summary()}")
    body = call.last.body
    own = (b'"type":"error"' in body) if world.setup.format == "claude" else (b'"code"' in body)
    judgement.required(own, f"not the caller's format: {body[:200]!r}")


_ALL = ("chat", "claude", "responses")
_PATIENT = {"turn": {"timeoutMs": 60_000}}  # a busy machine needs long for 8 MB of small events

CASES = (
    Extra("long-answer", "8 MB streamed arrive whole", _long_answer, _arrived_whole, streams=STREAMED, about_seconds=0,
          settings=_PATIENT),
    Extra("long-event", "the same where single events repeat all of the text", _long_answer, _arrived_whole,
          formats=("responses",), streams=STREAMED, about_seconds=0, settings=_PATIENT),
    Extra("fallback-tool-call", "model and usage of a tool call of the tier that answered", _ask_for_a_tool,
          _tool_call_of_fallback, faults=lambda w: w.unavailable("primary"), streams=BOTH),
    Extra("cross-tool-call", "the same where that tier speaks another format", _ask_for_a_tool,
          _tool_call_of_fallback, faults=lambda w: w.unavailable("primary"), formats=_ALL, streams=BOTH, cross=True),
    Extra("cross-tool-loop", "a tool loop stays in the other format", _tool_loop, _stayed,
          faults=lambda w: w.unavailable("primary"), formats=_ALL, streams=BOTH, cross=True,
          settings={"sticky_seconds": 0}),
    Extra("cross-keys", "another format gets its own key and nothing private", _with_private_headers,
          _keys_do_not_travel, faults=lambda w: w.unavailable("primary"), formats=_ALL, cross=True),
    Extra("cross-refused", "400 of a tier in another format goes on to the next", _one_call, _passed_over,
          faults=_refused, formats=_ALL, streams=BOTH, cross=True,
          settings={"tiers": ("primary", "secondary", "larger")}),
    Extra("cross-errors", "the last tier's error in the caller's format", _one_call, _busy_in_own_words,
          faults=_all_down, formats=_ALL, streams=BOTH, cross=True),
    Extra("cross-half", "a broken answer of another format is never a success", _one_call, _never_half,
          faults=_other_breaks, formats=_ALL, streams=BOTH, cross=True),
    Extra("untranslatable", "a request without counterpart stays where it is", _two_choices, _kept_away,
          faults=lambda w: w.unavailable("primary"), formats=("chat",), streams=BOTH, cross=True),
    Extra("keys", "another origin gets its own key and nothing private", _with_private_headers, _keys_do_not_travel,
          faults=lambda w: w.unavailable("primary"), formats=_ALL),
    Extra("last-resort", "no tier answers: the template in the caller's format", _one_call, _last_resort,
          faults=_all_down, streams=BOTH, formats=_ALL,
          settings={"last_words": "{{.agent}} cannot answer now: {{.reason}}."}),
    Extra("overloaded-alone", "503 always, no fallback: that 503", _one_call, _relayed(503, "simulated error", 3),
          faults=lambda w: w.unavailable("primary"), streams=BOTH, sdk_retries=2, formats=_ALL,
          settings={"tiers": ALONE}),
    Extra("too-long-alone", "400 context_length_exceeded, no larger target: that 400", _one_call,
          _relayed(400, "208310 tokens", 1), streams=BOTH,
          faults=lambda w: w.status("primary", 400, bodies.context_length(w.setup.format))),
    Extra("refusal-200", "200 with stop_reason refusal, as it came", _one_call, _refusal_as_it_came,
          faults=_refusal, formats=("claude",), streams=PLAIN),
    Extra("plain-cut", "a plain answer that stops half-way", _one_call, _never_half, formats=_ALL,
          faults=_break({"type": "cut"})),
    Extra("stream-reset", "a stream ended by a reset", _one_call, _never_half, streams=STREAMED, formats=_ALL,
          faults=_cut("reset")),
    Extra("stream-clean-cut", "a cut stream whose body ends cleanly", _one_call, _never_half, streams=STREAMED,
          formats=_ALL, faults=_cut("end")),
    Extra("malformed-tool-call", "an event of invalid JSON in a tool call", _ask_for_a_tool, _error_event,
          faults=_break({"type": "malformed", "afterContent": 2}), streams=STREAMED, settings={"tiers": ALONE}),
    Extra("held-open", "complete, no terminal event, connection stays open", _one_call, _whole_in_time,
          faults=_break({"type": "missingDone", "how": "hold", "seconds": 30}), streams=STREAMED, formats=_ALL,
          about_seconds=7),
)  # fmt: skip
