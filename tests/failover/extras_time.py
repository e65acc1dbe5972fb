"""Extra cases about time: turns over Responses, streams when the turn is over, a sidecar that stood still itself."""

from __future__ import annotations

import os
import signal
import threading
import time

from extra import ALONE, STREAMED, Extra
from extras_turn import CASES as TURN_CASES
from processes import eventually
from verdict import Judgement
from world import World

TASKS = "slo-tasks/00000001"
NOTICE = "[The time for this request is over: the answer ends here, unfinished.]"
TURN_SECONDS = 3.0
STALLS, STALL_SECONDS = 3, 2.5  # as many failures as open a breaker; the limit below and a second
FINISH = {"chat": "length", "claude": "max_tokens"}  # the client of Responses takes complete answers only


def _slow_words(world: World) -> None:
    world.upstreams["primary"].settings(tokenDelaySeconds=0.2)
    world.ask("[[words 60]]")


def _ends_in_words(world: World, judgement: Judgement) -> None:
    call = world.calls[0]
    judgement.required(call.error is None, f"the SDK raised: {call.error}")
    judgement.required(call.text.endswith(NOTICE), f"the answer ends with {call.text[-80:]!r}")
    judgement.required(len(call.text.split()) > 10, "nothing of the model's answer came")
    finish = FINISH.get(world.setup.format)
    judgement.required(finish is None or call.finish == finish, f"finish {call.finish}")
    judgement.required(call.seconds < TURN_SECONDS + 1, f"the turn of {TURN_SECONDS} s took {call.seconds:.1f} s")
    assert world.sidecar is not None
    eventually(lambda: sum(world.sidecar.slo(TASKS)) >= 1, "the turn is counted", 5)
    judgement.required(world.sidecar.slo(TASKS) == (0, 1), f"turns (good, bad): {world.sidecar.slo(TASKS)}")


def wait_in_vain(world: World) -> None:
    """What `own-stall` must not take for a sidecar that stood still."""
    for _ in range(STALLS):
        world.ask()
    world.upstreams["primary"].heal()
    world.ask()


def _stop_while_waiting(world: World) -> None:
    """Three calls whose limit passes while the sidecar itself is stopped, then one to a healthy upstream."""
    assert world.sidecar is not None
    pid = world.sidecar.child.pid
    for _ in range(STALLS):
        call = threading.Thread(target=world.ask)
        call.start()
        eventually(lambda: world.upstreams["primary"].counts()["running"] == 1, "the upstream has the call", 5)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STALL_SECONDS)
        os.kill(pid, signal.SIGCONT)
        call.join()
        world.settle()
    world.upstreams["primary"].heal()
    world.ask()


def _nobody_is_blamed(world: World, judgement: Judgement) -> None:
    classes = [call.headers.get("x-agent-error-class") for call in world.calls[:STALLS]]
    judgement.required(classes == ["local_outage"] * STALLS, f"classes {classes}")
    last = world.calls[-1]
    judgement.required(last.error is None, f"the breaker counted it: {last.summary()}")


def _over_responses(case: Extra) -> Extra:
    """The same tool loop; without the calls' ids and previous_response_id its steps would be turns of their own."""
    return Extra(f"{case.id}-responses", case.title, case.drive, case.judge,
                 formats=("responses",), settings=case.settings, about_seconds=case.about_seconds)  # fmt: skip


CASES = (
    *(_over_responses(case) for case in TURN_CASES if case.id in ("one-deadline", "two-users")),
    Extra("own-stall", "what expires while the sidecar is stopped is nobody's fault", _stop_while_waiting,
          _nobody_is_blamed, lambda world: world.fault("primary", {"type": "hang", "seconds": 120}), about_seconds=9,
          settings={"tiers": ALONE, "timeouts": {"llmMs": 1000, "firstTokenMs": 1000}}),
    Extra("end-with-notice", "a stream at the turn's deadline ends in words", _slow_words, _ends_in_words,
          streams=STREAMED, formats=("chat", "claude", "responses"), about_seconds=4,
          settings={"tiers": ALONE, "turn": {"timeoutMs": 3000, "synthesisReserveMs": 500,
                                             "onStreamDeadline": "EndWithNotice"},
                    "timeouts": {"llmMs": 3000, "firstTokenMs": 3000, "toolMs": 3000, "streamIdleMs": 3000}}),
)  # fmt: skip
