#pragma once
// Web pages must not reach the sidecar through a user's browser (data-plane ruling 51): a Host that
// is not the listener's own (DNS rebinding) and cross-site requests are refused. Pure.
#include <string_view>

namespace reliability::sidecar::proxy {

enum class HostRule {
  kLoopback,   // localhost, 127.0.0.0/8, ::1
  kAnyAddress  // also every IP literal: a pod's own address, as scrapers use it
};

// `host` as in the Host field, with or without port; an absent one (HTTP/1.0) is accepted.
[[nodiscard]] bool IsOwnHost(std::string_view host, HostRule rule);
// By the Origin and Sec-Fetch-Site fields, empty if absent.
[[nodiscard]] bool IsCrossSite(std::string_view origin, std::string_view fetch_site);
// "127.0.0.1", "::1", "::ffff:127.0.0.1".
[[nodiscard]] bool IsLoopbackAddress(std::string_view address);

}  // namespace reliability::sidecar::proxy
