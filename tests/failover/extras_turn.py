"""Extra cases about turns: one deadline for all of their calls, whose they are, and when the agent goes away."""

from __future__ import annotations

import threading
import time
from typing import Any

from extra import ALONE, STREAMED, Extra
from tools import SEARCH_TOOLS, continued
from verdict import TEMPLATE_MODEL, Judgement
from world import World

TURN_SECONDS, STEP_SECONDS = 6.0, 2.5
LEFT_SECONDS = 2.0  # an upstream that learns later of a client that left has not been told
TASKS = "slo-tasks/00000001"


def _three_steps(world: World) -> None:
    """One turn of three LLM calls, each slower than its share."""
    world.upstreams["primary"].settings(latencySeconds=STEP_SECONDS)
    prompt = '[[call search {"query": "1"}]] [[call search {"query": "2"}]]'
    client = world.client()
    arguments: dict[str, Any] = {}
    for step in range(3):
        call = world.ask(prompt, client=client, tools=SEARCH_TOOLS[world.setup.format], **arguments)
        if call.error is not None or not call.tool_calls:
            return
        arguments = continued(world.setup.format, prompt, arguments, call, f"result {step}")


def _one_deadline(world: World, judgement: Judgement) -> None:
    judgement.required(len(world.calls) == 3, f"the turn ended in step {len(world.calls)}: {world.calls[-1].summary()}")
    last = world.calls[-1]
    took = last.ended - world.calls[0].started
    cut = last.error is not None or last.model == TEMPLATE_MODEL
    judgement.required(cut, "the third call was answered after the end of the turn")
    judgement.required(took <= TURN_SECONDS + 1.5, f"the turn of {TURN_SECONDS} s took {took:.1f} s")
    judgement.required(took >= TURN_SECONDS - 1.5, f"the turn of {TURN_SECONDS} s was cut after {took:.1f} s")
    judgement.note(f"cut after {took:.2f} s of {TURN_SECONDS} s, class {last.headers.get('x-agent-error-class')}")


def _leave(world: World) -> None:
    world.upstreams["primary"].settings(tokenDelaySeconds=0.2)
    stream = world.client().start_stream("[[words 60]]")
    for _ in range(5):
        next(stream)
    world.marks["left"] = time.time()
    stream.close()
    world.upstreams["primary"].wait(1, finished="true")


def _upstream_was_told(world: World, judgement: Judgement) -> None:
    record = world.attempts("primary")[0].record
    judgement.required(record["verdict"] == "client_closed", f"verdict {record['verdict']}")
    ended = record["received_at"] + record["duration_ms"] / 1000
    judgement.required(ended - world.marks["left"] < LEFT_SECONDS, "the upstream went on")
    judgement.note(f"cancelled {max(0.0, ended - world.marks['left']) * 1000:.0f} ms after the client left")


def stay(world: World) -> None:
    """What `disconnect` must not take for an agent that leaves."""
    world.upstreams["primary"].settings(tokenDelaySeconds=0.02)
    stream = world.client().start_stream("[[words 60]]")
    world.marks["left"] = time.time()
    for _ in stream:
        pass
    world.upstreams["primary"].wait(1, finished="true")


def two_users_of_one_turn(world: World) -> None:
    _two_users(world, extra_headers={"x-agent-turn-id": "one"})


def _two_users(world: World, **more: Any) -> None:
    """The same question at the same time, the same tool call, but each its own tool result."""
    question = "Where is order 1001?"
    together = threading.Barrier(2)
    wire, tools = world.setup.format, SEARCH_TOOLS[world.setup.format]
    world.upstreams["primary"].settings(latencySeconds=0.3)

    def one(user: str) -> None:
        client = world.client()
        together.wait()
        first = world.ask(question, client=client, tools=tools, **more)
        if first.tool_calls:
            together.wait(20)
            world.ask(question, client=client, tools=tools, **continued(wire, question, {}, first, f"for {user}"), **more)

    threads = [threading.Thread(target=one, args=(user,)) for user in ("alice", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _counted(world: World, turns: int) -> tuple[int, int]:
    """(good, bad), as soon as so many turns are counted; after 5 s as it is."""
    assert world.sidecar is not None
    give_up = time.monotonic() + 5
    while sum(seen := world.sidecar.slo(TASKS)) < turns and time.monotonic() < give_up:
        time.sleep(0.05)
    return seen


def _not_merged(world: World, judgement: Judgement) -> None:
    judgement.required(len(world.attempts()) == 4, f"{len(world.attempts())} requests upstream, 4 were made")
    answers = sorted(c.text for c in world.calls if c.text)
    expected = [f"Here is what I found: for {user}" for user in ("alice", "bob")]
    judgement.required(answers == expected, f"answers {answers}")
    turns = _counted(world, 2)
    judgement.required(turns == (2, 0), f"turns (good, bad): {turns}")


CASES = (
    Extra("one-deadline", "one deadline over three LLM calls of a turn", _three_steps, _one_deadline,
          settings={"tiers": ALONE, "turn": {"timeoutMs": 6000, "synthesisReserveMs": 1000},
                    "timeouts": {"llmMs": 6000, "firstTokenMs": 6000}}, about_seconds=8),
    Extra("disconnect", "a client that leaves cancels the upstream", _leave, _upstream_was_told,
          streams=STREAMED, formats=("chat", "claude", "responses")),
    Extra("two-users", "equal prompts of two users at once are not merged", _two_users, _not_merged),
)  # fmt: skip
