"""The policy documents of the suite: everything that depends on the names of their fields is here."""

from __future__ import annotations

import copy
from typing import Any

# Sections of the document that one can leave out, to see what the rest is worth.
SECTIONS = ("retries", "fallback")
DEFAULT_SETTINGS: dict[str, Any] = {"tiers": ("primary", "secondary"), "on_mid_stream_failure": "Error"}

_SUFFIX = {"OpenAI": "/v1", "Anthropic": ""}
# Per kind of call one breaker that takes everything, as the operator renders them.
_SCOPES = ("Tool", "Provider", "Model")
BREAKER_OFF = {"consecutiveFailures": 1000, "failurePercent": 100, "minCalls": 10_000}


def credential_file(tier: str) -> str:
    """Beside policy.json: the key with which a tier of another origin is called."""
    return f"key-{tier}"


def _breaker(scope: str, open_ms: int, max_open_ms: int, trip: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": scope.lower(),
        "scope": scope,
        "match": {"upstreams": [], "tools": [], "models": []},
        "trip": {"consecutiveFailures": 3, "failurePercent": 50, "minCalls": 5, "windowMs": 60_000, **trip},
        "openForMs": open_ms,
        "maxOpenForMs": max_open_ms,
        "halfOpen": {"maxProbes": 2, "successes": 2},
    }


def document(
    urls: dict[str, str], models: dict[str, str], formats: dict[str, str], sections: tuple[str, ...] = SECTIONS,
    **settings: Any,
) -> dict[str, Any]:  # fmt: skip
    """The defaults of the product, changed by `settings`.

    `formats` are those of the tiers, OpenAI or Anthropic.

    tiers                  names, first one first; one tier means: no fallback
    on_mid_stream_failure  Error | RestartIfOnlyText
    sticky_seconds         how long later turns stay on a tier that served
    last_words             what the last resort says; without it the chain ends in an error
    larger_context         names of the tiers that take longer prompts
    open_seconds           (openFor, maxOpenFor) of the LLM breakers
    trip                   changes of their trip rule
    swapped                {name: whose URL it has instead of its own}
    costs                  {"cost": …, "prices": …}: budgets
    retries, turn, timeouts: changes of those objects;  enforcement: Observe | Enforce
    """
    settings = {**DEFAULT_SETTINGS, **copy.deepcopy(settings)}
    tiers = settings.pop("tiers")
    urls = {name: urls[settings.get("swapped", {}).get(name, name)] for name in urls}
    settings.pop("swapped", None)
    open_for, max_open_for = (int(s * 1000) for s in settings.pop("open_seconds", (30, 300)))
    trip = settings.pop("trip", {})
    larger = settings.pop("larger_context", ("larger",))
    mid_stream = settings.pop("on_mid_stream_failure")
    sticky_seconds = settings.pop("sticky_seconds", 60)
    last_words = settings.pop("last_words", "")
    changed_retries = settings.pop("retries", {})
    result: dict[str, Any] = {
        "schema": "1.0",
        "workload": "support/Deployment/refunds-agent",
        "enforcement": settings.pop("enforcement", "Enforce"),
        "upstreams": [
            {"kind": "LLM", "name": name, "format": formats[name], "url": url + _SUFFIX[formats[name]]}
            for name, url in urls.items()
        ],
        "turn": {"timeoutMs": 15_000, "synthesisReserveMs": 3_000, **settings.pop("turn", {})},
        "timeouts": {
            "llmMs": 10_000, "toolMs": 5_000, "connectMs": 1_000, "firstTokenMs": 8_000, "streamIdleMs": 5_000,
            "toolOverrides": [], **settings.pop("timeouts", {}),
        },
        "circuitBreakers": [_breaker(s, open_for, max_open_for, {} if s == "Tool" else trip) for s in _SCOPES],
        "slos": [{"key": "slo-tasks/00000001", "name": "tasks", "type": "TaskSuccess"}],
    }  # fmt: skip
    result.update(settings.pop("costs", {}))
    if "retries" in sections:
        result["retries"] = _retries(changed_retries)
    if "fallback" in sections and len(tiers) > 1:
        result["fallbackChain"] = {
            "name": "suite",
            "tiers": [
                {
                    "name": name, "upstream": name, "model": models[name], "largerContext": name in larger,
                    "credential": credential_file(name),
                }
                for name in tiers
            ],
            "stickyMs": int(sticky_seconds * 1000),
            "onMidStreamFailure": mid_stream,
            "terminal": {"type": "StaticResponse", "text": last_words} if last_words else {"type": "Reject"},
        }  # fmt: skip
    if settings:
        raise ValueError(f"unknown settings {sorted(settings)}")
    return result


def _retries(changes: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "maxRetries": 2,
        "backoff": {"baseMs": 200, "maxMs": 2_000},
        "budget": {"percent": 20, "intervalMs": 10_000, "minRetries": 3},
        "retryAfter": {"honor": True, "maxMs": 3_000},
        "onFailureWithinMs": 3_000,
    }
    for name, value in changes.items():
        result[name] = {**result[name], **value} if isinstance(value, dict) else value
    return result
