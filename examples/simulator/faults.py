"""Faults that the admin API sets: which requests they hit, how often, and what happens then.

A rule is `{id?, match, after?, every?, count?, forSeconds?, action}`. Rules are tried in the order in
which they were added; the first that matches and is not used up wins. Nothing is random: `after` lets
the first n matching requests pass, `every` hits each n-th of the rest, `count` bounds the hits.
"""

from __future__ import annotations

import fnmatch
import itertools
import time
from dataclasses import dataclass
from typing import Any

from .record import Entry

# action type -> {field: default}. None as default means that the field may be absent.
ACTIONS: dict[str, dict[str, Any]] = {
    "status": {"status": 503, "headers": {}, "body": None},
    "delay": {"seconds": 1.0},
    "hang": {"seconds": 3600.0},
    "reset": {},
    "cut": {"afterEvents": 1, "afterContent": None, "how": "close"},
    "stall": {"afterEvents": 1, "afterContent": None, "seconds": 3600.0},
    "malformed": {"afterEvents": 1, "afterContent": None},
    "missingDone": {"how": "end", "seconds": 0.0},
    "slowFirstToken": {"seconds": 1.0},
    "toolIsError": {"text": "the tool failed", "structured": None},
    "jsonRpcError": {"code": -32603, "message": "internal error", "data": None, "status": 200},
}
# action type -> the ways in which it can end the connection; the first is the default
HOW = {"cut": ("close", "reset", "end"), "missingDone": ("end", "close", "hold")}
MATCH_FIELDS = ("kind", "model", "server", "method", "tool", "stream", "prefill", "prompt", "turn")
FLAGS = ("stream", "prefill")


class BadFault(ValueError):
    """A rule that the admin API refuses; the text names the field."""


@dataclass
class Fault:
    """One rule with its counters."""

    id: str
    match: dict[str, Any]
    action: dict[str, Any]
    delay_seconds: float
    after: int
    every: int
    count: int | None
    expires: float | None  # monotonic
    seen: int = 0
    hits: int = 0

    def active(self) -> bool:
        return (self.count is None or self.hits < self.count) and (
            self.expires is None or time.monotonic() < self.expires
        )

    def matches(self, entry: Entry) -> bool:
        for name, wanted in self.match.items():
            if name in FLAGS:
                if getattr(entry, name) is not wanted:
                    return False
            elif name == "prompt":  # substring
                if wanted not in (entry.prompt or ""):
                    return False
            elif name == "turn":
                if entry.headers.get("x-agent-turn-id") != wanted:
                    return False
            elif not fnmatch.fnmatchcase(str(getattr(entry, name) or ""), wanted):
                return False
        # A fault on "mcp" alone means the tool calls: breaking the handshake takes an explicit method.
        return not (entry.kind == "mcp" and "method" not in self.match) or (
            entry.method == "tools/call"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "match": self.match,
            "action": self.action,
            "delaySeconds": self.delay_seconds,
            "after": self.after,
            "every": self.every,
            "count": self.count,
            "active": self.active(),
            "seen": self.seen,
            "hits": self.hits,
        }


def _number(raw: Any, name: str, low: float, whole: bool = False) -> Any:
    good = isinstance(raw, int if whole else (int, float)) and not isinstance(raw, bool)
    if not good or raw < low:
        raise BadFault(f"{name}: must be a {'whole ' if whole else ''}number of at least {low}")
    return raw


def parse_fault(raw: Any, fallback_id: str) -> Fault:
    """Checks one rule strictly, so that a typing error in a test is an error and not a fault less."""
    if not isinstance(raw, dict):
        raise BadFault("a fault must be an object")
    known = {"id", "match", "action", "after", "every", "count", "forSeconds", "delaySeconds"}
    if unknown := set(raw) - known:
        raise BadFault(f"unknown field {sorted(unknown)[0]}")
    match = raw.get("match", {})
    if not isinstance(match, dict) or (bad := set(match) - set(MATCH_FIELDS)):
        raise BadFault(f"match: only {', '.join(MATCH_FIELDS)} are known")
    for name, wanted in match.items():
        if not isinstance(wanted, bool if name in FLAGS else str):
            raise BadFault(f"match.{name}: wrong type")
    action = raw.get("action")
    if not isinstance(action, dict) or action.get("type") not in ACTIONS:
        raise BadFault(f"action.type: one of {', '.join(ACTIONS)}")
    fields = ACTIONS[action["type"]]
    if bad := set(action) - set(fields) - {"type"}:
        raise BadFault(f"action.{sorted(bad)[0]}: not a field of {action['type']}")
    action = {"type": action["type"], **fields, **{k: v for k, v in action.items() if k != "type"}}
    if "seconds" in action:
        _number(action["seconds"], "action.seconds", 0)
    for name in ("afterEvents", "afterContent"):
        if action.get(name) is not None:
            _number(action[name], f"action.{name}", 0, whole=True)
    if "status" in action and not 200 <= _number(action["status"], "action.status", 200, True) < 600:
        raise BadFault("action.status: must be 200 to 599")
    if "how" in action and action["how"] not in (ways := HOW[action["type"]]):
        raise BadFault(f"action.how: one of {', '.join(ways)}")
    seconds = raw.get("forSeconds")
    count = raw.get("count")
    return Fault(
        id=str(raw.get("id", fallback_id)),
        match=match,
        action=action,
        delay_seconds=_number(raw.get("delaySeconds", 0), "delaySeconds", 0),
        after=_number(raw.get("after", 0), "after", 0, whole=True),
        every=_number(raw.get("every", 1), "every", 1, whole=True),
        count=None if count is None else _number(count, "count", 1, whole=True),
        expires=None if seconds is None else time.monotonic() + _number(seconds, "forSeconds", 0),
    )


class FaultBook:
    """All rules, in order."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, raw: Any) -> list[Fault]:
        """Adds one rule or `{faults: [...]}`, all or none; a rule with a known id replaces the old one."""
        many = raw["faults"] if isinstance(raw, dict) and "faults" in raw else [raw]
        if not isinstance(many, list):
            raise BadFault("faults: must be a list")
        parsed = [parse_fault(one, f"fault-{next(self._ids)}") for one in many]
        replaced = {f.id for f in parsed}
        self._faults = [f for f in self._faults if f.id not in replaced] + parsed
        return parsed

    def remove(self, fault_id: str | None) -> int:
        """Removes one rule, or all; returns how many went."""
        before = len(self._faults)
        self._faults = [f for f in self._faults if fault_id is not None and f.id != fault_id]
        return before - len(self._faults)

    def pick(self, entry: Entry) -> Fault | None:
        """The rule that hits this request, with its counters moved; None if it goes through."""
        for fault in self._faults:
            if not fault.active() or not fault.matches(entry):
                continue
            fault.seen += 1
            if fault.seen <= fault.after or (fault.seen - fault.after - 1) % fault.every != 0:
                continue
            fault.hits += 1
            entry.fault, entry.action = fault.id, fault.action["type"]
            return fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        return [f.as_json() for f in self._faults]
