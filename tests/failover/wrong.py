"""What must not pass: each scenario under a policy that is wrong for it, and more. The proof that the judges can say no."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import extras_time
import extras_turn
from documents import BREAKER_OFF
from extra import Extra
from verdict import Judgement
from world import World

_ALONE = ("primary",)
_LONG = {"turn": {"timeoutMs": 120_000}, "timeouts": {"llmMs": 100_000, "firstTokenMs": 100_000}}
_INSISTENT = {"trip": BREAKER_OFF, "sticky_seconds": 0, "retries": {"budget": {"minRetries": 1000}}}


@dataclass(frozen=True)
class Wrong:
    what: str
    settings: dict[str, Any] = field(default_factory=dict)
    sdk_retries: int = 0
    forgets: bool = False  # its sidecar loses the state folder
    same_format: bool = False  # the fallbacks speak the caller's
    # Where no policy is wrong enough: other faults, or an agent that does something else.
    faults: Callable[[World], None] | None = None
    drive: Callable[[World], None] | None = None


NO_RETRIES = {"retries": {"maxRetries": 0}, "tiers": _ALONE}
CUT_IS_FINAL = {"on_mid_stream_failure": "Error"}

WRONG: dict[str, Wrong] = {
    "S01": Wrong("the wait is not honoured", {"retries": {"retryAfter": {"honor": False}}}),
    "S02": Wrong("no fallback", {"tiers": _ALONE}),
    "S03": Wrong("no retries, no fallback", NO_RETRIES),
    "S04": Wrong("no fallback", {"tiers": _ALONE}),
    "S05": Wrong("no retries, no fallback", NO_RETRIES),
    "S06": Wrong("no fallback", {"tiers": _ALONE}),
    "S07": Wrong("limits of 100 s", _LONG),
    "S08": Wrong("a cut is final", CUT_IS_FINAL),
    "S09": Wrong("a cut is final", CUT_IS_FINAL),
    "S10": Wrong("observe only", {"enforcement": "Observe"}),
    "S11": Wrong("observe only", {"enforcement": "Observe"}),
    "S12": Wrong("no target takes more", {"larger_context": ()}),
    "S13": Wrong("the upstream is another one", {"swapped": {"primary": "secondary"}}),
    "S14": Wrong("a cut is final", CUT_IS_FINAL),
    "S15": Wrong("no breaker, nothing sticky", _INSISTENT),
    "S16": Wrong("no fallback", {"tiers": _ALONE}),
}

_NO_BREAKER = Wrong("no breaker", {"trip": BREAKER_OFF})
_NO_FALLBACK = Wrong("no fallback", {"tiers": _ALONE})
_GREEDY = {"trip": BREAKER_OFF, "retries": {"maxRetries": 5, "budget": {"percent": 100, "minRetries": 1000}}}
_OBSERVE = Wrong("observe only", {"enforcement": "Observe"})
_PATIENT = Wrong("a turn of 60 s", {"turn": {"timeoutMs": 60_000}, "timeouts": {"llmMs": 6000, "firstTokenMs": 6000}})
_NO_NOTICE = {"timeoutMs": 3000, "synthesisReserveMs": 500, "onStreamDeadline": "Error"}
_ONE_TURN = Wrong("both say that they are one turn", drive=extras_turn.two_users_of_one_turn)


def _cut(world: World) -> None:
    world.fault("primary", {"type": "cut", "afterContent": 40})


# Not among them: cases in which the SDK itself sees what a wrong sidecar would let pass.
WRONG_EXTRAS: dict[str, Wrong] = {
    "outage-budget": Wrong("no retry budget", _GREEDY),
    "outage-breaker": _NO_BREAKER,
    "outage-probes": _NO_BREAKER,
    "sdk-retries": Wrong("more retries than the case allows", _GREEDY),
    "open-circuit": _NO_BREAKER,
    "probes": _NO_BREAKER,
    "jitter": Wrong("no retries", {"retries": {"maxRetries": 0}}),
    "long-wait-fallback": _NO_FALLBACK,
    "long-wait-alone": Wrong("the wait is not honoured", {"retries": {"retryAfter": {"honor": False}}}),
    "one-deadline": _PATIENT,
    "one-deadline-responses": _PATIENT,
    "disconnect": Wrong("the agent stays", drive=extras_turn.stay),
    "two-users": _ONE_TURN,
    "two-users-responses": _ONE_TURN,
    "own-stall": Wrong("the upstream is silent, the sidecar runs", drive=extras_time.wait_in_vain),
    "end-with-notice": Wrong("the stream ends with an error", {"turn": _NO_NOTICE}),
    "long-answer": Wrong("the provider cuts it", faults=_cut),
    "long-event": Wrong("the provider cuts it", faults=_cut),
    "fallback-tool-call": _NO_FALLBACK,
    "cross-tool-call": _NO_FALLBACK,
    "cross-tool-loop": _NO_FALLBACK,
    "cross-keys": _NO_FALLBACK,
    "cross-refused": Wrong("no third tier", {"tiers": ("primary", "secondary")}),
    "cross-errors": Wrong("a template stands in", {"last_words": "{{.agent}} cannot answer now."}),
    "untranslatable": Wrong("the fallback understands it", same_format=True),
    "keys": _NO_FALLBACK,
    "last-resort": Wrong("no template", {"last_words": ""}),
    "overloaded-alone": Wrong("not alone", {"tiers": ("primary", "secondary")}),
    "too-long-alone": Wrong("another target takes more", {"tiers": ("primary", "larger")}),
    "stream-clean-cut": _OBSERVE,
    "malformed-tool-call": _OBSERVE,
    "held-open": Wrong("silence is allowed", {"timeouts": {"streamIdleMs": 60_000}}),
    "budget-refused": Wrong("no budget", {"costs": {}}),
    "budget-template": Wrong("no template", {"last_words": ""}),
    "kill": Wrong("the state folder is lost", {}, forgets=True),
    "kill-breaker": Wrong("no breaker", {"trip": BREAKER_OFF}),
}


def _crash(world: World) -> None:
    assert world.sidecar is not None
    os.kill(world.sidecar.child.pid, signal.SIGSEGV)
    world.sidecar.child.wait()


def _content(_world: World, _judgement: Judgement) -> None:
    """All is well as far as the agent sees."""


# Under a sanitizer this makes a report like any other.
CRASH = Extra("crash", "a sidecar that crashes when the agent is done", _crash, _content)
