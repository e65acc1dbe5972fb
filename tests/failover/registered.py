"""The cases that guard every change (`make failover`, `make test`): those that the product fulfils in every format."""

from __future__ import annotations

# Of documents.SECTIONS: what the policy of these cases has.
SECTIONS: tuple[str, ...] = ("retries",)
_RESCUED = ("S01", "S03", "S05", "S11", "S13")
CASES: dict[str, tuple[str, ...]] = {
    "goal": _RESCUED,
    "default": (*_RESCUED, "S08", "S09", "S14"),
    "extra": (
        "outage-budget", "outage-breaker", "sdk-retries", "open-circuit", "probes", "jitter", "long-wait-alone",
        "one-deadline", "disconnect", "two-users", "long-answer", "overloaded-alone", "too-long-alone", "refusal-200",
        "plain-cut", "stream-reset", "stream-clean-cut", "held-open",
    ),
    "self-test": _RESCUED,
}  # fmt: skip
