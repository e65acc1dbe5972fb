"""Extra cases about a sidecar that is killed and started again with its state folder, as the kubelet does it.

What clients and upstreams saw must be in the ledger, but for the tail that nobody can know: what was decided after the
ledger's last write, and the calls that were on their way. That tail is counted, bounded and reported. Nobody reads the
ledger before the kill, so the file alone has to carry it.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from clients import Call
from extra import ALONE, Extra
from extras_load import trip, unavailable
from processes import eventually
from verdict import Judgement, Outcome, outcome_of
from world import World

TASKS = "slo-tasks/00000001"
CALLS, CALLERS, WORDS = 400, 16, 20
ANSWER = " ".join(f"word{i}" for i in range(1, WORDS + 1))
REFUSED_STATUS, REFUSED_EVERY = 400, 10  # one call in so many; its turn is bad when its time is over
TURN_SECONDS = 1.5
HANG_SECONDS = 20.0
# A client may see an end a little before it is counted, and an idle file is written half a second after a change.
COUNTED_LATE_SECONDS = 1.0
WRITE_GOAL_SECONDS = 1.0
DAY_TOKENS, ASSUMED_TOKENS = 200_000, 200


def _number(call: Call) -> int:
    return int(call.prompt.split()[1])


def _load(world: World, half: threading.Event) -> None:
    """CALLS calls of CALLERS callers, every other one streamed; `half` is set when half of them are over."""
    numbers, over = itertools.count(), itertools.count(1)

    def caller() -> None:
        client = world.client()
        while (number := next(numbers)) < CALLS:
            world.ask(f"Question {number} [[words {WORDS}]]", HANG_SECONDS, client, stream=number % 2 == 1)
            if next(over) == CALLS // 2:
                half.set()

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        for done in [pool.submit(caller) for _ in range(CALLERS)]:
            done.result()


def _refuse_some(world: World) -> None:
    world.upstreams["primary"].settings(latencySeconds=0.15)
    world.status("primary", REFUSED_STATUS, every=REFUSED_EVERY)


def _kill_in_the_middle(world: World) -> None:
    assert world.sidecar is not None
    half = threading.Event()
    load = threading.Thread(target=_load, args=(world, half))
    load.start()
    half.wait(120)
    world.marks["killed"] = time.time()
    world.kill()
    world.marks["dead"] = time.time()
    written = world.sidecar.folder / "state" / "ledger.json"
    world.marks["written"] = written.stat().st_mtime
    world.marks["epoch"] = json.loads(written.read_bytes())["epoch"]
    world.restart()
    load.join()
    outcomes = _Outcomes.of(world.calls, world)
    eventually(lambda: sum(world.sidecar.slo(TASKS)) >= outcomes.after.total, "turns after the restart are counted", 10)
    world.marks["ledger"] = world.sidecar.ledger()
    world.marks["spent"] = world.sidecar.metrics().sum("agent_reliability_budget_spent", scope="day", unit="tokens")
    # It would fit if the day had begun with the restart.
    left = DAY_TOKENS - _tokens(outcomes.after.good)
    world.ask("One more", stream=False, max_tokens=left - 3 * ASSUMED_TOKENS)


def _tokens(answers: Sequence[_Answer]) -> int:
    return sum(sum((answer.call.usage or {}).values()) for answer in answers)


@dataclass(frozen=True)
class _Answer:
    call: Call
    sent: float  # Unix time, when the upstream got it; who is dead by then has not passed the answer on

    @property
    def ended(self) -> float:
        return self.call.ended - time.monotonic() + time.time()


@dataclass(frozen=True)
class _Seen:
    """What the clients saw of one process's calls."""

    good: Sequence[_Answer]
    bad: Sequence[_Answer]

    @property
    def total(self) -> int:
        return len(self.good) + len(self.bad)

    def undecided(self, since: float) -> _Seen:
        """Those that may have been counted only after that time: good at their end, bad when the turn's time is over."""
        return _Seen(
            [a for a in self.good if a.ended > since],
            [a for a in self.bad if a.sent + TURN_SECONDS > since],
        )


@dataclass(frozen=True)
class _Outcomes:
    before: _Seen
    after: _Seen
    cut: Sequence[Call]  # no answer, or not all of it
    asked_again: int  # by the SDK

    @classmethod
    def of(cls, calls: Sequence[Call], world: World) -> _Outcomes:
        sent = {attempt.record["prompt"]: attempt.at for attempt in world.attempts()}
        good: tuple[list[_Answer], list[_Answer]] = ([], [])
        bad: tuple[list[_Answer], list[_Answer]] = ([], [])
        cut = []
        for call in calls:
            answer = _Answer(call, sent.get(call.prompt, 0.0))
            after = int(answer.sent > world.marks["dead"])
            if call.error is None:
                good[after].append(answer)
            elif call.last.status == REFUSED_STATUS:
                bad[after].append(answer)
            else:
                cut.append(call)
        again = sum(len(c.exchanges) > 1 for c in calls)
        return cls(_Seen(good[0], bad[0]), _Seen(good[1], bad[1]), cut, again)


def _nothing_lost(world: World, judgement: Judgement) -> None:
    *load, last = world.calls
    ends = [outcome_of(call, HANG_SECONDS, ANSWER) for call in load]
    wrong = [c.summary() for c, e in zip(load, ends, strict=True) if e in (Outcome.HANG, Outcome.FALSE_SUCCESS)]
    judgement.required(not wrong, f"{len(wrong)} hang or are a cut answer shown as a success: {wrong[:3]}")
    seen = _Outcomes.of(load, world)
    judgement.required(len(seen.cut) + seen.asked_again >= CALLERS // 4, "the kill met hardly any call")
    _upstream_agrees(load, world, judgement)
    _ledger_agrees(seen, world, judgement)
    judgement.required(last.headers.get("x-agent-error-class") == "budget_exhausted", f"the day began anew: {last.summary()}")


def _upstream_agrees(load: Sequence[Call], world: World, judgement: Judgement) -> None:
    answered: dict[str, int] = {}
    received: dict[str, int] = {}
    for attempt in world.attempts():
        prompt = attempt.record["prompt"]
        received[prompt] = received.get(prompt, 0) + 1
        answered[prompt] = answered.get(prompt, 0) + attempt.ok
    invented = [_number(c) for c in load if c.error is None and not answered.get(c.prompt)]
    judgement.required(not invented, f"answers that no upstream gave: {invented}")
    repeated = [_number(c) for c in load if received.get(c.prompt, 0) > len(c.exchanges)]
    judgement.required(not repeated, f"sent more often than the SDK asked: {repeated}")


def _ledger_agrees(seen: _Outcomes, world: World, judgement: Judgement) -> None:
    ledger = world.marks["ledger"]
    now = ledger["slos"][TASKS]
    exact = (len(seen.after.good), len(seen.after.bad))
    judgement.required((now["good"], now["bad"]) == exact, f"after the restart {now}, the clients saw {exact}")
    kept = [epoch["slos"][TASKS] for epoch in ledger["closed"] if epoch["epoch"] == world.marks["epoch"]]
    judgement.required(len(kept) == 1, f"{len(kept)} closed epochs of the killed process")
    good, bad = (sum(counts[name] for counts in kept) for name in ("good", "bad"))
    tail = seen.before.undecided(world.marks["written"] - COUNTED_LATE_SECONDS)
    for name, counted, of, unknown in (
        ("good", good, seen.before.good, tail.good),
        ("bad", bad, seen.before.bad, tail.bad),
    ):
        lost = len(of) - counted
        judgement.required(counted, f"nothing {name} was kept: the test shows nothing")
        judgement.required(0 <= lost <= len(unknown), f"{lost} {name} turns lost, at most {len(unknown)} could be")
    age = world.marks["killed"] - world.marks["written"]
    judgement.required(age <= 5 * WRITE_GOAL_SECONDS, f"the file was {age:.1f} s old")
    used = _tokens(seen.before.good) + _tokens(seen.after.good)
    least = used - _tokens(tail.good)
    spent = world.marks["spent"]
    judgement.required(least <= spent <= used, f"{spent:.0f} tokens spent today, the clients used {least} to {used}")
    judgement.note(
        f"kept {good} of {len(seen.before.good)} good and {bad} of {len(seen.before.bad)} bad turns, file {age:.2f} s"
        f" old; {len(seen.cut)} calls cut, {seen.asked_again} asked again; then {exact[0]} good, {exact[1]} bad, exact;"
        f" {spent:.0f} of {used} tokens known"
    )


def _trip_kill_trip(world: World) -> None:
    world.marks["first"] = trip(world)
    world.marks["refused"] = len(world.calls)
    world.kill()
    world.restart()
    world.marks["both"] = trip(world)


def _closed_again(world: World, judgement: Judgement) -> None:
    first, both = world.marks["first"], world.marks["both"]
    judgement.required(first == 3, f"{first} attempts before the circuit opened")
    judgement.required(both - first == 3, f"{both - first} attempts after the restart, 3 open the circuit anew")
    for call in (world.calls[world.marks["refused"] - 1], world.calls[-1]):
        judgement.required(call.headers.get("x-agent-error-class") == "circuit_open", call.summary())


_SHORT_TURN = {
    "turn": {"timeoutMs": int(TURN_SECONDS * 1000), "synthesisReserveMs": 200},
    "timeouts": {name: int(TURN_SECONDS * 1000) for name in ("llmMs", "firstTokenMs", "toolMs", "streamIdleMs")},
}
_DAY = {"cost": {"perDay": {"tokens": DAY_TOKENS}, "assumedOutputTokens": ASSUMED_TOKENS}}

CASES = (
    Extra("kill", f"killed in the middle of {CALLS} calls: only the tail of the ledger is lost", _kill_in_the_middle,
          _nothing_lost, faults=_refuse_some, sdk_retries=2, about_seconds=30,
          settings={"tiers": ALONE, "costs": _DAY, **_SHORT_TURN}),
    Extra("kill-breaker", "a restarted sidecar begins with closed circuits and opens them again", _trip_kill_trip,
          _closed_again, faults=unavailable, settings={"tiers": ALONE, "retries": {"maxRetries": 0}}),
)  # fmt: skip
