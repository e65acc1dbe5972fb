"""Clients that are slow on purpose, or stuck: heads that never end, streams that nobody reads. Reported, no gate."""

from __future__ import annotations

import json
import pathlib
import socket
import time

import gates
from machine import LOAD_CORE, Child, memory_kb
from memory import Makers
from world import Place

SLOW, GAP_MS, PATIENCE_S = 1000, 100, 15
STREAMS = 32


def slow_heads(run, makers: Makers) -> None:
    """1,000 connections send a head at ten bytes a second. What does an honest client beside them get (compare: the
    same 2,000 calls a second without them), and when are they gone? All have ten seconds for a head."""
    for who, make in makers.items():
        run.take("slow", who, lambda make=make: _slow_heads(run, make()))


def _slow_heads(run, place: Place) -> gates.Sample:
    run.world.answer(place)
    argv = [str(run.world.tools / "bench-slow"), str(place.port), str(SLOW), str(GAP_MS), str(PATIENCE_S)]
    slow = Child("slow", argv, LOAD_CORE)
    try:
        slow.wait_for_line(event="running")
        honest = run.load(place, "post", "open", 64, f"2000:{run.seconds(3)}")
        slow.process.wait(PATIENCE_S + 10)
        ended = json.loads(slow.output().splitlines()[-1])
    finally:
        slow.stop()
        run.world.stop(place.child)
    return {name: honest[name] for name in ("p50_us", "p99_us", "core_percent")} | ended


def unread_streams(run, makers: Makers) -> None:
    """32 clients ask for an endless stream, read its beginning and then nothing; the upstream writes as much as it is
    let. What of it does the proxy keep, and does that still grow?"""
    for who, make in makers.items():
        run.take("unread", who, lambda make=make: _unread_streams(run, make()))


def _unread_streams(run, place: Place) -> gates.Sample:
    run.world.answer(place)
    request = pathlib.Path(run.world.request_file(place, "endless")).read_bytes()
    before = memory_kb(place.child.pid)[0]
    readers: list[socket.socket] = []
    try:
        for _ in range(STREAMS):
            readers.append(socket.create_connection(("127.0.0.1", place.port), 10))
            readers[-1].sendall(request)
        for reader in readers:
            _read_beginning(place, reader)
        time.sleep(1)  # what it keeps meanwhile is the thing measured
        early = memory_kb(place.child.pid)[0]
        time.sleep(1)
        late = memory_kb(place.child.pid)[0]
    finally:
        for reader in readers:
            reader.close()
        run.world.stop(place.child)
    return {"kb_per_stream": (late - before) / STREAMS, "late_kb": late - early}


def _read_beginning(place: Place, reader: socket.socket) -> None:
    begin = b""
    while b"\ndata: " not in begin:
        got = reader.recv(1024)
        if not got:
            raise SystemExit(f"bench: {place.name}: an endless stream ended: {begin[:300]!r}")
        begin += got
