"""Error bodies as the providers send them."""

from __future__ import annotations

from typing import Any

POLICY_REASON = "rejected by our safety system"
PREFILL_REASON = "does not support assistant message prefill"
BROKEN_EVENT = b'data: {"broken":'


def _error(wire: str, message: str, code: str | None) -> dict[str, Any]:
    if wire == "claude":
        error = {"type": "invalid_request_error", "message": message}
        return {"type": "error", "error": error, "request_id": "req_simulated"}
    return {"error": {"message": message, "type": "invalid_request_error", "param": "messages", "code": code}}


def context_length(wire: str) -> dict[str, Any]:
    if wire == "claude":
        return _error(wire, "prompt is too long: 208310 tokens > 200000 maximum", None)
    text = "This model's maximum context length is 128000 tokens. However, your messages resulted in 208310 tokens."
    return _error(wire, text, "context_length_exceeded")


def content_policy(wire: str) -> dict[str, Any]:
    return _error(wire, f"Your request was {POLICY_REASON}.", "content_policy_violation")


def prefill_rejected(wire: str) -> dict[str, Any]:
    return _error(wire, f"This model {PREFILL_REASON}. The conversation must end with a user message.", None)


def claude_refusal() -> dict[str, Any]:
    """A whole answer in which the model declines."""
    return {
        "id": "msg_refused",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus",
        "content": [],
        "stop_reason": "refusal",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    }
