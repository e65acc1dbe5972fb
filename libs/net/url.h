#pragma once
// Absolute http and https URLs of upstreams. Pure.
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::net {

struct Url {
  bool tls = false;
  std::string host;  // lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string path;  // "" or "/..." without a trailing slash
  // Host header and pool key: "host" or "host:port" if the port is not the scheme's own.
  std::string authority;
  // "https://host:port", always with port: what a connection may be shared for.
  std::string origin;
};

// kInvalid says what is wrong: user info, query, fragment and other schemes are refused.
[[nodiscard]] Result<Url> ParseUrl(std::string_view text);

}  // namespace reliability::net
