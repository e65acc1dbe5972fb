"""Other calls than a 2 KB POST, and calls of which some must be repeated. Reported, without a gate."""

from __future__ import annotations

import gates
from world import Place

RATE, CONNECTIONS = 2000, 128  # of the calls with repeats: enough connections for those that wait


def plain(run, places: list[Place]) -> None:
    """64 connections, as fast as they go: a GET, a POST of 64 KB, a tools/call."""
    for kind in ("get", "post64k", "mcp"):
        for place in places:
            run.world.expect_direct_answer(place, kind)
        for _ in run.rounds(3):
            for place in places:
                run.take(kind, place.name, run.closed(place, 0.6, kind=kind))


def repeated(run, names: list[str]) -> None:
    """Every tenth answer of the upstream is a 503, or a 429; whoever can repeats the call. The sidecar waits up to
    200 ms before it does (its policy's backoff), Envoy up to 25 ms, nginx and haproxy do it at once."""
    def without_chain(policy: dict) -> None:
        del policy["fallbackChain"]  # its last resort would hide a call that failed

    world = run.world
    places = [world.sidecar(change=without_chain), *(world.peer(name, retry=True) for name in names)]
    for place in places:
        world.answer(place)
    for kind in ("overloaded", "limited"):
        able = [place for place in places if kind == "overloaded" or place.name != "haproxy"]
        for _ in run.rounds(3):
            for place in able:
                def sample(place: Place = place) -> gates.Sample:
                    found = run.load(place, kind, "open", CONNECTIONS, f"{RATE}:{run.seconds(0.7)}")
                    calls = found["answers"] + found["bad"]
                    return {**found, "cpu_per_100k": found["cpu"] / calls * 1e5,
                            "failed_per_10k": found["bad"] / calls * 1e4}  # fmt: skip

                run.take(kind, place.name, sample)
    for place in places:
        world.stop(place.child)
