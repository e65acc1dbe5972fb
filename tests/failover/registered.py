"""The cases that guard every change (`make failover`, `make test`): those that the product fulfils in every format."""

from __future__ import annotations

# Of documents.SECTIONS: what the policy of these cases has.
SECTIONS: tuple[str, ...] = ()
CASES: dict[str, tuple[str, ...]] = {
    "goal": ("S13",),
    "default": ("S08", "S09", "S13", "S14"),
    "extra": (
        "outage-budget", "outage-breaker", "sdk-retries", "open-circuit", "probes", "long-wait-alone",
        "one-deadline", "disconnect", "long-answer", "two-users", "overloaded-alone", "too-long-alone", "refusal-200",
        "plain-cut", "stream-reset",
    ),
    "self-test": ("S13",),
}  # fmt: skip
