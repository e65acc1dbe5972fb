"""What is checked after S01 to S16, from the agent's view and from the upstreams' record.

A required check guards what must never happen (more load on a failing provider, a rewritten status, a spoiled
connection); an advisory check is about the quality of the rescue (waits that were asked for, who answered, how soon).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import bodies
from clients import Call
from verdict import Judgement, Outcome, outcome_of
from world import Attempt, World

HANG_SECONDS = 45.0
SILENT_HANG_SECONDS = 100.0
DOWN_SECONDS = 60.0
BUSY_LOOP_CPU_SECONDS = 3.0
HOLD = b": hold"


def _call_outcome(world: World, judgement: Judgement, hang_seconds: float = HANG_SECONDS) -> Call:
    call = world.calls[0]
    judgement.outcome(outcome_of(call, hang_seconds))
    judgement.note(call.summary())
    return call


def _within(attempts: Sequence[Attempt], seconds: float) -> int:
    return sum(a.at - attempts[0].at <= seconds for a in attempts)


def honours_retry_after(world: World, judgement: Judgement) -> None:
    _call_outcome(world, judgement)
    attempts = world.attempts()
    judgement.required(_within(attempts, 1.5) <= 2, "more than 2 attempts in 1.5 s")
    if len(attempts) > 1:
        gap = attempts[1].at - attempts[0].at
        judgement.advisory(gap >= 1.8, f"attempt 2 came {gap:.2f} s after the first, Retry-After was 2 s")


def rate_limited(world: World, judgement: Judgement) -> None:
    _call_outcome(world, judgement)
    attempts = world.attempts("primary")
    judgement.required(_within(attempts, 3.0) <= 4, "more than 4 attempts in 3 s")
    judgement.required(len(attempts) <= 6, f"{len(attempts)} attempts")


def same_target(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    if call.error is None:
        judgement.advisory(len(world.attempts("primary")) >= 2, "fallback before one retry")
        judgement.advisory(not world.attempts("secondary"), "answered by another target")


def overloaded(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    attempts = len(world.attempts("primary"))
    judgement.required(attempts <= 6, f"{attempts} attempts")
    if call.error is not None:
        sent = 529 if world.setup.format == "claude" else 503
        judgement.required(call.status == sent, f"status {call.status}, the provider's was {sent}")


def answered(world: World, judgement: Judgement) -> None:
    _call_outcome(world, judgement)


def silent(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement, SILENT_HANG_SECONDS)
    attempts = world.attempts("primary")
    judgement.advisory(len(attempts) <= 1, f"{len(attempts)} attempts at the silent target")
    if call.error is None:
        judgement.advisory(call.seconds <= 15, f"answered after {call.seconds:.1f} s")
        closed = [a.record.get("verdict") for a in attempts] == ["client_closed"]
        judgement.advisory(closed, "the connection to the silent target was not closed")


def slow_first_token(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    if call.error is not None:
        return
    judgement.advisory(call.seconds <= 15, f"answered after {call.seconds:.1f} s")
    if world.setup.stream and world.sidecar is not None:
        judgement.advisory(call.last.first_time_of(HOLD), "no hold comment while waiting")


def broken_stream(world: World, judgement: Judgement) -> None:
    """S08, S09, S14: an error in the caller's format and no end of stream, or the whole answer."""
    call = _call_outcome(world, judgement)
    if call.error is None or world.sidecar is None:
        return
    raw = call.last.body
    judgement.required(world.client_type.terminal not in raw, "the end of a whole stream after an error")
    judgement.advisory(world.client_type.mid_stream_error in raw, "no error event in the caller's format")


def stalled(world: World, judgement: Judgement) -> None:
    broken_stream(world, judgement)
    after = outcome_of(world.calls[1], HANG_SECONDS)
    judgement.required(after is Outcome.RESCUED, f"the next call: {after.value}, {world.calls[1].summary()}")
    cpu = world.marks["cpu"]
    judgement.required(cpu < BUSY_LOOP_CPU_SECONDS, f"busy loop: {cpu:.1f} s of CPU")


def garbage(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    if world.sidecar is not None:
        judgement.advisory(bodies.BROKEN_EVENT not in call.last.body, "the broken event was forwarded")


def no_terminal_event(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    if call.error is not None:
        return
    judgement.required(call.seconds <= 8, f"success only after {call.seconds:.1f} s")
    judgement.required(call.usage and call.usage["output"] > 1, f"usage {call.usage}")
    if world.sidecar is not None:
        judgement.advisory(world.client_type.terminal in call.last.body, "the terminal event was not appended")


def context_length(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    judgement.required(len(world.attempts("primary")) == 1, "the same request was sent again")
    if call.error is None:
        judgement.advisory(not world.attempts("secondary"), "sent to a target that takes no more than the first")
    else:
        judgement.required(call.status == 400, f"status {call.status}, the provider's was 400")


def content_policy(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.note(call.summary())
    seen = outcome_of(call, HANG_SECONDS)
    delivered = call.status == 400 and bodies.POLICY_REASON in str(call.error)
    judgement.outcome(Outcome.RESCUED if delivered else seen)
    judgement.advisory(seen is not Outcome.RESCUED, "routed around the refusal")
    judgement.advisory(len(world.attempts()) == 1, f"{len(world.attempts())} attempts")


def no_prefill(world: World, judgement: Judgement) -> None:
    broken_stream(world, judgement)
    call = world.calls[0]
    judgement.required(bodies.PREFILL_REASON not in str(call.error), "the refused prefill is the final error")
    sent = [a for a in world.attempts() if a.record.get("prefill")]
    judgement.advisory(not sent, "a prefill was sent")


def outage(world: World, judgement: Judgement) -> None:
    judgement.outcome(*(outcome_of(call, HANG_SECONDS) for call in world.calls))
    attempts = world.attempts("primary")
    failed = [a for a in attempts if a.record.get("action") == "status"]
    calls = sum(c.started - world.calls[0].started < DOWN_SECONDS for c in world.calls)
    judgement.advisory(len(failed) <= calls, "more attempts than calls while it was down")
    back = next((a.at - world.marks["recovery"] for a in attempts if a.ok), None)
    judgement.advisory(back is not None and back <= 30, "the first target did not answer again in time")
    after = "never" if back is None else f"after {back:.1f} s"
    judgement.note(f"{len(failed)} attempts for {calls} calls while down, back {after}")
    judgement.note(next((c.summary() for c in world.calls if c.error), "all answered"))


def _served_by_tier(world: World) -> dict[str, int]:
    """From the sidecar's ledger, once it has counted an answer."""
    deadline = time.monotonic() + 2.0
    while True:
        tiers = world.sidecar.ledger().get("fallbackChain", {}).get("tiers", []) if world.sidecar else []
        served = {tier["name"]: tier["served"] for tier in tiers}
        if not served or any(served.values()) or time.monotonic() > deadline:
            return served
        time.sleep(0.02)


def accounting(world: World, judgement: Judgement) -> None:
    call = _call_outcome(world, judgement)
    if call.error is not None:
        return
    served = [a for a in world.attempts() if a.ok]
    judgement.required(len(served) == 1, f"{len(served)} completions")
    if not served:
        return
    expected = world.models[served[0].tier]
    judgement.required(call.model == expected, f"model {call.model}, answered by {expected}")
    judgement.required(call.usage == served[0].record["usage"], f"usage {call.usage}, not that of the answer")
    if world.sidecar is not None and HOLD not in call.last.body:  # a hold comment comes after the headers
        judgement.advisory(call.headers.get("x-agent-served-by"), "no x-agent-served-by")
    if counted := _served_by_tier(world):
        judgement.required(counted == {"primary": 0, "secondary": 1}, f"the ledger counts answers {counted}")
