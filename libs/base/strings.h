#pragma once
// Small text helpers that the standard library lacks. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reliability {

[[nodiscard]] bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII
[[nodiscard]] std::string ToLower(std::string_view text);                     // ASCII
[[nodiscard]] std::string_view Trim(std::string_view text);                   // space and tab
// Empty pieces are kept: Split("a,,b", ',') has three.
[[nodiscard]] std::vector<std::string_view> Split(std::string_view text, char separator);
[[nodiscard]] std::string Join(const std::vector<std::string>& parts, std::string_view separator);
// Whole text, decimal digits only; nullopt on overflow or anything else.
[[nodiscard]] std::optional<std::uint64_t> ParseUint(std::string_view text);
// Sixteen hexadecimal digits.
[[nodiscard]] std::string Hex16(std::uint64_t number);
// Appends `text` as the inside of a JSON string (quotes not added); invalid UTF-8 becomes U+FFFD.
void AppendJsonEscaped(std::string& out, std::string_view text);
[[nodiscard]] std::string JsonString(std::string_view text);  // with quotes
[[nodiscard]] std::string PercentDecode(std::string_view text);

}  // namespace reliability
