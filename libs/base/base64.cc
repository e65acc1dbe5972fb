#include "libs/base/base64.h"

#include <array>
#include <cstdint>

namespace reliability {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xFF;

constexpr std::array<std::uint8_t, 256> MakeInverse() {
  std::array<std::uint8_t, 256> inverse{};
  inverse.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    inverse[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return inverse;
}
constexpr std::array<std::uint8_t, 256> kInverse = MakeInverse();

}  // namespace

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= left ? kAlphabet[group >> (18 - 6 * j) & 0x3FU] : '=';
    }
  }
  return out;
}

Result<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) {
    return Fail(Code::kInvalid, "not base64: its length is no multiple of 4");
  }
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
    ++padding;
  }
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pad = i >= text.size() - padding;
    const std::uint8_t value = pad ? 0 : kInverse[static_cast<unsigned char>(text[i])];
    if (value == kNone) {
      return Fail(Code::kInvalid, "not base64: character " + std::to_string(i));
    }
    group = group << 6U | value;
    if (i % 4 == 3) {
      out += static_cast<char>(group >> 16U & 0xFFU);
      out += static_cast<char>(group >> 8U & 0xFFU);
      out += static_cast<char>(group & 0xFFU);
      group = 0;
    }
  }
  out.resize(out.size() - padding);
  return out;
}

}  // namespace reliability
