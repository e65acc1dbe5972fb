#include "tests/bench/wire/answers.h"

#include <array>
#include <cstdio>

namespace reliability::bench {
namespace {

constexpr std::size_t kChatBytes = 1024;
constexpr int kManyEvents = 64;

std::string ChatBody() {
  std::string body =
      R"({"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench-1",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string end =
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":420,"completion_tokens":180,)"
      R"("total_tokens":600}})";
  while (body.size() + end.size() < kChatBytes) {
    body += "abcdefgh ijklmno pqrstuv wxyz 01"[body.size() % 32];
  }
  return body + end;
}

std::string Reply(const char* status, const std::string& body) {
  return std::string("HTTP/1.1 ") + status +
         "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string Chunk(const std::string& data) {
  std::array<char, 16> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  return size.data() + data + "\r\n";
}

}  // namespace

Answers MakeAnswers() {
  Answers answers;
  answers.chat = Reply("200 OK", ChatBody());
  answers.tool =
      Reply("200 OK", R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":)"
                      R"("2 open orders: 81723 is shipped, 49.00 EUR; 81731 is paid, 12.50 EUR"}],)"
                      R"("isError":false}})");
  answers.failure = Reply("503 Service Unavailable",
                          R"({"error":{"message":"overloaded","type":"server_error"}})");
  answers.limited = Reply("429 Too Many Requests",
                          R"({"error":{"message":"slow down","type":"rate_limit_error"}})");
  answers.last_part =
      Chunk(R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,)"
            R"("model":"bench-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],)"
            R"("usage":{"prompt_tokens":420,"completion_tokens":200,"total_tokens":620}})"
            "\n\ndata: [DONE]\n\n") +
      "0\r\n\r\n";
  return answers;
}

std::string_view StreamHead() {
  return "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
         "x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n";
}

std::string Event(std::string_view text) {
  std::string data =
      R"(data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,)"
      R"("model":"bench-1","choices":[{"index":0,"delta":{"content":")";
  data += text;
  data += R"("},"finish_reason":null}]})";
  data += "\n\n";
  return Chunk(data);
}

std::string ManyEvents() {
  std::string out;
  for (int i = 0; i < kManyEvents; ++i) {
    out += Event("abcdefgh ijklmno ");
  }
  return out;
}

}  // namespace reliability::bench
