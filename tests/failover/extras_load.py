"""Extra cases about load: how much of it a failing provider gets, and what open and half-open circuits let through."""

from __future__ import annotations

import concurrent.futures
import itertools
import math
import statistics
import time

import judges
from clients import Call
from documents import BREAKER_OFF
from extra import ALONE, BOTH, Extra
from scenarios import QUICK_RETURN, down_for_a_minute, twenty_calls
from verdict import Judgement
from world import Attempt, World

OUTAGE_CALLS = 200
CALL_EVERY_SECONDS = 0.1
WINDOW_SECONDS = 10.0
NOT_TOUCHED_SECONDS = 1.0  # an answer that is later has waited for something
FAST_SECONDS = 0.05
CALLERS = 50
PROBE_SECONDS = 3.0


def unavailable(world: World) -> None:
    world.unavailable("primary")


def _outage(world: World) -> None:
    starts = [CALL_EVERY_SECONDS * i for i in range(OUTAGE_CALLS)]
    world.ask_at(starts, lambda i: f"Question {i} [[words 60]]")


def _within_budget(world: World, judgement: Judgement) -> None:
    attempts = world.attempts("primary")
    windows = math.ceil((attempts[-1].at - attempts[0].at) / WINDOW_SECONDS)
    bound = 1.2 * OUTAGE_CALLS + 3 * windows
    judgement.required(len(attempts) >= OUTAGE_CALLS, f"{len(attempts)} attempts: not every call was tried")
    judgement.required(len(attempts) <= bound, f"{len(attempts)} attempts, at most {bound:.0f}")
    judgement.required(all(c.error for c in world.calls), "an answer out of nothing")
    judgement.note(f"{len(attempts)} attempts for {OUTAGE_CALLS} calls")


def _breaker_spares_it(world: World, judgement: Judgement) -> None:
    attempts = len(world.attempts("primary"))
    judgement.required(attempts <= 10, f"{attempts} attempts although the circuit is open for 30 s")
    judgement.required(all(c.error for c in world.calls), "an answer out of nothing")
    judgement.note(f"{attempts} attempts for {OUTAGE_CALLS} calls")


def _as_in_s15(world: World, judgement: Judgement) -> None:
    judges.outage(world, judgement)
    judgement.required(not judgement.failed_advisory, "; ".join(judgement.failed_advisory))


def _one_call(world: World) -> None:
    world.ask()


def _not_multiplied(world: World, judgement: Judgement) -> None:
    attempts = len(world.attempts("primary"))
    judgement.required(attempts <= 3, f"{attempts} attempts, the policy allows 3")
    judgement.required(world.calls[0].error is not None, "an answer out of nothing")
    judgement.note(f"{attempts} attempts, {len(world.calls[0].exchanges)} requests of the SDK")


def trip(world: World) -> int:
    """Fails until the circuit of the first upstream is open; returns how many attempts that took."""
    for _ in range(6):
        world.ask()
    return len(world.attempts("primary"))


def _open_circuit(world: World) -> None:
    world.marks["before"] = trip(world)
    world.marks["tripped"] = len(world.calls)
    for _ in range(10):
        world.ask()


def _answers_without_upstream(world: World, judgement: Judgement) -> None:
    before, after = world.marks["before"], len(world.attempts("primary"))
    refused = world.calls[int(world.marks["tripped"]) :]
    judgement.required(before <= 3, f"{before} attempts before the circuit opened")
    judgement.required(after == before, f"{after - before:.0f} attempts at an open circuit")
    for call in refused:
        seen = call.headers.get("x-agent-error-class")
        judgement.required(seen == "circuit_open" and call.status == 503, f"class {seen}, status {call.status}")
    heads = sorted((c.last.head_at or math.inf) - c.last.started for c in refused)
    judgement.required(heads[-1] < NOT_TOUCHED_SECONDS, f"answered only after {heads[-1]:.2f} s")
    late = sum(h >= FAST_SECONDS for h in heads)
    judgement.note(f"answered in {heads[len(heads) // 2] * 1000:.1f} ms (median), {late} of {len(heads)} after 50 ms")


def _many_callers(world: World) -> None:
    world.marks["before"] = trip(world)
    world.upstreams["primary"].heal()
    world.fault("primary", {"type": "delay", "seconds": PROBE_SECONDS})
    time.sleep(1.5)  # the open time of 1 s with its jitter of 20 % is over
    clients = [world.client() for _ in range(CALLERS)]
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda c: world.ask(client=c), clients))


def _few_probes(world: World, judgement: Judgement) -> None:
    probes: list[Attempt] = world.attempts("primary")[int(world.marks["before"]) :]
    judgement.required(probes, "no probe at all")
    early = [p for p in probes if p.at - probes[0].at < PROBE_SECONDS - 0.5]
    judgement.required(len(early) <= 2, f"{len(early)} probes at once")
    judgement.note(f"{len(early)} probes under {CALLERS} callers")


def _jitter_calls(world: World) -> None:
    world.ask_at([0.2 * i for i in range(8)], lambda i: f"Question {i} [[words 60]]")


def _jittered(world: World, judgement: Judgement) -> None:
    by_prompt: dict[str, list[float]] = {}
    for attempt in world.attempts("primary"):
        by_prompt.setdefault(attempt.record["prompt"], []).append(attempt.at)
    gaps = [b - a for times in by_prompt.values() for a, b in itertools.pairwise(times)]
    judgement.required(len(gaps) == 16, f"{len(gaps)} retries, 8 calls have 16")
    # Full jitter: uniform from 0 to 200 ms, then from 0 to 400 ms; a busy machine adds to some of them.
    middle = statistics.median(gaps or [math.inf])
    judgement.required(middle < 0.6, f"the median wait is {middle:.2f} s")
    different = len({round(g / 0.005) for g in gaps})
    judgement.required(different >= 6, f"only {different} different waits of {len(gaps)}: no jitter")
    judgement.note(f"{different} different waits of {len(gaps)}")


def _retry_after_too_long(world: World) -> None:
    world.status("primary", 429, headers={"retry-after": "60"})


def _next_tier_at_once(world: World, judgement: Judgement) -> None:
    call: Call = world.calls[0]
    judgement.required(call.error is None and call.text.endswith("word60"), call.summary())
    judgement.required(call.seconds < 5, f"waited {call.seconds:.1f} s")
    judgement.required(len(world.attempts("primary")) == 1, "asked again before the time it was told")


def _relayed_at_once(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.status == 429, call.summary())
    judgement.required(call.headers.get("retry-after") == "60", "Retry-After was not passed on")
    judgement.required(call.seconds < 5, f"waited {call.seconds:.1f} s")
    judgement.required(len(world.attempts("primary")) == 1, "asked again before the time it was told")


_MANY_RETRIES = {"budget": {"percent": 100, "minRetries": 1000}}

CASES = (
    Extra("outage-budget", "200 calls in an outage stay within the retry budget", _outage, _within_budget,
          faults=unavailable, settings={"tiers": ALONE, "trip": BREAKER_OFF}, about_seconds=25),
    Extra("outage-breaker", "200 calls in an outage hardly touch the provider", _outage, _breaker_spares_it,
          faults=unavailable, settings={"tiers": ALONE}, about_seconds=25),
    Extra("outage-probes", "S15 where no call stays on the tier of the one before", twenty_calls, _as_in_s15,
          faults=down_for_a_minute, settings={**QUICK_RETURN, "sticky_seconds": 0}, about_seconds=80),
    Extra("sdk-retries", "the SDK's retries do not multiply ours", _one_call, _not_multiplied, faults=unavailable,
          streams=BOTH, sdk_retries=2, formats=("chat", "claude", "responses"), settings={"tiers": ALONE}),
    Extra("open-circuit", "an open circuit answers without its upstream", _open_circuit, _answers_without_upstream,
          faults=unavailable, streams=BOTH, settings={"tiers": ALONE}),
    Extra("probes", "at most 2 probes under 50 callers", _many_callers, _few_probes, faults=unavailable,
          settings={"tiers": ALONE, "open_seconds": (1, 1)}, about_seconds=10),
    Extra("jitter", "waits between attempts differ", _jitter_calls, _jittered, faults=unavailable,
          formats=("chat",), settings={"tiers": ALONE, "trip": BREAKER_OFF, "retries": _MANY_RETRIES}),
    Extra("long-wait-fallback", "a Retry-After longer than the turn: the next tier at once", _one_call,
          _next_tier_at_once, faults=_retry_after_too_long, streams=BOTH),
    Extra("long-wait-alone", "a Retry-After longer than the turn, no fallback: relayed at once", _one_call,
          _relayed_at_once, faults=_retry_after_too_long, streams=BOTH, settings={"tiers": ALONE}),
)  # fmt: skip
