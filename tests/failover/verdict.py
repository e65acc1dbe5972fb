"""From what was seen to a verdict, as the failover suite's reference defines the four.

pass     rescued (or, where the fault must reach the client, delivered as it came), every check clean
partial  rescued, but an advisory check failed
safe     a bounded, clean error
fail     a hang, a cut answer shown as a success, or a required check that failed
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from clients import Call

TEMPLATE_MODEL = "agent-reliability/template"
WORDS = " ".join(f"word{i}" for i in range(1, 61))  # what [[words 60]] asks for


class Verdict(enum.IntEnum):
    """Worse is greater."""

    PASS = 0
    PARTIAL = 1
    SAFE = 2
    FAIL = 3

    def __str__(self) -> str:
        return self.name.lower()


class Outcome(enum.Enum):
    RESCUED = "rescued"
    ERROR = "error"
    FALSE_SUCCESS = "cut answer shown as a success"
    HANG = "hang"


def outcome_of(call: Call, hang_seconds: float, answer: str = WORDS) -> Outcome:
    """Of a call whose whole answer is known."""
    if call.hung or call.seconds > hang_seconds:
        return Outcome.HANG
    if call.error is not None or call.model == TEMPLATE_MODEL:
        return Outcome.ERROR  # a template says in its text and model that it is no answer
    if call.text == answer and call.finish in ("stop", "end_turn", "completed"):
        return Outcome.RESCUED
    return Outcome.FALSE_SUCCESS


@dataclass
class Judgement:
    """Collects what a judge sees."""

    outcomes: list[Outcome] = field(default_factory=list)
    failed_required: list[str] = field(default_factory=list)
    failed_advisory: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def required(self, holds: object, what: str) -> None:
        if not holds:
            self.failed_required.append(what)

    def advisory(self, holds: object, what: str) -> None:
        if not holds:
            self.failed_advisory.append(what)

    def outcome(self, *outcomes: Outcome) -> None:
        self.outcomes += outcomes

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def verdict(self) -> Verdict:
        bad = (Outcome.HANG, Outcome.FALSE_SUCCESS)
        if self.failed_required or any(o in bad for o in self.outcomes):
            return Verdict.FAIL
        if Outcome.ERROR in self.outcomes:
            return Verdict.SAFE
        return Verdict.PARTIAL if self.failed_advisory else Verdict.PASS

    def reasons(self) -> list[str]:
        """Why it is no pass, and what else is worth knowing."""
        bad = [o.value for o in dict.fromkeys(self.outcomes) if o is not Outcome.RESCUED]
        return [
            *bad,
            *(f"required: {text}" for text in self.failed_required),
            *(f"advisory: {text}" for text in self.failed_advisory),
            *self.notes,
        ]


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    return max(verdicts, default=Verdict.PASS)
