#pragma once
// The requests that the micro-benchmarks read.
#include <string>

namespace reliability::bench {

// A chat completion of about `bytes`, with the fields that a proxy needs behind the messages.
inline std::string ChatBody(std::size_t bytes) {
  std::string body =
      R"({"messages":[{"role":"system","content":"You are a careful refunds agent."})";
  for (int turn = 0; body.size() + 400 < bytes; ++turn) {
    body +=
        turn % 2 == 0 ? R"(,{"role":"user","content":")" : R"(,{"role":"assistant","content":")";
    for (int i = 0; i < 6; ++i) {
      body += "Where is order 81723, and may it still be refunded? ";
    }
    body += "\"}";
  }
  body += R"(,{"role":"user","content":"And now?"}],"temperature":0.2,"max_tokens":512,)"
          R"("model":"bench-1","stream":true})";
  return body;
}

// What the Python SDK sends.
inline std::string RequestHead() {
  return "POST /llm/openai/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:15100\r\n"
         "Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
         "Content-Type: application/json\r\nUser-Agent: OpenAI/Python 1.99.1\r\n"
         "X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.99.1\r\n"
         "X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n"
         "X-Stainless-Runtime-Version: 3.11.7\r\nX-Stainless-Async: false\r\n"
         "X-Stainless-Retry-Count: 0\r\nX-Stainless-Read-Timeout: 600\r\n"
         "Authorization: Bearer sk-0123456789abcdef0123456789abcdef\r\nContent-Length: "
         "2048\r\n\r\n";
}

inline std::string ResponseHead() {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n"
         "Date: Wed, 25 Nov 2026 12:00:00 GMT\r\nopenai-processing-ms: 420\r\n"
         "openai-version: 2020-10-01\r\nx-request-id: req_0123456789abcdef\r\n"
         "x-ratelimit-limit-requests: 10000\r\nx-ratelimit-remaining-requests: 9999\r\n\r\n";
}

}  // namespace reliability::bench
