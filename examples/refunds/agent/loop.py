"""The agent loop: ask the model, run the tools that it asks for, ask again, until it answers.

Nothing here knows of timeouts, retries or breakers beyond what the two official SDKs do by themselves.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from openai import AsyncOpenAI

SYSTEM_PROMPT = (
    "You help the support team with orders and refunds. Use the tools to look things up. "
    "If a tool cannot be used, say what you could not check."
)
MAX_STEPS = 8


@dataclass
class Reply:
    """What the agent answered, and how it got there."""

    answer: str
    tool_calls: list[str] = field(default_factory=list)
    failed_tools: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        return "could_not_check" if self.failed_tools else "answered"


class RefundsAgent:
    """One agent; its questions are independent of each other and may run at the same time."""

    def __init__(self) -> None:
        self._llm = AsyncOpenAI()  # reads OPENAI_BASE_URL and OPENAI_API_KEY
        self._model = os.environ.get("MODEL", "gpt-4o")
        self._orders_url = os.environ["ORDERS_MCP_URL"]

    async def ask(self, question: str) -> Reply:
        """Answers one question. Raises what the SDKs raise if the model or the tools stay away."""
        async with Client(self._orders_url) as orders:
            listed = await orders.list_tools()
            tools = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description or "",
                        "parameters": tool.input_schema,
                    },
                }
                for tool in listed.tools
            ]
            return await self._converse(orders, tools, question)

    async def _converse(self, orders: Client, tools: list[Any], question: str) -> Reply:
        messages: list[Any] = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": question},
        ]
        reply = Reply(answer="")
        for _ in range(MAX_STEPS):
            completion = await self._llm.chat.completions.create(
                model=self._model, messages=messages, tools=tools
            )
            message = completion.choices[0].message
            if not message.tool_calls:
                reply.answer = message.content or ""
                return reply
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls:
                reply.tool_calls.append(call.function.name)
                text, failed = await _run_tool(orders, call.function.name, call.function.arguments)
                if failed:
                    reply.failed_tools.append(call.function.name)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
        reply.answer = "I did not come to an answer."
        return reply

    async def close(self) -> None:
        await self._llm.close()


async def _run_tool(orders: Client, name: str, raw_arguments: str) -> tuple[str, bool]:
    """Calls one tool; a failure becomes a text that the model can read."""
    try:
        result = await orders.call_tool(name, json.loads(raw_arguments or "{}"))
    except Exception as problem:  # the model shall hear of it, whatever it is
        return f"error: {problem}", True
    text = "\n".join(part.text for part in result.content if part.type == "text")
    return text, bool(result.is_error)
