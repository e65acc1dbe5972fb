"""What must not pass: each scenario under a policy that is wrong for it, and more. The proof that the judges can say no."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

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
    settings: dict[str, Any]
    sdk_retries: int = 0
    forgets: bool = False  # its sidecar loses the state folder


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

WRONG_EXTRAS: dict[str, Wrong] = {
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
