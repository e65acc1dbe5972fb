"""The agent as a service: POST /ask, and if TASKS_PER_MINUTE is set, questions of its own.

Environment: OPENAI_BASE_URL, OPENAI_API_KEY, ORDERS_MCP_URL, MODEL, PORT (8080), TASKS_PER_MINUTE (0).
One JSON line per task goes to stdout.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from .loop import RefundsAgent

MAX_RUNNING_TASKS = 64
SHUTDOWN_SECONDS = 15
QUESTIONS = (
    "Where is order {}?",
    "The customer wants a refund for order {}. In which state is it?",
    "What was the total of order {}?",
)


class Service:
    """Answers questions, its own and those of others, and logs each."""

    def __init__(self, agent: RefundsAgent) -> None:
        self._agent = agent
        self._numbers = itertools.count(1)
        self._running: set[asyncio.Task[Any]] = set()

    async def run_task(self, question: str) -> dict[str, Any]:
        """One task from question to answer; the result says what became of it."""
        number = next(self._numbers)
        started = time.monotonic()
        try:
            reply = await self._agent.ask(question)
            task = {"outcome": reply.outcome, "answer": reply.answer, "tools": reply.tool_calls}
        except Exception as problem:  # a failed task must not end the service
            task = {"outcome": "failed", "error": _describe(problem)}
        task = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "task": number,
            "question": question,
            "seconds": round(time.monotonic() - started, 3),
            **task,
        }
        print(json.dumps(task), flush=True)
        return task

    async def ask(self, request: web.Request) -> web.Response:
        try:
            question = (await request.json())["question"]
        except (ValueError, KeyError, TypeError):
            question = None
        if not isinstance(question, str) or not question:
            return web.json_response({"error": 'send {"question": "..."}'}, status=400)
        task = await self.run_task(question)
        return web.json_response(task, status=502 if task["outcome"] == "failed" else 200)

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def finish(self) -> None:
        """Lets the tasks of its own load end, as far as the time to shut down allows."""
        if self._running:
            await asyncio.wait(self._running, timeout=SHUTDOWN_SECONDS)

    async def generate(self, tasks_per_minute: float) -> None:
        """Asks its own questions at a steady rate, without waiting for the answers."""
        loop = asyncio.get_running_loop()
        next_at = loop.time()
        for number in itertools.count(1001):
            await asyncio.sleep(max(0.0, next_at - loop.time()))
            next_at = max(next_at + 60 / tasks_per_minute, loop.time())
            if len(self._running) >= MAX_RUNNING_TASKS:
                continue
            question = QUESTIONS[number % len(QUESTIONS)].format(number)
            task = asyncio.create_task(self.run_task(question))
            self._running.add(task)
            task.add_done_callback(self._running.discard)


def _describe(problem: BaseException) -> str:
    """The innermost cause: the MCP client wraps what went wrong in exception groups."""
    while isinstance(problem, BaseExceptionGroup) and len(problem.exceptions) == 1:
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}"[:400]


async def _application(tasks_per_minute: float) -> web.Application:
    agent = RefundsAgent()
    service = Service(agent)
    app = web.Application()
    app.router.add_post("/ask", service.ask)
    app.router.add_get("/healthz", service.health)

    async def background(_app: web.Application) -> Any:
        load = None
        if tasks_per_minute > 0:
            load = asyncio.create_task(service.generate(tasks_per_minute))
        yield
        if load is not None:
            load.cancel()
            await service.finish()
        await agent.close()

    app.cleanup_ctx.append(background)
    return app


def main() -> int:
    logging.basicConfig(level=logging.ERROR)
    missing = [n for n in ("OPENAI_API_KEY", "ORDERS_MCP_URL") if not os.environ.get(n)]
    if missing:
        print(f"agent: set {' and '.join(missing)}", file=sys.stderr)
        return 2
    tasks_per_minute = float(os.environ.get("TASKS_PER_MINUTE") or 0)
    port = int(os.environ.get("PORT") or 8080)
    host = os.environ.get("HOST") or "0.0.0.0"
    web.run_app(
        _application(tasks_per_minute),
        host=host,
        port=port,
        print=None,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    return 0
