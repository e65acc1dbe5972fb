#include "sidecar/inspect/token_swap.h"

#include <algorithm>

namespace reliability::sidecar::inspect {

std::string TokenSwap::Feed(std::string_view bytes) {
  std::string text = std::exchange(kept_, {});
  text += bytes;
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t quote = text.find('"', at);
    out.append(text, at, quote == std::string::npos ? quote : quote - at);
    if (quote == std::string::npos) {
      break;
    }
    const std::string_view rest = std::string_view(text).substr(quote);
    const auto whole = std::find_if(pairs_.begin(), pairs_.end(), [rest](const auto& pair) {
      return rest.starts_with(pair.first);
    });
    if (whole != pairs_.end()) {
      out += whole->second;
      at = quote + whole->first.size();
      continue;
    }
    const bool may_begin = std::any_of(pairs_.begin(), pairs_.end(), [rest](const auto& pair) {
      return std::string_view(pair.first).starts_with(rest);
    });
    if (may_begin) {
      kept_ = rest;
      break;
    }
    out += '"';
    at = quote + 1;
  }
  return out;
}

}  // namespace reliability::sidecar::inspect
