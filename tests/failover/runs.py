"""One run of one scenario: made, driven, judged. And many of them side by side, since they mostly wait."""

from __future__ import annotations

import concurrent.futures
import queue
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sanitizers
from verdict import Judgement, Verdict
from world import Lane, Setup, World

FORMATS = ("chat", "claude", "responses")


@dataclass(frozen=True)
class Run:
    """`prepare`, `drive` and `judge` see the world; the sidecar starts between the first two."""

    group: str  # goal | cross | default | extra | ...
    id: str
    title: str
    setup: Setup
    prepare: Callable[[World], None]
    drive: Callable[[World], None]
    judge: Callable[[World, Judgement], None]
    about_seconds: float = 3.0

    @property
    def mode(self) -> str:
        stream = "stream" if self.setup.stream else "plain"
        return f"{self.setup.format}/{stream}/{'retries' if self.setup.sdk_retries else 'no retries'}"


@dataclass(frozen=True)
class Result:
    run: Run
    verdict: Verdict
    seconds: float
    reasons: list[str] = field(default_factory=list)
    sidecar_output: list[str] = field(default_factory=list)


def perform(lane: Lane, run: Run) -> Result:
    judgement = Judgement()
    began = time.monotonic()
    output: list[str] = []
    try:
        with lane.world(run.setup) as world:
            try:
                run.prepare(world)
                world.start()
                began = time.monotonic()
                run.drive(world)
                seconds = time.monotonic() - began
                world.settle()
                run.judge(world, judgement)
                judgement.required(not world.sidecar_died(), "the sidecar ended by itself")
            finally:
                wrong = world.stop()
                output = [*(world.sidecar.lines if world.sidecar else []), *wrong]
                for report in wrong:
                    judgement.required(False, sanitizers.headline(report) if "\n" in report else report)
    except Exception:  # a broken run must not end the others
        judgement.required(False, "the run broke: " + traceback.format_exc(limit=-3))
        seconds = time.monotonic() - began
    return Result(run, judgement.verdict, seconds, judgement.reasons(), output)


def perform_all(
    runs: Sequence[Run], lanes: int, report: Callable[[Result], None], make_lane: Callable[[], Lane] = Lane
) -> list[Result]:
    """In the order of `runs`; performed with the long ones first. `report` is called as each ends."""
    free: queue.SimpleQueue[Lane] = queue.SimpleQueue()
    made = [make_lane() for _ in range(min(lanes, len(runs)))]
    for lane in made:
        free.put(lane)

    def one(run: Run) -> Result:
        lane = free.get()
        try:
            return perform(lane, run)
        finally:
            free.put(lane)

    results: dict[int, Result] = {}
    by_length = sorted(enumerate(runs), key=lambda numbered: -numbered[1].about_seconds)
    try:
        with concurrent.futures.ThreadPoolExecutor(max(1, len(made))) as pool:
            numbers = {pool.submit(one, run): number for number, run in by_length}
            for done in concurrent.futures.as_completed(numbers):
                results[numbers[done]] = done.result()
                report(done.result())
    finally:
        for lane in made:
            lane.close()
    return [results[number] for number in range(len(runs))]
