"""What goes over the client's wire, below the SDK: heads, bytes and their times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx2


@dataclass
class HttpExchange:
    """One HTTP request of the SDK; an SDK that retries makes several for one call."""

    started: float  # monotonic, as all times here
    status: int | None = None
    headers: httpx2.Headers = field(default_factory=httpx2.Headers)
    head_at: float | None = None
    chunks: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.chunks)

    def first_time_of(self, mark: bytes) -> float | None:
        """When the first bytes that contain `mark` arrived."""
        return next((at for at, data in self.chunks if mark in data), None)


class _RecordedStream(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, exchange: HttpExchange) -> None:
        self._inner, self._exchange = inner, exchange

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._exchange.chunks.append((time.monotonic(), chunk))
            yield chunk

    def close(self) -> None:
        self._inner.close()


class RecordingTransport(httpx2.BaseTransport):
    """Passes everything through and keeps it in `exchanges`."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport(verify=False, trust_env=False)
        self.exchanges: list[HttpExchange] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = HttpExchange(time.monotonic())
        self.exchanges.append(exchange)
        response = self._inner.handle_request(request)
        exchange.status, exchange.headers = response.status_code, response.headers
        exchange.head_at = time.monotonic()
        stream = _RecordedStream(response.stream, exchange)
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    def close(self) -> None:
        self._inner.close()
