#pragma once
// What bench-upstream says: whole responses, and events of streams as chunks of a body. Pure.
#include <string>
#include <string_view>

namespace reliability::bench {

struct Answers {
  std::string chat;       // 200, a kilobyte: a chat completion with its usage
  std::string tool;       // 200, the result of a tools/call
  std::string failure;    // 503
  std::string limited;    // 429
  std::string last_part;  // of a stream: its last event, `[DONE]` and the body's end
};
[[nodiscard]] Answers MakeAnswers();

// Before the first event of a stream.
[[nodiscard]] std::string_view StreamHead();
// One event of a stream with this text.
[[nodiscard]] std::string Event(std::string_view text);
// 64 events; a stream without end repeats them.
[[nodiscard]] std::string ManyEvents();

}  // namespace reliability::bench
