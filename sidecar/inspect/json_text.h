#pragma once
// JSON written piece by piece into one text: no text is made for a part of it.
//
//   std::string out = TextOf("{\"name\":", Quoted{name}, ",\"count\":", count, "}");
//
// Own kinds of pieces are a struct and a Put() beside it. Pure.
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/strings.h"

namespace reliability::sidecar::inspect {

struct Escaped {  // the inside of a string
  std::string_view text;
};
struct Quoted {
  std::string_view text;
};

inline void Put(std::string& out, std::string_view as_it_is) { out += as_it_is; }
inline void Put(std::string& out, Escaped inside) { AppendJsonEscaped(out, inside.text); }
inline void Put(std::string& out, Quoted whole) {
  out += '"';
  AppendJsonEscaped(out, whole.text);
  out += '"';
}
inline void Put(std::string& out, std::int64_t number) {
  std::array<char, 24> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), written.ptr);
}

template <class... Parts>
void Append(std::string& out, const Parts&... parts) {
  (Put(out, parts), ...);
}

template <class... Parts>
[[nodiscard]] std::string TextOf(const Parts&... parts) {
  constexpr std::size_t kUsual = 512;
  std::string out;
  out.reserve(kUsual);
  Append(out, parts...);
  return out;
}

}  // namespace reliability::sidecar::inspect
