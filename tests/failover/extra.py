"""What an extra case is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from verdict import Judgement
from world import World

ALONE = ("primary",)
PLAIN, STREAMED, BOTH = (False,), (True,), (False, True)


def nothing(_world: World) -> None:
    """For a case whose steps all follow each other in `drive`."""


@dataclass(frozen=True)
class Extra:
    id: str
    title: str
    drive: Callable[[World], None]
    judge: Callable[[World, Judgement], None]
    faults: Callable[[World], None] = nothing
    formats: tuple[str, ...] = ("chat", "claude")
    streams: tuple[bool, ...] = PLAIN
    sdk_retries: int = 0
    cross: bool = False  # the fallbacks speak another format
    settings: dict[str, Any] = field(default_factory=dict)
    about_seconds: float = 3.0
