// The scanner reads sixteen bytes and more at once: whatever stands where, and whatever stands
// behind the text, it must read as if it took one after the other.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/inspect/json_hash.h"
#include "sidecar/inspect/json_reader.h"

namespace reliability::sidecar::inspect {
namespace {

using std::string_literals::operator""s;

struct Special {
  std::string bytes;
  std::string meaning;
  bool may_stand = true;  // in a string that nobody reads
  bool has_meaning = true;
};

// The one string in `text`, which is an object of one field; nullopt: refused.
std::optional<std::string> OnlyText(const std::string& text, bool key_wanted) {
  std::optional<std::string> found;
  const bool read = WithJson(text, [&](JsonDocument document) {
    return EachField(document, [&](JsonKey key, JsonValue value) {
      found = key_wanted ? std::string(key) : std::string(AsString(value).value_or("none"));
      return true;
    });
  });
  return read ? found : std::nullopt;
}

TEST(JsonBounds, EverythingSpecialAtEveryPlaceOfEveryLength) {
  constexpr std::size_t kMost = 80;
  const std::vector<Special> specials = {{"\\\"", "\""},
                                         {"\\\\", "\\"},
                                         {"\\u00e9", "\xC3\xA9"},
                                         {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
                                         {"\xC3\xA9", "\xC3\xA9"},
                                         {"\x7f", "\x7f"},
                                         {" ", " "},
                                         {"\\x", "", true, false},
                                         {"\\ud800", "", true, false},
                                         {"\x1f", "", false, false},
                                         {"\0"s, "", false, false},
                                         {"\x80", "", false, false},
                                         {"\"", "", false, false},
                                         {"\\\x01", "", false, false}};
  for (const Special& special : specials) {
    for (std::size_t size = 0; size <= kMost; ++size) {
      for (std::size_t place = 0; place <= size; ++place) {
        std::string raw(size, 'a');
        raw.insert(place, special.bytes);
        std::string meaning(size, 'a');
        meaning.insert(place, special.meaning);
        const bool good = special.may_stand && special.has_meaning;
        const auto key = OnlyText("{\"" + raw + "\":0}", true);
        ASSERT_EQ(key, good ? std::optional(meaning) : std::nullopt) << raw;
        const auto value = OnlyText("{\"v\":\"" + raw + "\"}", false);
        const std::string read = good ? meaning : "none";
        ASSERT_EQ(value, special.may_stand ? std::optional(read) : std::nullopt) << raw;
        ASSERT_EQ(OnlyText("{\"v\":\"" + raw + "\"}", true).has_value(), special.may_stand) << raw;
      }
    }
  }
}

// Texts whose readable room ends with the page: the next one may not be touched.
class LastPage {
 public:
  LastPage() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    void* const mapped =
        mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    start_ = static_cast<char*>(mapped);
    EXPECT_EQ(mprotect(start_ + page_, page_, PROT_NONE), 0);
  }
  ~LastPage() { munmap(start_, 2 * page_); }
  LastPage(const LastPage&) = delete;
  LastPage& operator=(const LastPage&) = delete;

  std::string_view Place(std::string_view text, std::string_view behind) {
    char* const room = start_ + page_ - kPadding;
    for (std::size_t i = 0; i < kPadding; ++i) {
      room[i] = behind[i % behind.size()];
    }
    char* const at = room - text.size();
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

 private:
  const std::size_t page_;
  char* start_ = nullptr;
};

TEST(JsonBounds, WhatStandsBehindTheTextChangesNothing) {
  const std::vector<std::string> samples = {
      R"({"model": "gpt", "stream": true, "messages": [{"role": "user", "content": "a\n\"b\""}]})",
      R"([1,[2,{"a":{"b":[[["c"]]]}}],-12.5e3,"a text of more than thirty-two bytes in all"])",
      R"({"a_key_that_is_longer_than_a_block_of_bytes":{"x":[]},"n":12345678901234567890})",
      R"("alone, and longer than sixteen bytes")",
      "17",
      "  null  "};
  LastPage page;
  for (const char* behind : {"}", "]", "\"", "\\", ",\"a\":1", ",1", ":1", " ", "1", "e", "\n",
                             "\xff", "\"}", "}]", "\":1}", "{", "\x01"}) {
    for (const std::string& sample : samples) {
      for (std::size_t size = 0; size <= sample.size(); ++size) {
        const std::string text = sample.substr(0, size);
        const std::string_view placed = page.Place(text, behind);
        std::optional<std::uint64_t> hash;
        const bool read = WithJson(
            placed,
            [&](JsonDocument document) {
              hash = HashValue(document.root, {});
              return hash.has_value();
            },
            kPadding);
        const auto expected = size == 0 ? std::nullopt : JsonHash(text);
        ASSERT_EQ(read ? hash : std::nullopt,
                  text.find_first_not_of(' ') == std::string::npos ? std::nullopt : expected)
            << text << " before " << behind;
        const auto nothing = [](JsonDocument) { return true; };
        ASSERT_EQ(WithJson(placed, nothing, kPadding), WithJson(text, nothing))
            << text << " before " << behind;
      }
    }
  }
}

}  // namespace
}  // namespace reliability::sidecar::inspect
