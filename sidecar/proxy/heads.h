#pragma once
// Heads as we send them: written anew from what was parsed, never copied (hop-by-hop fields and the
// peer's framing stay behind). Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/http_head.h"
#include "sidecar/inspect/error_body.h"
#include "sidecar/proxy/head_writer.h"
#include "sidecar/proxy/route_table.h"

namespace reliability::sidecar::proxy {

struct OutFraming {
  enum class Kind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;
};

struct RequestEdit {
  std::string_view target;
  bool identity_encoding = false;           // the answer must be readable (data-plane ruling 12)
  std::optional<std::int64_t> deadline_ms;  // x-agent-deadline-ms
  // To another account than the agent's own, wherever it is: of its fields only those that HTTP and
  // the APIs need, and this key instead of its credentials (data-plane ruling 50).
  bool foreign = false;
  std::string_view key = {};
  // The body was written for another API than the agent's: so are the fields that belong to it. The
  // agent's own key goes along in that API's field unless `foreign`.
  bool translated = false;
};
// The agent's key, in whichever field its SDK sent it; empty = in none.
[[nodiscard]] std::string_view KeyOf(const net::RequestHead& head);
void WriteRequestHead(HeadWriter& head, const net::RequestHead& from, const Route& route,
                      const RequestEdit& edit, const OutFraming& framing);

struct ResponseEdit {
  std::string_view turn_id;      // x-agent-turn-id; empty = none
  const Route* route = nullptr;  // redirects to it are led back through us
  bool keep_alive = true;
  // x-should-retry: false, because retries were made here already (data-plane ruling 14).
  bool retried = false;
  std::string_view served_by = {};  // x-agent-served-by; empty = none
  std::string_view degraded = {};   // x-agent-degraded
  // The body was written anew for another API, and has this type; empty = it was not.
  std::string_view translated_type = {};
};
void WriteResponseHead(HeadWriter& head, const net::ResponseHead& from, const ResponseEdit& edit,
                       const OutFraming& framing);

// A whole answer of our own.
void WriteMadeAnswer(HeadWriter& head, const inspect::MadeAnswer& answer, std::string_view turn_id,
                     bool keep_alive, bool without_body);

// "1f\r\n"
[[nodiscard]] std::string ChunkSize(std::size_t bytes);
// Ends a chunked body.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// False: ReadRetryAfter() would find nothing.
[[nodiscard]] bool MayAskToWait(const net::ResponseHead& head);
// How long the upstream asks to wait (libs/policy/wait_hint.h); its rate-limit fields count for a
// 429.
[[nodiscard]] std::optional<Milliseconds> ReadRetryAfter(const net::ResponseHead& head,
                                                         SystemTime now);

}  // namespace reliability::sidecar::proxy
