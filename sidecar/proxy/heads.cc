#include "sidecar/proxy/heads.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "libs/base/strings.h"
#include "libs/policy/wait_hint.h"

namespace reliability::sidecar::proxy {
namespace {

using net::Field;
using net::FieldId;

// Copies received fields line by line; neighbours go over as one piece of bytes.
class FieldCopier {
 public:
  explicit FieldCopier(HeadWriter& head) : head_(head) {}
  ~FieldCopier() { Flush(); }
  FieldCopier(const FieldCopier&) = delete;
  FieldCopier& operator=(const FieldCopier&) = delete;

  void Keep(const Field& field) {
    if (field.name.data() != end_) {
      Flush();
      begin_ = field.name.data();
    }
    end_ = field.value.data() + field.value.size();
    while (*end_++ != '\n') {  // white space behind the value belongs to the line
    }
  }
  void Flush() {
    if (begin_ != end_) {
      head_.Text({begin_, static_cast<std::size_t>(end_ - begin_)});
    }
    begin_ = end_;
  }

 private:
  HeadWriter& head_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

void WriteFraming(HeadWriter& head, const OutFraming& framing) {
  switch (framing.kind) {
    case OutFraming::Kind::kLength:
      head.Word("content-length: ");
      head.Number(framing.length);
      head.Word("\r\n");
      break;
    case OutFraming::Kind::kChunked:
      head.Word("transfer-encoding: chunked\r\n");
      break;
    case OutFraming::Kind::kNone:
    case OutFraming::Kind::kUntilClose:
      break;
  }
}

constexpr std::uint64_t Bit(FieldId id) { return net::HeadCommon::Bit(id); }
constexpr std::uint64_t BitIf(bool condition, FieldId id) { return condition ? Bit(id) : 0; }

// Fields that end at this hop whatever they say.
constexpr std::uint64_t kEndHere = Bit(FieldId::kConnection) | Bit(FieldId::kContentLength) |
                                   Bit(FieldId::kTransferEncoding) | Bit(FieldId::kUpgrade) |
                                   Bit(FieldId::kHopByHop);

// True if Connection may name further fields.
bool NamesFields(const net::HeadCommon& head) {
  return (head.ids & Bit(FieldId::kConnection)) != 0 &&
         std::any_of(head.fields.begin(), head.fields.end(), [](const Field& field) {
           return field.id == FieldId::kConnection &&
                  !EqualsIgnoreCase(field.value, "keep-alive") &&
                  !EqualsIgnoreCase(field.value, "close");
         });
}

// A redirect within the upstream comes back through our route; others are relayed.
void WriteLocation(HeadWriter& head, const Field& field, const Route& route) {
  std::string_view value = field.value;
  const std::string_view origin = route.url.origin;
  const std::string scheme_authority =
      std::string(route.url.tls ? "https://" : "http://") + route.url.authority;
  if (value.starts_with(origin)) {
    value.remove_prefix(origin.size());
  } else if (value.starts_with(scheme_authority)) {
    value.remove_prefix(scheme_authority.size());
  }
  const std::string_view base = route.url.path;
  if (value.starts_with('/') && !value.starts_with("//") && value.starts_with(base) &&
      (value.size() == base.size() || value[base.size()] == '/' || value[base.size()] == '?')) {
    head.Text(field.name);
    head.Word(": ");
    head.Text(route.prefix);
    head.Text(value.substr(base.size()));
    head.Word("\r\n");
    return;
  }
  head.Field(field.name, field.value);
}

bool StartsWith(std::string_view name, std::string_view lower) {
  return name.size() >= lower.size() && EqualsIgnoreCase(name.substr(0, lower.size()), lower);
}

// What of the agent's request another account may see: what HTTP and the APIs need. Providers and
// gateways keep keys in too many fields to name those instead.
bool TravelsAbroad(const Field& field) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "content-type",      "content-encoding", "user-agent",      "traceparent",
      "tracestate",        "x-request-id",     "idempotency-key", "openai-beta",
      "anthropic-version", "anthropic-beta",   "accept"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view known) { return EqualsIgnoreCase(field.name, known); }) ||
         StartsWith(field.name, "accept-") || StartsWith(field.name, "x-stainless-");
}

// Means something in one provider's API only.
bool BelongsToApi(std::string_view name) {
  return StartsWith(name, "anthropic-") || StartsWith(name, "openai-");
}

bool IsCredential(std::string_view name) {
  return EqualsIgnoreCase(name, "authorization") || EqualsIgnoreCase(name, "x-api-key") ||
         EqualsIgnoreCase(name, "api-key");
}

void WriteKey(HeadWriter& head, sidecar_config::LlmFormat format, std::string_view key) {
  if (format == sidecar_config::LlmFormat::kAnthropic) {
    head.Field("x-api-key", key);
  } else {
    head.Word("authorization: Bearer ");
    head.Text(key);
    head.Word("\r\n");
  }
}

// Of an answer that is written anew: its type, and what its provider says to its own clients.
bool EndsWithTranslation(std::string_view name) {
  return EqualsIgnoreCase(name, "content-type") || EqualsIgnoreCase(name, "set-cookie") ||
         EqualsIgnoreCase(name, "etag") || BelongsToApi(name) || StartsWith(name, "x-ratelimit-");
}

bool HasOwnBody(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

std::string_view KeyOf(const net::RequestHead& head) {
  constexpr std::string_view kBearer = "bearer ";
  for (const std::string_view name : {"x-api-key", "api-key"}) {
    if (const std::string_view key = head.Get(name); !key.empty()) {
      return key;
    }
  }
  const std::string_view authorization = head.Get(FieldId::kAuthorization);
  return StartsWith(authorization, kBearer) ? Trim(authorization.substr(kBearer.size()))
                                            : std::string_view{};
}

void WriteRequestHead(HeadWriter& head, const net::RequestHead& from, const Route& route,
                      const RequestEdit& edit, const OutFraming& framing) {
  head.Text(from.method);
  head.Word(" ");
  head.Text(edit.target);
  head.Word(" HTTP/1.1\r\nhost: ");
  head.Text(route.url.authority);
  head.Word("\r\n");
  const std::uint64_t dropped = kEndHere | Bit(FieldId::kHost) | Bit(FieldId::kExpect) |
                                BitIf(edit.identity_encoding, FieldId::kAcceptEncoding) |
                                BitIf(edit.deadline_ms.has_value(), FieldId::kAgentDeadline);
  const bool names_fields = NamesFields(from);
  FieldCopier copier(head);
  for (const Field& field : from.fields) {
    if ((dropped & Bit(field.id)) != 0 || (names_fields && from.ListedInConnection(field.name)) ||
        (edit.foreign && !TravelsAbroad(field)) ||
        (edit.translated && (BelongsToApi(field.name) || IsCredential(field.name)))) {
      continue;
    }
    copier.Keep(field);
  }
  copier.Flush();
  if (edit.foreign) {
    WriteKey(head, route.format, edit.key);
  } else if (edit.translated) {
    if (const std::string_view key = KeyOf(from); !key.empty()) {
      WriteKey(head, route.format, key);
    }
  }
  if (edit.translated && route.format == sidecar_config::LlmFormat::kAnthropic) {
    head.Word("anthropic-version: 2023-06-01\r\n");
  }
  if (edit.identity_encoding) {
    head.Word("accept-encoding: identity\r\n");
  }
  if (edit.deadline_ms.has_value()) {
    head.Word("x-agent-deadline-ms: ");
    head.Number(static_cast<std::uint64_t>(std::max<std::int64_t>(0, *edit.deadline_ms)));
    head.Word("\r\n");
  }
  if (framing.kind == OutFraming::Kind::kNone && HasOwnBody(from.method)) {
    head.Word("content-length: 0\r\n");
  }
  WriteFraming(head, framing);
  head.Word("\r\n");
}

void WriteResponseHead(HeadWriter& head, const net::ResponseHead& from, const ResponseEdit& edit,
                       const OutFraming& framing) {
  head.Word("HTTP/1.1 ");
  head.Number(static_cast<std::uint64_t>(from.status));
  head.Word(" ");
  head.Text(from.reason);
  head.Word("\r\n");
  const std::uint64_t dropped = kEndHere | BitIf(!edit.turn_id.empty(), FieldId::kAgentTurn) |
                                BitIf(edit.retried, FieldId::kShouldRetry);
  const bool names_fields = NamesFields(from);
  FieldCopier copier(head);
  for (const Field& field : from.fields) {
    if ((dropped & Bit(field.id)) != 0 || (names_fields && from.ListedInConnection(field.name)) ||
        (!edit.translated_type.empty() && EndsWithTranslation(field.name))) {
      continue;
    }
    if (edit.route != nullptr && field.id == FieldId::kLocation) {
      copier.Flush();
      WriteLocation(head, field, *edit.route);
      continue;
    }
    copier.Keep(field);
  }
  copier.Flush();
  if (!edit.translated_type.empty()) {
    head.Field("content-type", edit.translated_type);
  }
  if (!edit.turn_id.empty()) {
    head.Word("x-agent-turn-id: ");
    head.Text(edit.turn_id);
    head.Word("\r\n");
  }
  if (!edit.served_by.empty()) {
    head.Word("x-agent-served-by: ");
    head.Text(edit.served_by);
    head.Word("\r\n");
  }
  if (!edit.degraded.empty()) {
    head.Field("x-agent-degraded", edit.degraded);
  }
  if (edit.retried) {
    head.Word("x-should-retry: false\r\n");
  }
  if (!edit.keep_alive || framing.kind == OutFraming::Kind::kUntilClose) {
    head.Word("connection: close\r\n");
  }
  WriteFraming(head, framing);
  head.Word("\r\n");
}

void WriteMadeAnswer(HeadWriter& head, const inspect::MadeAnswer& answer, std::string_view turn_id,
                     bool keep_alive, bool without_body) {
  head.Word("HTTP/1.1 ");
  head.Number(static_cast<std::uint64_t>(answer.status));
  head.Word(" \r\n");
  if (!answer.content_type.empty()) {
    head.Field("content-type", answer.content_type);
  }
  for (const auto& [name, value] : answer.headers) {
    head.Field(name, value);
  }
  if (!turn_id.empty()) {
    head.Field("x-agent-turn-id", turn_id);
  }
  if (!keep_alive) {
    head.Word("connection: close\r\n");
  }
  if (answer.status != 204) {
    WriteFraming(head, {.kind = OutFraming::Kind::kLength, .length = answer.body.size()});
  }
  head.Word("\r\n");
  if (!without_body) {
    head.Text(answer.body);
  }
}

std::string ChunkSize(std::size_t bytes) {
  std::array<char, 24> digits;
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16).ptr;
  std::string line(digits.data(), end);
  line += "\r\n";
  return line;
}

bool MayAskToWait(const net::ResponseHead& head) {
  return head.status == 429 || !head.Get(FieldId::kRetryAfter).empty() ||
         !head.Get(FieldId::kRetryAfterMs).empty();
}

std::optional<Milliseconds> ReadRetryAfter(const net::ResponseHead& head, SystemTime now) {
  policy::WaitHeaders headers;
  headers.retry_after_ms = head.Get(FieldId::kRetryAfterMs);
  headers.retry_after = head.Get(FieldId::kRetryAfter);
  if (head.status == 429) {  // providers send their rate-limit fields with every answer
    headers.reset_requests = head.Get("x-ratelimit-reset-requests");
    headers.reset_tokens = head.Get("x-ratelimit-reset-tokens");
    headers.anthropic_reset_requests = head.Get("anthropic-ratelimit-requests-reset");
    headers.anthropic_reset_tokens = head.Get("anthropic-ratelimit-tokens-reset");
  }
  return policy::WaitHint(headers, now);
}

}  // namespace reliability::sidecar::proxy
