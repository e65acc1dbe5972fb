#pragma once
// Event streams of chat completions, as an upstream writes them and an agent reads them.
#include <string>
#include <string_view>

#include "tests/component/fake_upstream.h"

namespace reliability::component {

// "word1 word2 …", one event each, and the end of a whole stream. It breaks off behind `cut_after`
// words; a negative one means never.
[[nodiscard]] FakeUpstream::Script Words(int count, int cut_after = -1);

// The text that an SDK would put together; `key` is the format's word for a piece of it.
[[nodiscard]] std::string TextOf(const std::string& body, std::string_view key = "content");

}  // namespace reliability::component
