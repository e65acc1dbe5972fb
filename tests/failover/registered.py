"""The cases that guard every change (`make failover`, `make test`): those that the product fulfils."""

from __future__ import annotations

from wrong import WRONG_EXTRAS

# Of documents.SECTIONS: what the policy of these cases has.
SECTIONS: tuple[str, ...] = ("retries", "fallback")
_RESCUED = (
    "S01", "S02", "S03", "S04", "S05", "S06", "S07", "S10", "S11", "S12", "S13", "S15", "S16",
)  # fmt: skip
_AFTER_THE_FIRST_TOKEN = ("S08", "S09", "S14")
CASES: dict[str, tuple[str, ...]] = {
    "goal": (*_RESCUED, *_AFTER_THE_FIRST_TOKEN),
    "cross": ("S02", "S04", "S06", "S07", "S08", "S09", "S12", "S14", "S16"),
    "default": (*_RESCUED, *_AFTER_THE_FIRST_TOKEN),
    "extra": (
        "outage-budget", "outage-breaker", "outage-probes", "sdk-retries", "open-circuit", "probes", "jitter",
        "long-wait-fallback", "long-wait-alone", "one-deadline", "disconnect", "two-users", "one-deadline-responses",
        "two-users-responses", "own-stall", "end-with-notice", "long-answer", "long-event",
        "fallback-tool-call", "cross-tool-call", "cross-tool-loop", "cross-keys", "cross-refused", "cross-errors",
        "cross-half", "untranslatable", "keys", "last-resort", "overloaded-alone", "too-long-alone", "refusal-200",
        "plain-cut", "stream-reset", "stream-clean-cut", "malformed-tool-call", "held-open", "budget-refused",
        "budget-template", "kill", "kill-breaker",
    ),
    "self-test": (*_RESCUED, *_AFTER_THE_FIRST_TOKEN, *WRONG_EXTRAS, "crash"),
}  # fmt: skip
