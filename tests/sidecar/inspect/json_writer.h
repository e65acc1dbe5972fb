#pragma once
// Writes JSON texts at random, good ones with a few words and escapes that are none, and damages
// texts. One seed, one sequence.
#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace reliability::sidecar::inspect {

class JsonWriter {
 public:
  explicit JsonWriter(std::uint64_t seed) : rng_(seed) {}

  std::uint64_t Below(std::uint64_t limit) { return rng_() % limit; }

  std::string Document() {
    text_.clear();
    Space();
    Container(0);
    Space();
    return text_;
  }

  // Changes, adds or takes some bytes.
  void Damage(std::string& text) {
    constexpr std::string_view kBytes =
        "{}[]\",:\\/u\n\r\t 0-+.eEtfn|\x01\x0c\x1a\x1f\x7f\xff\xc3\xa4";
    const std::size_t at = Below(text.size() + 1);
    const char byte = Below(4) != 0 ? kBytes[Below(kBytes.size())] : static_cast<char>(Below(256));
    switch (Below(5)) {
      case 0:
        text.insert(at, 1, byte);
        break;
      case 1:
        text.erase(at, Below(4));
        break;
      case 2:
        text.insert(at, text.substr(at, Below(30)));
        break;
      case 3:
        text.resize(at);
        break;
      default:
        if (at < text.size()) {
          text[at] = byte;
        }
        break;
    }
  }

 private:
  void Space() {
    for (std::uint64_t i = Below(8) == 0 ? Below(20) : Below(4) / 3; i > 0; --i) {
      text_ += Below(4) == 0 ? "\n\t\r "[Below(4)] : ' ';
    }
  }
  void Container(int depth) {
    const bool object = Below(3) != 0;
    text_ += object ? '{' : '[';
    Space();
    for (std::uint64_t i = Below(6), first = i; i > 0; --i) {
      if (i != first) {
        text_ += ',';
        Space();
      }
      if (object) {
        String();
        Space();
        text_ += ':';
        Space();
      }
      Value(depth + 1);
      Space();
    }
    text_ += object ? '}' : ']';
  }
  void Value(int depth) {
    constexpr std::array<const char*, 20> kWords = {"true",
                                                    "false",
                                                    "null",
                                                    "0",
                                                    "-0",
                                                    "7",
                                                    "-12",
                                                    "1.5",
                                                    "1e9",
                                                    "0.5E-3",
                                                    "NaN",
                                                    "tru",
                                                    "nul",
                                                    "01",
                                                    "1.",
                                                    "-",
                                                    "999999999999999999",
                                                    "+1",
                                                    "9223372036854775807",
                                                    "-9223372036854775809"};
    if (depth < 6 && Below(3) == 0) {
      Container(depth);
    } else if (Below(2) == 0) {
      String();
    } else {
      text_ += kWords[Below(Below(8) == 0 ? kWords.size() : 10)];
    }
  }
  void String() {
    constexpr std::array<const char*, 14> kPieces = {
        "\\\"",         "\\\\", "\\n", "\\/", "\\u00e4", "\\ud83d\\ude00", "\xC3\xA4",
        "\xE4\xB8\xAD", "\x7f", "{",   "]",   "\\x",     "\\ud800",        "\\u12"};
    text_ += '"';
    for (std::uint64_t left = Below(4) == 0 ? Below(80) : Below(12); left > 0; --left) {
      if (Below(12) == 0) {
        text_ += kPieces[Below(Below(8) == 0 ? kPieces.size() : 11)];
      } else {
        text_ += static_cast<char>('a' + Below(26));
      }
    }
    text_ += '"';
  }

  std::mt19937_64 rng_;
  std::string text_;
};

}  // namespace reliability::sidecar::inspect
