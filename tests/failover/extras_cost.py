"""Extra cases about budgets: what the SDKs make of a call that does not fit."""

from __future__ import annotations

from extra import BOTH, Extra
from verdict import TEMPLATE_MODEL, Judgement
from world import World

_ALL = ("chat", "claude", "responses")
# Room for one call that sets no limit (1000) and its prompt; then its 100 words are missing.
DAY = {"cost": {"perDay": {"tokens": 1060}, "assumedOutputTokens": 1000}}
NOTHING = {"cost": {"perTurn": {"tokens": 1}, "onExceed": "Template"}}


def _two_calls(world: World) -> None:
    client = world.client()
    for _ in range(2):
        world.ask("[[words 100]]", client=client)


def _second_refused_once(world: World, judgement: Judgement) -> None:
    first, second = world.calls
    judgement.required(first.error is None, first.summary())
    status = 402 if world.setup.format == "claude" else 429
    judgement.required(second.error is not None and second.status == status, second.summary())
    judgement.required(second.headers.get("x-agent-error-class") == "budget_exhausted", f"headers {second.headers}")
    judgement.required("cost.perDay" in str(second.error), second.summary())
    judgement.required(len(second.exchanges) == 1, f"the SDK asked {len(second.exchanges)} times")
    judgement.required(len(world.attempts()) == 1, f"{len(world.attempts())} requests upstream, 1 was affordable")


def _one_call(world: World) -> None:
    world.ask()


def _template(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.error is None and call.model == TEMPLATE_MODEL, call.summary())
    judgement.required(call.text.endswith("budget_exhausted."), f"text {call.text!r}")
    judgement.required(not world.attempts(), f"{len(world.attempts())} requests upstream, none was affordable")


CASES = (
    Extra("budget-refused", "a day's budget refuses what does not fit, and no SDK tries again", _two_calls,
          _second_refused_once, streams=BOTH, formats=_ALL, sdk_retries=2, settings={"costs": DAY}),
    Extra("budget-template", "a turn that cannot pay gets the template in its own format", _one_call, _template,
          streams=BOTH, formats=_ALL,
          settings={"costs": NOTHING, "last_words": "{{.agent}} cannot answer now: {{.reason}}."}),
)  # fmt: skip
