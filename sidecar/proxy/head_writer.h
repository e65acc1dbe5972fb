#pragma once
// A text of many small pieces, as a head is: a piece costs little more than its bytes, and the
// memory is that of an earlier one (libs/net/frame_cache.h). One thread.
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "libs/net/frame_cache.h"

namespace reliability::sidecar::proxy {

class HeadWriter {
 public:
  HeadWriter() = default;
  ~HeadWriter() {
    if (begin_ != nullptr) {
      net::FrameCache::Give(begin_, Capacity());
    }
  }
  HeadWriter(HeadWriter&& other) noexcept
      : begin_(std::exchange(other.begin_, nullptr)),
        at_(std::exchange(other.at_, nullptr)),
        end_(std::exchange(other.end_, nullptr)) {}
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;
  HeadWriter& operator=(HeadWriter&&) = delete;

  // Valid until the next change.
  [[nodiscard]] std::string_view view() const {
    return {begin_, static_cast<std::size_t>(at_ - begin_)};
  }
  void Clear() { at_ = begin_; }

  void Text(std::string_view text) {
    if (text.empty()) {
      return;
    }
    MakeRoom(text.size());
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  // The same; the compiler knows the size.
  template <std::size_t N>
  [[gnu::always_inline]] void Word(const char (&literal)[N]) {
    MakeRoom(N - 1);
    std::memcpy(at_, literal, N - 1);
    at_ += N - 1;
  }
  void Number(std::uint64_t number) { Digits(number, 10); }
  void Hex(std::uint64_t number) { Digits(number, 16); }
  void Field(std::string_view name, std::string_view value) {
    Text(name);
    Word(": ");
    Text(value);
    Word("\r\n");
  }

 private:
  // Of most heads.
  static constexpr std::size_t kUsual = 2048;

  [[nodiscard]] std::size_t Capacity() const { return static_cast<std::size_t>(end_ - begin_); }
  [[gnu::always_inline]] void MakeRoom(std::size_t bytes) {
    if (static_cast<std::size_t>(end_ - at_) < bytes) {
      Grow(bytes);
    }
  }
  void Digits(std::uint64_t number, int base) {
    constexpr std::size_t kMost = 20;
    MakeRoom(kMost);
    at_ = std::to_chars(at_, at_ + kMost, number, base).ptr;
  }
  void Grow(std::size_t bytes) {
    const std::string_view written = view();
    const std::size_t capacity =
        written.size() + bytes <= kUsual ? kUsual : 2 * (written.size() + bytes);
    char* const begin = static_cast<char*>(net::FrameCache::Take(capacity));
    if (begin_ != nullptr) {
      std::memcpy(begin, written.data(), written.size());
      net::FrameCache::Give(begin_, Capacity());
    }
    at_ = begin + written.size();
    begin_ = begin;
    end_ = begin + capacity;
  }

  char* begin_ = nullptr;
  char* at_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace reliability::sidecar::proxy
