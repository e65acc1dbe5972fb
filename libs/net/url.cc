#include "libs/net/url.h"

#include <algorithm>

#include "libs/base/strings.h"

namespace reliability::net {
namespace {

bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool IsPathByte(char c) { return c > 0x20 && c < 0x7f && c != '?' && c != '#' && c != '\\'; }

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  const auto bad = [text](const char* why) {
    return Fail(Code::kInvalid, std::string(text) + ": " + why);
  };
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad("not an http:// or https:// URL");
  }
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
  if (authority.find('@') != std::string_view::npos) {
    return bad("user information does not belong in an upstream URL");
  }
  const bool bracketed = authority.starts_with('[');
  std::string_view port;
  if (bracketed) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) {
      return bad("']' is missing");
    }
    url.host = ToLower(authority.substr(1, end - 1));
    port = authority.substr(end + 1);
    if (!std::all_of(url.host.begin(), url.host.end(),
                     [](char c) { return IsHostByte(c) || c == ':'; })) {
      return bad("not a host");
    }
  } else {
    const std::size_t colon = authority.find(':');
    url.host = ToLower(authority.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
    if (!std::all_of(url.host.begin(), url.host.end(), IsHostByte)) {
      return bad("not a host");
    }
  }
  if (url.host.empty()) {
    return bad("no host");
  }
  url.port = url.tls ? 443 : 80;
  const std::uint16_t own_port = url.port;
  if (!port.empty()) {
    const auto number = port.front() == ':' ? ParseUint(port.substr(1)) : std::nullopt;
    if (!number.has_value() || *number == 0 || *number > 65535) {
      return bad("not a port");
    }
    url.port = static_cast<std::uint16_t>(*number);
  }
  if (!std::all_of(path.begin(), path.end(), IsPathByte)) {
    return bad("the path must be without query, fragment and white space");
  }
  while (!path.empty() && path.back() == '/') {
    path.remove_suffix(1);
  }
  url.path = path;
  const std::string host = bracketed ? "[" + url.host + "]" : url.host;
  const std::string with_port = host + ":" + std::to_string(url.port);
  url.authority = url.port == own_port ? host : with_port;
  url.origin = (url.tls ? "https://" : "http://") + with_port;
  return url;
}

}  // namespace reliability::net
