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

void AppendNumber(std::string& out, std::uint64_t number) {
  std::array<char, 24> digits;
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

// Copies received fields line by line; neighbours go over as one piece of bytes.
class FieldCopier {
 public:
  explicit FieldCopier(std::string& out) : out_(out) {}
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
      out_.append(begin_, static_cast<std::size_t>(end_ - begin_));
    }
    begin_ = end_;
  }

 private:
  std::string& out_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

// Room for all received fields and for what is added: one allocation.
std::size_t SizeOf(const net::HeadCommon& head) {
  constexpr std::size_t kAdded = 512;
  return head.fields.empty() ? kAdded
                             : static_cast<std::size_t>(head.fields.back().value.data() +
                                                        head.fields.back().value.size() -
                                                        head.fields.front().name.data()) +
                                   kAdded;
}

void AppendFraming(std::string& out, const OutFraming& framing) {
  switch (framing.kind) {
    case OutFraming::Kind::kLength:
      out += "content-length: ";
      AppendNumber(out, framing.length);
      out += "\r\n";
      break;
    case OutFraming::Kind::kChunked:
      out += "transfer-encoding: chunked\r\n";
      break;
    case OutFraming::Kind::kNone:
    case OutFraming::Kind::kUntilClose:
      break;
  }
}

// Fields that end at this hop whatever they say.
bool EndsHere(FieldId id) {
  return id == FieldId::kConnection || id == FieldId::kContentLength ||
         id == FieldId::kTransferEncoding || id == FieldId::kUpgrade || id == FieldId::kHopByHop;
}

// True if Connection may name further fields.
bool NamesFields(const net::HeadCommon& head) {
  return std::any_of(head.fields.begin(), head.fields.end(), [](const Field& field) {
    return field.id == FieldId::kConnection && !EqualsIgnoreCase(field.value, "keep-alive") &&
           !EqualsIgnoreCase(field.value, "close");
  });
}

// A redirect within the upstream comes back through our route; others are relayed.
void AppendLocation(std::string& out, const Field& field, const Route& route) {
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
    out += field.name;
    out += ": ";
    out += route.prefix;
    out += value.substr(base.size());
    out += "\r\n";
    return;
  }
  AppendField(out, field.name, field.value);
}

// Credentials, and what tells whose they are.
bool NamesTheAgent(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames = {"authorization",
                                                              "x-api-key",
                                                              "api-key",
                                                              "x-goog-api-key",
                                                              "cookie",
                                                              "openai-project",
                                                              "baggage",
                                                              "openai-organization",
                                                              "proxy-authorization",
                                                              "anthropic-organization-id"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view known) { return EqualsIgnoreCase(name, known); }) ||
         (name.size() >= 8 && EqualsIgnoreCase(name.substr(0, 8), "x-agent-"));
}

bool StartsWith(std::string_view name, std::string_view lower) {
  return name.size() >= lower.size() && EqualsIgnoreCase(name.substr(0, lower.size()), lower);
}

// Means something in one provider's API only.
bool BelongsToApi(std::string_view name) {
  return StartsWith(name, "anthropic-") || StartsWith(name, "openai-");
}

bool IsCredential(std::string_view name) {
  return EqualsIgnoreCase(name, "authorization") || EqualsIgnoreCase(name, "x-api-key") ||
         EqualsIgnoreCase(name, "api-key");
}

// In whichever field the agent's SDK sent it; empty = in none.
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

void AppendKey(std::string& out, sidecar_config::LlmFormat format, std::string_view key) {
  if (format == sidecar_config::LlmFormat::kAnthropic) {
    AppendField(out, "x-api-key", key);
  } else {
    out += "authorization: Bearer ";
    out += key;
    out += "\r\n";
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

void WriteRequestHead(std::string& out, const net::RequestHead& from, const Route& route,
                      const RequestEdit& edit, const OutFraming& framing) {
  out.reserve(out.size() + SizeOf(from));
  out += from.method;
  out += ' ';
  out += edit.target;
  out += " HTTP/1.1\r\n";
  AppendField(out, "host", route.url.authority);
  const bool names_fields = NamesFields(from);
  FieldCopier copier(out);
  for (const Field& field : from.fields) {
    if (EndsHere(field.id) || field.id == FieldId::kHost || field.id == FieldId::kExpect ||
        (edit.identity_encoding && field.id == FieldId::kAcceptEncoding) ||
        (edit.deadline_ms.has_value() && field.id == FieldId::kAgentDeadline) ||
        (names_fields && from.ListedInConnection(field.name)) ||
        (edit.foreign && NamesTheAgent(field.name)) ||
        (edit.translated && (BelongsToApi(field.name) || IsCredential(field.name)))) {
      continue;
    }
    copier.Keep(field);
  }
  copier.Flush();
  if (edit.foreign) {
    AppendKey(out, route.format, edit.key);
  } else if (edit.translated) {
    if (const std::string_view key = KeyOf(from); !key.empty()) {
      AppendKey(out, route.format, key);
    }
  }
  if (edit.translated && route.format == sidecar_config::LlmFormat::kAnthropic) {
    out += "anthropic-version: 2023-06-01\r\n";
  }
  if (edit.identity_encoding) {
    out += "accept-encoding: identity\r\n";
  }
  if (edit.deadline_ms.has_value()) {
    out += "x-agent-deadline-ms: ";
    AppendNumber(out, static_cast<std::uint64_t>(std::max<std::int64_t>(0, *edit.deadline_ms)));
    out += "\r\n";
  }
  if (framing.kind == OutFraming::Kind::kNone && HasOwnBody(from.method)) {
    out += "content-length: 0\r\n";
  }
  AppendFraming(out, framing);
  out += "\r\n";
}

void WriteResponseHead(std::string& out, const net::ResponseHead& from, const ResponseEdit& edit,
                       const OutFraming& framing) {
  out.reserve(out.size() + SizeOf(from));
  out += "HTTP/1.1 ";
  AppendNumber(out, static_cast<std::uint64_t>(from.status));
  out += ' ';
  out += from.reason;
  out += "\r\n";
  const bool names_fields = NamesFields(from);
  FieldCopier copier(out);
  for (const Field& field : from.fields) {
    if (EndsHere(field.id) || (names_fields && from.ListedInConnection(field.name)) ||
        (!edit.turn_id.empty() && field.id == FieldId::kAgentTurn) ||
        (edit.retried && field.id == FieldId::kShouldRetry) ||
        (!edit.translated_type.empty() && EndsWithTranslation(field.name))) {
      continue;
    }
    if (edit.route != nullptr && field.id == FieldId::kLocation) {
      copier.Flush();
      AppendLocation(out, field, *edit.route);
      continue;
    }
    copier.Keep(field);
  }
  copier.Flush();
  if (!edit.translated_type.empty()) {
    AppendField(out, "content-type", edit.translated_type);
  }
  if (!edit.turn_id.empty()) {
    AppendField(out, "x-agent-turn-id", edit.turn_id);
  }
  if (!edit.served_by.empty()) {
    AppendField(out, "x-agent-served-by", edit.served_by);
  }
  if (!edit.degraded.empty()) {
    AppendField(out, "x-agent-degraded", edit.degraded);
  }
  if (edit.retried) {
    out += "x-should-retry: false\r\n";
  }
  if (!edit.keep_alive || framing.kind == OutFraming::Kind::kUntilClose) {
    out += "connection: close\r\n";
  }
  AppendFraming(out, framing);
  out += "\r\n";
}

void WriteMadeAnswer(std::string& out, const inspect::MadeAnswer& answer, std::string_view turn_id,
                     bool keep_alive, bool without_body) {
  out += "HTTP/1.1 ";
  AppendNumber(out, static_cast<std::uint64_t>(answer.status));
  out += " \r\n";
  if (!answer.content_type.empty()) {
    AppendField(out, "content-type", answer.content_type);
  }
  for (const auto& [name, value] : answer.headers) {
    AppendField(out, name, value);
  }
  if (!turn_id.empty()) {
    AppendField(out, "x-agent-turn-id", turn_id);
  }
  if (!keep_alive) {
    out += "connection: close\r\n";
  }
  if (answer.status != 204) {
    AppendFraming(out, {.kind = OutFraming::Kind::kLength, .length = answer.body.size()});
  }
  out += "\r\n";
  if (!without_body) {
    out += answer.body;
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
