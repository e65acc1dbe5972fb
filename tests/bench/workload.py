"""The sidecar's policy in the benchmarks: Enforce, and everything that a call can pass is there."""

from __future__ import annotations

import json
import pathlib

CHAT_PATH = "/llm/openai/v1/chat/completions"
# What is asked for by kind of call: at the sidecar, elsewhere.
PATHS = {"get": ("/tools/shop/orders/81723", "/shop/orders/81723"), "mcp": ("/mcp/orders", "/mcp")}
TOOL_CALL_BYTES = 225


def _breaker(scope: str) -> dict:
    return {
        "name": scope.lower(), "scope": scope, "match": {"upstreams": [], "tools": [], "models": []},
        "trip": {"consecutiveFailures": 5, "failurePercent": 50, "minCalls": 20, "windowMs": 60_000},
        "openForMs": 60_000, "maxOpenForMs": 300_000, "halfOpen": {"maxProbes": 2, "successes": 2},
    }  # fmt: skip


def document(upstream: str, ca_file: str = "", tools: str = "") -> dict:
    """`upstream`: where the provider is, with its path; `tools`: the origin of the tools (none: nothing is there)."""
    other = "http://127.0.0.1:9"
    tools = tools or other
    provider = {"kind": "LLM", "name": "openai", "format": "OpenAI", "url": upstream}
    if ca_file:
        provider["caFile"] = ca_file
    return {
        "schema": "1.0", "workload": "bench/Deployment/agent", "enforcement": "Enforce",
        "upstreams": [
            provider,
            {"kind": "LLM", "name": "backup", "format": "OpenAI", "url": f"{other}/v1"},
            {"kind": "MCP", "name": "orders", "url": f"{tools}/mcp"},
            {"kind": "HTTP", "name": "shop", "url": f"{tools}/shop"},
        ],
        "turn": {"timeoutMs": 15_000, "synthesisReserveMs": 3_000},
        "timeouts": {"llmMs": 10_000, "toolMs": 5_000, "connectMs": 1_000, "firstTokenMs": 8_000,
                     "streamIdleMs": 5_000, "toolOverrides": []},
        "retries": {"maxRetries": 2, "backoff": {"baseMs": 200, "maxMs": 2_000},
                    "budget": {"percent": 20, "intervalMs": 10_000, "minRetries": 3},
                    "retryAfter": {"honor": True, "maxMs": 3_000}, "onFailureWithinMs": 3_000},
        "circuitBreakers": [_breaker(scope) for scope in ("Tool", "Provider", "Model")],
        "slos": [
            {"key": "slo-tasks/00000001", "name": "tasks", "type": "TaskSuccess"},
            {"key": "slo-tools/00000002", "name": "tools", "type": "ToolCallSuccess"},
            {"key": "slo-latency/00000003", "name": "latency", "type": "TurnLatency", "thresholdMs": 10_000},
        ],
        "fallbackChain": {
            "name": "bench",
            "tiers": [{"name": "primary", "upstream": "openai", "model": "bench-1", "largerContext": False,
                       "credential": "key-primary"},
                      {"name": "secondary", "upstream": "backup", "model": "bench-2", "largerContext": False,
                       "credential": "key-secondary"}],
            "stickyMs": 60_000, "onMidStreamFailure": "Error",
            "terminal": {"type": "StaticResponse", "text": "The service is not available now."},
        },
    }  # fmt: skip


def sidecar_argv(binary: pathlib.Path, policy: str) -> list[str]:
    """Ports are taken from the kernel: its first line says which."""
    state = pathlib.Path(policy).parent / "state"
    state.mkdir(exist_ok=True)
    return [str(binary), "--policy", policy, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
            "--state-dir", str(state), "--termination-log", str(state / "termination.log")]  # fmt: skip


def write(folder: pathlib.Path, name: str, policy: dict) -> str:
    path = folder / name
    for tier in policy.get("fallbackChain", {}).get("tiers", []):
        (folder / tier["credential"]).write_text("bench-key", encoding="utf-8")
    path.write_text(json.dumps(policy, sort_keys=True, separators=(",", ":")), encoding="utf-8")
    return str(path)


def chat_body(size: int, stream: bool = False) -> bytes:
    """A chat completion request of about `size` bytes: a system prompt and a conversation."""
    messages = [{"role": "system", "content": "You are a careful refunds agent. Answer from the tools' results only."}]
    body: dict = {"model": "bench-1", "messages": messages, "temperature": 0.2, "max_tokens": 512}
    if stream:
        body["stream"] = True
    turn = 0
    while len(json.dumps(body)) < size:
        room = size - len(json.dumps(body))
        text = ("Where is order 81723, and may it still be refunded? " * 6)[: max(10, min(300, room - 40))]
        messages.append({"role": ("user", "assistant")[turn % 2], "content": text})
        turn += 1
    if messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": "And now?"})
    return json.dumps(body).encode()


def request(path: str, body: bytes, **fields: str) -> bytes:
    """What an SDK sends, as bytes."""
    return _message(f"POST {path}", body, {
        "Host": "127.0.0.1", "Accept": "application/json", "Content-Type": "application/json",
        "User-Agent": "OpenAI/Python 1.99.1", "Authorization": "Bearer bench-0123456789abcdef0123456789abcdef",
        "X-Stainless-Lang": "python", "X-Stainless-Retry-Count": "0", "X-Stainless-Read-Timeout": "600",
        "Content-Length": str(len(body)), **fields,
    })  # fmt: skip


def get(path: str, **fields: str) -> bytes:
    """An agent's own call of an HTTP tool."""
    return _message(f"GET {path}", b"", {
        "Host": "127.0.0.1", "Accept": "application/json", "User-Agent": "python-httpx/0.28.1",
        "Authorization": "Bearer bench-0123456789abcdef0123456789abcdef", **fields,
    })  # fmt: skip


def tool_call(path: str, **fields: str) -> bytes:
    """An MCP tools/call of 225 bytes, as a client of the streamable HTTP transport sends it."""
    start = ('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search_orders",'
             '"arguments":{"customer":"C-81723","status":"open","query":"')  # fmt: skip
    body = f"{start:w<{TOOL_CALL_BYTES - 4}}\"}}}}}}".encode()
    return _message(f"POST {path}", body, {
        "Host": "127.0.0.1", "Accept": "application/json, text/event-stream", "Content-Type": "application/json",
        "User-Agent": "python-httpx/0.28.1", "MCP-Protocol-Version": "2025-06-18", "Content-Length": str(len(body)),
        **fields,
    })  # fmt: skip


def _message(start: str, body: bytes, head: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{start} HTTP/1.1\r\n{lines}\r\n".encode() + body
