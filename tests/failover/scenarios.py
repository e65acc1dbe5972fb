"""S01 to S16: the fault, what the agent does meanwhile, and who judges it (see judges.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bodies
import judges
from judges import DOWN_SECONDS, HANG_SECONDS, SILENT_HANG_SECONDS
from verdict import Judgement
from world import World

BOTH = (False, True)
STREAMED = (True,)

Step = Callable[[World], None]
Judge = Callable[[World, Judgement], None]


def _one_call(world: World) -> None:
    world.ask(hang_seconds=HANG_SECONDS)


@dataclass(frozen=True)
class Scenario:
    id: str
    title: str
    faults: Step
    judge: Judge
    drive: Step = _one_call
    streams: tuple[bool, ...] = BOTH
    responses: bool = False  # also in OpenAI Responses
    settings: dict[str, Any] = field(default_factory=dict)
    about_seconds: float = 3.0  # long ones start first


def _patient_call(world: World) -> None:
    world.ask(hang_seconds=SILENT_HANG_SECONDS + 2)


def _s09_drive(world: World) -> None:
    client = world.client()
    before = world.sidecar_cpu_seconds()
    world.ask(hang_seconds=HANG_SECONDS, client=client)
    world.marks["cpu"] = world.sidecar_cpu_seconds() - before
    world.ask(hang_seconds=HANG_SECONDS, client=client)


def down_for_a_minute(world: World) -> None:
    world.unavailable("primary", forSeconds=DOWN_SECONDS)
    world.marks["recovery"] = time.time() + DOWN_SECONDS


def twenty_calls(world: World) -> None:
    world.ask_at([4.0 * i for i in range(20)], lambda i: f"Question {i} [[words 60]]", HANG_SECONDS)


def _always(action: dict[str, Any] | str) -> Step:
    return lambda world: world.fault("primary", action)


def _once(action: dict[str, Any] | str) -> Step:
    return lambda world: world.fault("primary", action, count=1)


def _answers(status: int, **more: Any) -> Step:
    return lambda world: world.status("primary", status, **more)


def _refuses(body: Callable[[str], dict[str, Any]]) -> Step:
    return lambda world: world.status("primary", 400, body(world.setup.format))


def _is_overloaded(world: World) -> None:
    world.unavailable("primary")


def _s11_faults(world: World) -> None:
    how = "close" if world.setup.format == "responses" else "end"  # Responses: only the body's own end is left
    world.fault("primary", {"type": "missingDone", "how": how})


def _s14_faults(world: World) -> None:
    world.fault("primary", CUT)
    world.status("secondary", 400, bodies.prefill_rejected(world.tier_types["secondary"].format), match={"prefill": True})


CUT = {"type": "cut", "afterContent": 40}
RETRY_AFTER = {"retry-after": "2"}
ALL_TIERS = {"tiers": ("primary", "secondary", "larger")}
QUICK_RETURN = {"open_seconds": (10, 10)}  # with the defaults most probes would come after the last call

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("S01", "429 with Retry-After: 2, once", _answers(429, headers=RETRY_AFTER, count=1),
             judges.honours_retry_after, responses=True),
    Scenario("S02", "429 always, no header", _answers(429), judges.rate_limited),
    Scenario("S03", "500 once", _answers(500, count=1), judges.same_target),
    Scenario("S04", "503 always", _is_overloaded, judges.overloaded, responses=True),
    Scenario("S05", "reset before any byte, once", _once("reset"), judges.answered),
    Scenario("S06", "accepted, silent for 120 s", _always({"type": "hang", "seconds": 120}), judges.silent,
             drive=_patient_call, about_seconds=10),
    Scenario("S07", "head at once, first token at 20 s", _always({"type": "slowFirstToken", "seconds": 20}),
             judges.slow_first_token, about_seconds=10),
    Scenario("S08", "stream dies after 40 of 60 tokens", _always(CUT), judges.broken_stream, streams=STREAMED,
             responses=True),
    Scenario("S09", "20 tokens, silence for 30 s, close", _once({"type": "stall", "afterContent": 20, "seconds": 30}),
             judges.stalled, drive=_s09_drive, streams=STREAMED, about_seconds=8),
    Scenario("S10", "one extra event of invalid JSON", _always({"type": "malformed", "afterContent": 20}),
             judges.garbage, streams=STREAMED),
    Scenario("S11", "complete, but no terminal event", _s11_faults, judges.no_terminal_event, streams=STREAMED,
             responses=True),
    Scenario("S12", "400 context_length_exceeded", _refuses(bodies.context_length), judges.context_length,
             settings=ALL_TIERS),
    Scenario("S13", "400 content_policy_violation", _refuses(bodies.content_policy), judges.content_policy),
    Scenario("S14", "as S08, and the fallback rejects prefill", _s14_faults, judges.no_prefill, streams=STREAMED),
    Scenario("S15", "503 for 60 s, 20 calls, one per 4 s", down_for_a_minute, judges.outage, drive=twenty_calls,
             settings=QUICK_RETURN, about_seconds=80),
    Scenario("S16", "503 always: model and usage", _is_overloaded, judges.accounting),
)  # fmt: skip
BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
