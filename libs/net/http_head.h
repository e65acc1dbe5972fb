#pragma once
// A parsed HTTP/1.x head. All views point into the buffer that was parsed: it must outlive the
// head and stay where it is.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace reliability::net {

// Fields that somebody here asks for or treats specially; the rest is kOther.
enum class FieldId : std::uint8_t {
  kOther,
  kHost,
  kConnection,
  kContentLength,
  kTransferEncoding,
  kContentType,
  kContentEncoding,
  kAcceptEncoding,
  kAuthorization,
  kExpect,
  kUpgrade,
  kOrigin,
  kRetryAfter,
  kRetryAfterMs,
  kShouldRetry,  // X-Should-Retry
  kLocation,
  kBaggage,
  kTraceparent,
  kRequestId,      // X-Request-Id
  kFetchSite,      // Sec-Fetch-Site
  kAgentTurn,      // X-Agent-Turn-Id
  kAgentSession,   // X-Agent-Session-Id
  kAgentDeadline,  // X-Agent-Deadline-Ms
  kStainlessTimeout,
  kStainlessReadTimeout,
  kStainlessRetryCount,
  kHopByHop,  // Keep-Alive, TE, Trailer, Proxy-*, HTTP2-Settings: never forwarded
};

struct Field {
  FieldId id = FieldId::kOther;
  std::string_view name;
  std::string_view value;  // without surrounding white space
};

struct Framing {
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
};

struct HeadCommon {
  int version = 11;  // 10 or 11
  bool keep_alive = true;
  Framing framing;
  std::vector<Field> fields;  // capacity is kept between messages
  std::uint64_t ids = 0;      // a bit for each FieldId that `fields` may have

  // The first field of that name (ASCII case does not matter), empty if there is none.
  [[nodiscard]] std::string_view Get(std::string_view name) const;
  [[nodiscard]] std::string_view Get(FieldId id) const {
    return (ids & Bit(id)) == 0 ? std::string_view{} : Find(id);
  }
  [[nodiscard]] static constexpr std::uint64_t Bit(FieldId id) {
    return std::uint64_t{1} << static_cast<unsigned>(id);
  }
  // True if the Connection field lists `name`, so that it must not be forwarded.
  [[nodiscard]] bool ListedInConnection(std::string_view name) const;

 private:
  [[nodiscard]] std::string_view Find(FieldId id) const;
};

struct RequestHead : HeadCommon {
  std::string_view method;
  std::string_view target;
};

struct ResponseHead : HeadCommon {
  int status = 0;
  std::string_view reason;
};

}  // namespace reliability::net
