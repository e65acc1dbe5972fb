"""policy.json and mode.json as the operator would write them, with short times."""

from __future__ import annotations

import copy
from typing import Any

TASKS = "slo-tasks/00000001"
TOOL_CALLS = "slo-tools/00000002"
SEARCH_CALLS = "slo-search/00000003"
LATENCY = "slo-latency/00000004"


def breaker(scope: str, **changes: Any) -> dict[str, Any]:
    """A breaker that takes every call of its scope."""
    entry = {
        "name": scope.lower(),
        "scope": scope,
        "match": {"upstreams": [], "tools": [], "models": []},
        "trip": {"consecutiveFailures": 3, "failurePercent": 50, "minCalls": 5, "windowMs": 60000},
        "openForMs": 60000,
        "maxOpenForMs": 300000,
        "halfOpen": {"maxProbes": 2, "successes": 2},
    }
    entry["trip"].update(changes.pop("trip", {}))
    entry.update(changes)
    return entry


# A breaker that never trips in a test.
NEVER = {"consecutiveFailures": 1000, "failurePercent": 100, "minCalls": 10000}


def policy(upstream: str, **changes: Any) -> dict[str, Any]:
    """The usual document; `changes` replace top-level fields, `turn`, `timeouts` and `retries` are merged."""
    document: dict[str, Any] = {
        "schema": "1.0",
        "workload": "support/Deployment/refunds-agent",
        "enforcement": "Enforce",
        "upstreams": [
            {"kind": "LLM", "name": "openai", "format": "OpenAI", "url": f"{upstream}/v1"},
            {"kind": "LLM", "name": "claude", "format": "Anthropic", "url": upstream},
            {"kind": "MCP", "name": "orders", "url": f"{upstream}/mcp"},
            {"kind": "HTTP", "name": "shop", "url": f"{upstream}/tools/shop"},
        ],
        "turn": {"timeoutMs": 15000, "synthesisReserveMs": 3000},
        "timeouts": {
            "llmMs": 10000,
            "toolMs": 5000,
            "connectMs": 1000,
            "firstTokenMs": 8000,
            "streamIdleMs": 5000,
            "toolOverrides": [],
        },
        "retries": {"maxRetries": 0},  # tests of retries ask for them
        "circuitBreakers": [breaker("Tool"), breaker("Provider"), breaker("Model")],
        "slos": [
            {"key": TASKS, "name": "tasks", "type": "TaskSuccess"},
            {"key": TOOL_CALLS, "name": "tools", "type": "ToolCallSuccess"},
            {"key": SEARCH_CALLS, "name": "search", "type": "ToolCallSuccess", "tool": "orders/search"},
            {"key": LATENCY, "name": "latency", "type": "TurnLatency", "thresholdMs": 10000},
        ],
    }
    for name in ("turn", "timeouts", "retries"):
        document[name].update(changes.pop(name, {}))
    # As the operator does: the defaults are clipped to the turn.
    limits, turn = document["timeouts"], document["turn"]
    for name, value in limits.items():
        if isinstance(value, int):
            limits[name] = min(value, turn["timeoutMs"])
    turn["synthesisReserveMs"] = min(turn["synthesisReserveMs"], turn["timeoutMs"] // 5)
    document.update(copy.deepcopy(changes))
    return document


def mode(name: str, generation: int = 1, **fields: Any) -> dict[str, Any]:
    document = {
        "schema": "1.0",
        "leaderEpoch": 1,
        "generation": generation,
        "mode": name,
        "cause": "" if name == "Normal" else "refunds-completed/stop",
        "retryAfterMs": 30000,
    }
    if name != "Normal":
        document["validUntil"] = "2126-01-01T00:00:00Z"
    document.update(fields)
    return document
