"""What the scripted model says. Pure: the same conversation gives the same answer.

The model offered a tool named `search` and asked about an order calls it; after the result it answers,
and if the result is an error it says that it could not check. A prompt can say more precisely what to do:

  [[call NAME {"json": "arguments"}]]   call this tool; several are called one after the other
  [[together NAME {"json": ...}]]       several of these are called in one message
  [[words 60]]                          length of the final text
  [[bytes 8000000]]                     the same for a very long one, in pieces of 4 KiB
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_DIRECTIVE = re.compile(r"\[\[(call|together)\s+([\w.-]+)\s*(\{.*?\})?\s*\]\]", re.DOTALL)
_WORDS = re.compile(r"\[\[words\s+(\d+)\s*\]\]")
_BYTES = re.compile(r"\[\[bytes\s+(\d+)\s*\]\]")
_PIECE_BYTES = 4096
_ORDER = re.compile(r"\border\s*#?\s*([A-Za-z]*-?\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class ToolCall:
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Conversation:
    """The part of a request that the script reads, the same for every provider format."""

    question: str  # the last message that the user wrote
    tool_names: Sequence[str]
    steps_taken: int  # assistant messages with tool calls since then
    results: Sequence[str] = field(default_factory=tuple)  # texts of the tool results since then


@dataclass(frozen=True)
class Answer:
    """Either tool calls or a final text."""

    text: str
    calls: Sequence[ToolCall] = ()
    kind: str = "final"  # final | tool_calls | could_not_check


def _planned_steps(talk: Conversation) -> list[list[ToolCall]]:
    steps: list[list[ToolCall]] = []
    together: list[ToolCall] | None = None
    for how, name, raw in _DIRECTIVE.findall(talk.question):
        try:
            arguments = json.loads(raw) if raw else {}
        except json.JSONDecodeError:
            arguments = {"query": raw}
        call = ToolCall(name, arguments)
        if how == "together":
            if together is None:
                together = []
                steps.append(together)
            together.append(call)
        else:
            together = None
            steps.append([call])
    if steps:
        return steps
    order = _ORDER.search(talk.question)
    if order and "search" in talk.tool_names:
        return [[ToolCall("search", {"query": order.group(1)})]]
    return []


def failure_of(result: str) -> str | None:
    """The reason if a tool result tells of a failure, else None."""
    try:
        parsed = json.loads(result)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        reason = parsed.get("error_type") or parsed.get("error")
        return str(reason) if reason else None
    lowered = result.lower()
    if lowered.startswith("error") or "circuit_open" in lowered or "the tool failed" in lowered:
        return result.strip().splitlines()[0][:120] if result.strip() else "error"
    return None


def next_answer(talk: Conversation) -> Answer:
    """The model's next message."""
    steps = _planned_steps(talk)
    if talk.steps_taken < len(steps):
        return Answer(text="", calls=tuple(steps[talk.steps_taken]), kind="tool_calls")
    failures = [reason for reason in map(failure_of, talk.results) if reason]
    if failures:
        return Answer(
            text=f"I could not check this right now ({failures[-1]}). Please ask again later.",
            kind="could_not_check",
        )
    words = _WORDS.search(talk.question)
    if words:
        return Answer(text=" ".join(f"word{i}" for i in range(1, int(words.group(1)) + 1)))
    if size := _BYTES.search(talk.question):
        return Answer(text=long_text(int(size.group(1))))
    if talk.results:
        return Answer(text="Here is what I found: " + "; ".join(talk.results))
    return Answer(text="You asked: " + talk.question[:200])


def long_text(size: int) -> str:
    """Exactly `size` characters: numbered words, each one piece of the stream."""
    words = (f"{i:07d}".ljust(_PIECE_BYTES - 1, "x") for i in range(size // _PIECE_BYTES + 1))
    return " ".join(words)[:size]


def pieces(text: str) -> list[str]:
    """Cuts a text into the deltas of a stream: words with the space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def token_count(value: Any) -> int:
    """A stand-in for a tokenizer: about four characters per token, at least one."""
    text = value if isinstance(value, str) else json.dumps(value)
    return max(1, len(text) // 4)
