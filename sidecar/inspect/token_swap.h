#pragma once
// Replaces tokens in a body as it passes, in pieces of any size. The tokens are quoted strings that
// we made up ourselves (64 random bits), so they stand nowhere else; inside another JSON string
// their quotes would be escaped and do not match. Pure, incremental.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace reliability::sidecar::inspect {

class TokenSwap {
 public:
  void Add(std::string from, std::string to) {
    pairs_.emplace_back(std::move(from), std::move(to));
  }
  [[nodiscard]] bool active() const { return !pairs_.empty(); }

  // The bytes with their tokens replaced; the end of a piece is kept back if a token may begin in
  // it.
  [[nodiscard]] std::string Feed(std::string_view bytes);
  // What was kept back: the body ended.
  [[nodiscard]] std::string Finish() { return std::exchange(kept_, {}); }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
  std::string kept_;
};

}  // namespace reliability::sidecar::inspect
