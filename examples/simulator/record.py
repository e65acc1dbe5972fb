"""The record: one entry for every request the simulator received, and sums over them.

Everything runs on the one event loop, so nothing here is locked. `received` counts are taken when a
request arrives, verdict counts when its answer is finished, and both survive the entry limit: the
entries are a bounded window, the sums are exact.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

# Headers worth keeping. Credentials are never stored, only whether one was sent and a digest to tell them apart.
KEPT_HEADERS = (
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "content-type",
    "x-agent-turn-id",
    "x-agent-id",
    "x-agent-session-id",
    "x-agent-deadline-ms",
    "baggage",
    "traceparent",
    "x-stainless-retry-count",
    "openai-organization",
    "openai-project",
    "idempotency-key",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "anthropic-version",
    "via",
    "connection",
)


LLM_KINDS = ("openai", "responses", "anthropic")
HIDDEN = ("started", "verdict_hint")


def digest(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()[:12]


@dataclass
class Entry:
    """One request. `verdict` is None while the answer is still being made."""

    seq: int
    kind: str  # openai | responses | anthropic | mcp | http | other
    path: str
    received_at: float  # Unix time, seconds
    headers: dict[str, str]
    has_credentials: bool
    credential_digest: str | None = None
    model: str | None = None
    server: str | None = None
    method: str | None = None  # JSON-RPC method, or the HTTP verb of an HTTP tool
    tool: str | None = None
    stream: bool = False
    prefill: bool = False  # the last message is the assistant's: the model is to go on from there
    prompt: str | None = None
    arguments: Any = None
    fault: str | None = None
    action: str | None = None
    status: int | None = None
    # ok | error | tool_error | jsonrpc_error | malformed | cut | reset | client_closed
    verdict: str | None = None
    answer: str | None = None  # LLM only: tool_calls | final | could_not_check
    tool_call_ids: list[str] = field(default_factory=list)
    usage: dict[str, int] | None = None  # LLM only: the {input, output} tokens of the answer
    events_sent: int = 0
    duration_ms: float | None = None
    verdict_hint: str | None = None  # set where a fault strikes; becomes the verdict
    started: float = 0.0  # monotonic

    def key(self) -> str:
        """The name under which this request is summed up, shaped like the sidecar's resource keys."""
        if self.kind in LLM_KINDS:
            return f"llm:{self.kind}/{self.model}"
        if self.kind == "mcp":
            name = self.tool if self.method == "tools/call" else f"({self.method})"
            return f"mcp:{self.server}/{name}"
        if self.kind == "http":
            return f"http:{self.tool}"
        return f"other:{self.path}"

    def as_json(self) -> dict[str, Any]:
        out = {k: v for k, v in self.__dict__.items() if k not in HIDDEN and v is not None}
        out["key"] = self.key()
        return out


class Record:
    """Bounded list of entries plus exact sums since the last reset."""

    def __init__(self, max_entries: int) -> None:
        self._entries: collections.deque[Entry] = collections.deque(maxlen=max_entries)
        self._next_seq = 1
        self._changed = asyncio.Event()
        self.clear()

    def clear(self) -> None:
        """Forgets entries and sums. Requests still running are not counted when they finish."""
        self._entries.clear()
        self._received: collections.Counter[str] = collections.Counter()
        self._verdicts: dict[str, collections.Counter[str]] = {}
        self._answers: collections.Counter[str] = collections.Counter()
        self._first_seq = self._next_seq
        self._finished = 0
        self._since = time.time()
        self._signal()

    def begin(self, kind: str, path: str, headers: Any) -> Entry:
        """Opens the entry of a request whose body has not been read yet; `admit` completes it."""
        credential = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        entry = Entry(
            seq=self._next_seq,
            kind=kind,
            path=path,
            received_at=time.time(),
            headers={h: headers[h] for h in KEPT_HEADERS if h in headers},
            has_credentials=bool(credential),
            credential_digest=digest(credential) if credential else None,
            started=time.monotonic(),
        )
        self._next_seq += 1
        self._entries.append(entry)
        return entry

    def admit(self, entry: Entry) -> None:
        """Counts the request as received, once what it asks for is known."""
        if entry.seq >= self._first_seq:
            self._received[entry.key()] += 1
            self._signal()

    def finish(self, entry: Entry, verdict: str) -> None:
        """Closes the entry. Only the first verdict counts."""
        if entry.verdict is not None:
            return
        entry.verdict = verdict
        entry.duration_ms = round((time.monotonic() - entry.started) * 1000, 3)
        if entry.seq >= self._first_seq:
            self._finished += 1
            self._verdicts.setdefault(entry.key(), collections.Counter())[verdict] += 1
            if entry.answer is not None and verdict == "ok":
                self._answers[entry.answer] += 1
        self._signal()

    def select(self, since: int, limit: int, **equal: str) -> list[dict[str, Any]]:
        """Entries with seq > since whose fields equal the given strings, oldest first."""
        out = []
        for entry in self._entries:
            if entry.seq > since and all(str(getattr(entry, k)) == v for k, v in equal.items()):
                out.append(entry.as_json())
                if len(out) >= limit:
                    break
        return out

    def counts(self) -> dict[str, Any]:
        received = sum(self._received.values())
        return {
            "since": self._since,
            "received": received,
            "finished": self._finished,
            "running": received - self._finished,
            "kept": len(self._entries),
            "llmAnswers": dict(self._answers),
            "keys": {
                key: {"received": n, **self._verdicts.get(key, {})}
                for key, n in sorted(self._received.items())
            },
        }

    async def wait(self, matches: Any, minimum: int, timeout: float) -> bool:
        """Waits until at least `minimum` kept entries satisfy `matches`; False on timeout."""
        deadline = time.monotonic() + timeout
        while sum(1 for e in self._entries if matches(e)) < minimum:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), left)
            except TimeoutError:
                return False
        return True

    def _signal(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
