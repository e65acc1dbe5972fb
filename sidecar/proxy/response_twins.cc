// What Enforce would do with an answer, for Observe, which only passes it on. Part of
// ResponseRelay.
#include "sidecar/proxy/response_relay.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::size_t kMaxHeldToolAnswer = std::size_t{64} * 1024;

}  // namespace

bool ResponseRelay::ShortToolAnswer() const {
  const auto& length = head_.framing.content_length;
  return state_.call.kind == CallKind::kHttpTool && length.has_value() &&
         *length <= kMaxHeldToolAnswer;
}

bool ResponseRelay::EnforceWouldHold() const {
  if (watch_.event_stream()) {
    return !watch_.must_pass();
  }
  const bool empty = attempt_.body_kind() == net::BodyKind::kNone ||
                     head_.framing.content_length == std::uint64_t{0};
  return empty || (passed_ <= kMaxHeldAnswer &&
                   (watch_.readable() || head_.status >= 400 || ShortToolAnswer()));
}

}  // namespace reliability::sidecar::proxy
