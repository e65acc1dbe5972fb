"""Malformed HTTP from an agent is refused, and not a byte of it reaches the upstream."""

from __future__ import annotations

import json
import socket
import unittest

from harness import SidecarTest, ask
from processes import http

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
HEAD = "POST /llm/openai/v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"


class BadInput(SidecarTest):
    def setUp(self) -> None:
        super().setUp()
        self.start()

    def send(self, raw: str | bytes, timeout: float = 20) -> bytes:
        """The whole answer; the sidecar has to close the connection."""
        data = raw if isinstance(raw, bytes) else raw.replace("{host}", f"127.0.0.1:{self.sidecar.port}").encode()
        received = b""
        with socket.create_connection(("127.0.0.1", self.sidecar.port), timeout=timeout) as sock:
            try:
                sock.sendall(data)
                while chunk := sock.recv(65536):
                    received += chunk
            except (ConnectionResetError, BrokenPipeError):
                pass  # closed while bytes of ours were still unread
        return received

    def assert_refused(self, raw: str | bytes, *statuses: int) -> None:
        answer = self.send(raw)
        self.assertTrue(answer.startswith(b"HTTP/1.1 "), answer[:80])
        self.assertIn(int(answer.split(b" ", 2)[1]), statuses, answer[:200])
        self.assertEqual(self.simulator.counts()["received"], 0)

    def test_ambiguous_framing(self) -> None:
        size = len(BODY)
        for name, headers in (
            ("CL and TE", f"content-length: {size}\r\ntransfer-encoding: chunked\r\n"),
            ("two CL", f"content-length: {size}\r\ncontent-length: {size}\r\n"),
            ("two different CL", f"content-length: {size}\r\ncontent-length: {size + 1}\r\n"),
            ("list CL", f"content-length: {size}, {size}\r\n"),
            ("signed CL", f"content-length: +{size}\r\n"),
            ("identity TE", "transfer-encoding: chunked, identity\r\n"),
            ("unknown TE", "transfer-encoding: gzip\r\n"),
            ("folded header", f"x-a: 1\r\n  2\r\ncontent-length: {size}\r\n"),
            ("space before colon", f"content-length : {size}\r\n"),
            ("control character", f"x-a: a\x01b\r\ncontent-length: {size}\r\n"),
        ):
            with self.subTest(name):
                self.assert_refused(HEAD + headers + "\r\n" + BODY, 400, 501)

    def test_bare_line_feeds(self) -> None:
        self.assert_refused((HEAD + f"content-length: {len(BODY)}\r\n\r\n").replace("\r\n", "\n") + BODY, 400)

    def test_no_http(self) -> None:
        self.assert_refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400)
        self.assert_refused("GET\r\n\r\n", 400)

    def test_bad_chunks(self) -> None:
        self.assert_refused(HEAD + "transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400)

    def test_huge_header(self) -> None:
        self.assert_refused(HEAD + "x-big: " + "a" * (1024 * 1024) + "\r\n\r\n", 431, 400)

    def test_foreign_host(self) -> None:
        raw = HEAD.replace("{host}", "evil.example") + f"content-length: {len(BODY)}\r\nconnection: close\r\n\r\n" + BODY
        self.assert_refused(raw, 403)

    def test_it_goes_on_afterwards(self) -> None:
        self.send("nonsense\r\n\r\n")
        ask(self.openai(), "hi")
        self.assertEqual(http(self.sidecar.admin + "/healthz")[0], 200)


if __name__ == "__main__":
    unittest.main()
