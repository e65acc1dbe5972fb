"""The cases beside S01 to S16. Each passes or fails; times that depend on the machine are reported, not judged."""

from __future__ import annotations

import extras_cost
import extras_kill
import extras_llm
import extras_load
import extras_time
import extras_turn
from extra import Extra

EXTRAS: tuple[Extra, ...] = (
    *extras_load.CASES, *extras_turn.CASES, *extras_time.CASES, *extras_llm.CASES, *extras_cost.CASES,
    *extras_kill.CASES,
)  # fmt: skip
__all__ = ["EXTRAS", "Extra"]
