#include "sidecar/proxy/turn_clues.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "libs/base/strings.h"
#include "sidecar/inspect/llm_request.h"

namespace reliability::sidecar::proxy {
namespace {

// "12", "12.5": seconds of an X-Stainless-*-Timeout.
std::optional<Milliseconds> ReadSeconds(std::string_view text) {
  if (text.empty()) {
    return std::nullopt;
  }
  constexpr std::uint64_t kMost = 86'400;
  if (const auto whole = ParseUint(text); whole.has_value() && *whole > 0 && *whole <= kMost) {
    return Milliseconds{static_cast<Milliseconds::rep>(*whole * 1000)};
  }
  double seconds = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || !(seconds > 0) ||
      seconds > static_cast<double>(kMost)) {
    return std::nullopt;
  }
  return Milliseconds{static_cast<Milliseconds::rep>(seconds * 1000)};
}

}  // namespace

policy::TurnClues ReadTurnClues(const net::RequestHead& head, bool trace,
                                std::string& baggage_turn) {
  baggage_turn = inspect::BaggageMember(head.Get(net::FieldId::kBaggage), "agent.turn");
  policy::TurnClues clues;
  clues.explicit_id = head.Get(net::FieldId::kAgentTurn);
  clues.baggage_turn = baggage_turn;
  if (trace) {
    clues.trace = inspect::TraceId(head.Get(net::FieldId::kTraceparent));
  }
  return clues;
}

std::optional<Milliseconds> ClientLimit(const net::RequestHead& head) {
  const auto total = ReadSeconds(head.Get(net::FieldId::kStainlessTimeout));
  const auto read = ReadSeconds(head.Get(net::FieldId::kStainlessReadTimeout));
  return total.has_value() && read.has_value() ? std::min(total, read)
                                               : (total.has_value() ? total : read);
}

int ClientRetries(const net::RequestHead& head) {
  return static_cast<int>(std::min<std::uint64_t>(
      100, ParseUint(head.Get(net::FieldId::kStainlessRetryCount)).value_or(0)));
}

}  // namespace reliability::sidecar::proxy
