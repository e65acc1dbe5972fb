#pragma once
// Compact bytes for the SLO checkpoint: little-endian base-128 integers, bit-exact doubles. Pure.
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/clock.h"

namespace reliability::policy {

class ByteWriter {
 public:
  void Uint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void Int(std::int64_t value) {  // zigzag
    Uint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void Time(SystemTime time) { Int(time.time_since_epoch().count()); }
  void Double(double value) { Fixed64(std::bit_cast<std::uint64_t>(value)); }
  void Fixed64(std::uint64_t bits) {
    for (int i = 0; i < 8; ++i) {
      out_.push_back(static_cast<char>(bits >> (8 * i)));
    }
  }
  void Text(std::string_view text) {
    Uint(text.size());
    out_.append(text);
  }
  [[nodiscard]] const std::string& bytes() const { return out_; }
  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// After the first read past the end, or of a malformed value, every read gives zero and ok() is
// false: check it once at the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t Uint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        break;
      }
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) {
        return value;
      }
    }
    return Bad();
  }
  std::int64_t Int() {
    const std::uint64_t raw = Uint();
    return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
  }
  SystemTime Time() { return SystemTime{Milliseconds{Int()}}; }
  double Double() { return std::bit_cast<double>(Fixed64()); }
  std::uint64_t Fixed64() {
    if (rest_.size() < 8) {
      return Bad();
    }
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) {
      bits |=
          static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]))
          << (8 * i);
    }
    rest_.remove_prefix(8);
    return bits;
  }
  std::string Text() {
    const std::uint64_t size = Uint();
    if (size > rest_.size()) {
      Bad();
      return {};
    }
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  // A count of entries that follow, each at least `min_bytes` long: refuses counts that cannot be.
  std::uint64_t Count(std::size_t min_bytes) {
    const std::uint64_t count = Uint();
    return count <= rest_.size() / min_bytes ? count : Bad();
  }
  void Fail() { Bad(); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::uint64_t Bad() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace reliability::policy
