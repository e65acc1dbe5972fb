#pragma once
// Reads HTTP/1.x heads. The grammar is that of Beast's basic_parser, which the tests compare it
// with, at a third of its instructions; on top of it everything is refused that two implementations
// could read differently (operator ruling 32): any second Content-Length, a comma in one, any
// Transfer-Encoding but exactly `chunked`, both together, obs-fold, bare LF or CR, NUL, a missing
// or second Host. Pure: no I/O, no allocation but the field list.
#include <cstddef>
#include <string_view>

#include "libs/net/http_head.h"

namespace reliability::net {

inline constexpr std::size_t kMaxHeadBytes = std::size_t{16} * 1024;
inline constexpr std::size_t kMaxHeadFields = 100;

enum class HeadStatus {
  kComplete,
  kIncomplete,  // more bytes are needed
  kBad,         // 400
  kTooLarge,    // 431
  kBadVersion,  // 505: HTTP/2 preface, HTTP/0.9, HTTP/1.2 ...
};

struct HeadResult {
  HeadStatus status = HeadStatus::kIncomplete;
  std::size_t bytes = 0;    // length of the head if complete
  const char* reason = "";  // for logs and the answer's body
};

// `scanned` is how far an earlier call on the same growing buffer has looked (start with 0).
[[nodiscard]] HeadResult ParseRequestHead(std::string_view buffer, std::size_t& scanned,
                                          RequestHead& head);
[[nodiscard]] HeadResult ParseResponseHead(std::string_view buffer, std::size_t& scanned,
                                           ResponseHead& head);

}  // namespace reliability::net
