"""What is sent: sizes, framing, and a policy that leads every kind of call to the upstream."""

import json
import unittest

import workload


def parts(message: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = message.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    return start, dict(line.split(": ", 1) for line in lines), body


class Workload(unittest.TestCase):
    def test_a_tool_call_has_the_size_that_is_claimed(self) -> None:
        start, head, body = parts(workload.tool_call("/mcp/orders", **{"x-bench": "tool"}))
        self.assertEqual(start, "POST /mcp/orders HTTP/1.1")
        self.assertEqual((len(body), head["Content-Length"]), (225, "225"))
        self.assertEqual(json.loads(body)["params"]["name"], "search_orders")
        self.assertEqual(head["x-bench"], "tool")

    def test_a_get_has_no_body(self) -> None:
        start, head, body = parts(workload.get("/shop/orders/81723"))
        self.assertEqual((start, body), ("GET /shop/orders/81723 HTTP/1.1", b""))
        self.assertNotIn("Content-Length", head)

    def test_a_chat_body_is_hardly_larger_than_asked_for(self) -> None:
        for size in (2048, 65536):
            _, head, body = parts(workload.request("/v1/chat/completions", workload.chat_body(size)))
            self.assertEqual(head["Content-Length"], str(len(body)))
            self.assertTrue(size <= len(body) < size + 200, len(body))

    def test_tools_are_at_the_upstream_if_they_are_called(self) -> None:
        def origins(policy: dict) -> list[str]:
            return [upstream["url"] for upstream in policy["upstreams"] if upstream["kind"] != "LLM"]

        at = "http://127.0.0.1:8000"
        self.assertEqual(origins(workload.document(f"{at}/v1", tools=at)), [f"{at}/mcp", f"{at}/shop"])
        self.assertEqual(origins(workload.document(f"{at}/v1")), ["http://127.0.0.1:9/mcp", "http://127.0.0.1:9/shop"])


if __name__ == "__main__":
    unittest.main()
