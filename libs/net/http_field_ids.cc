#include "libs/net/http_field_ids.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace reliability::net {
namespace {

struct KnownField {
  std::string_view name;
  FieldId id;
};
// By length.
constexpr std::array<KnownField, 33> kKnownFields = {{
    {"te", FieldId::kHopByHop},
    {"host", FieldId::kHost},
    {"expect", FieldId::kExpect},
    {"origin", FieldId::kOrigin},
    {"trailer", FieldId::kHopByHop},
    {"upgrade", FieldId::kUpgrade},
    {"baggage", FieldId::kBaggage},
    {"location", FieldId::kLocation},
    {"connection", FieldId::kConnection},
    {"keep-alive", FieldId::kHopByHop},
    {"retry-after", FieldId::kRetryAfter},
    {"traceparent", FieldId::kTraceparent},
    {"content-type", FieldId::kContentType},
    {"x-request-id", FieldId::kRequestId},
    {"authorization", FieldId::kAuthorization},
    {"content-length", FieldId::kContentLength},
    {"http2-settings", FieldId::kHopByHop},
    {"x-should-retry", FieldId::kShouldRetry},
    {"retry-after-ms", FieldId::kRetryAfterMs},
    {"sec-fetch-site", FieldId::kFetchSite},
    {"accept-encoding", FieldId::kAcceptEncoding},
    {"x-agent-turn-id", FieldId::kAgentTurn},
    {"content-encoding", FieldId::kContentEncoding},
    {"proxy-connection", FieldId::kHopByHop},
    {"transfer-encoding", FieldId::kTransferEncoding},
    {"proxy-authenticate", FieldId::kHopByHop},
    {"x-agent-session-id", FieldId::kAgentSession},
    {"proxy-authorization", FieldId::kHopByHop},
    {"x-agent-deadline-ms", FieldId::kAgentDeadline},
    {"x-stainless-timeout", FieldId::kStainlessTimeout},
    {"x-stainless-retry-count", FieldId::kStainlessRetryCount},
    {"x-stainless-read-timeout", FieldId::kStainlessReadTimeout},
    {"proxy-authentication-info", FieldId::kHopByHop},
}};
constexpr std::size_t kLongestKnown = 25;

struct Range {
  std::uint8_t first = 0;
  std::uint8_t last = 0;
};
constexpr std::array<Range, kLongestKnown + 1> MakeRanges() {
  std::array<Range, kLongestKnown + 1> ranges{};
  for (std::size_t i = 0; i < kKnownFields.size(); ++i) {
    Range& range = ranges[kKnownFields[i].name.size()];
    if (range.last == 0) {
      range.first = static_cast<std::uint8_t>(i);
    }
    range.last = static_cast<std::uint8_t>(i + 1);
  }
  return ranges;
}
// Which of them have a length.
constexpr std::array<Range, kLongestKnown + 1> kRanges = MakeRanges();

template <class Word>
bool IsWord(const char* name, const char* lower) {
  constexpr auto kCase = static_cast<Word>(0x2020202020202020ULL);
  Word a = 0;
  Word b = 0;
  std::memcpy(&a, name, sizeof a);
  std::memcpy(&b, lower, sizeof b);
  return (a | kCase) == b;
}

// `lower` is lower case, as long as `name`, and has letters, digits and '-' only. The last word
// may overlap the one before it.
template <class Word>
bool IsInWords(std::string_view name, std::string_view lower) {
  const std::size_t last = lower.size() - sizeof(Word);
  for (std::size_t at = 0; at < last; at += sizeof(Word)) {
    if (!IsWord<Word>(name.data() + at, lower.data() + at)) {
      return false;
    }
  }
  return IsWord<Word>(name.data() + last, lower.data() + last);
}

bool Is(std::string_view name, std::string_view lower) {
  return lower.size() >= sizeof(std::uint64_t)   ? IsInWords<std::uint64_t>(name, lower)
         : lower.size() >= sizeof(std::uint32_t) ? IsInWords<std::uint32_t>(name, lower)
                                                 : IsInWords<std::uint16_t>(name, lower);
}

}  // namespace

FieldId IdOf(std::string_view name) {
  if (name.size() > kLongestKnown) {
    return FieldId::kOther;
  }
  const Range range = kRanges[name.size()];
  for (std::size_t i = range.first; i < range.last; ++i) {
    // OR-ing the case bit maps other token characters at most to '-' from CR, which is no token.
    if (Is(name, kKnownFields[i].name)) {
      return kKnownFields[i].id;
    }
  }
  return FieldId::kOther;
}

}  // namespace reliability::net
