#include "sidecar/proxy/origin_check.h"

#include <string>

#include "libs/base/strings.h"
#include "libs/net/asio.h"

namespace reliability::sidecar::proxy {
namespace {

std::string_view WithoutPort(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end == std::string_view::npos ? std::string_view{} : host.substr(1, end - 1);
  }
  return host.substr(0, host.find(':'));
}

}  // namespace

bool IsLoopbackAddress(std::string_view address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(std::string(address), error);
  if (error) {
    return false;
  }
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6())
        .is_loopback();
  }
  return parsed.is_loopback();
}

bool IsOwnHost(std::string_view host, HostRule rule) {
  if (host.empty()) {
    return true;
  }
  const std::string_view name = WithoutPort(host);
  if (name == "127.0.0.1") {  // what SDKs are configured with
    return true;
  }
  if (EqualsIgnoreCase(name, "localhost") || IsLoopbackAddress(name)) {
    return true;
  }
  boost::system::error_code error;
  (void)boost::asio::ip::make_address(std::string(name), error);
  return rule == HostRule::kAnyAddress && !error;
}

bool IsCrossSite(std::string_view origin, std::string_view fetch_site) {
  if (EqualsIgnoreCase(fetch_site, "cross-site")) {
    return true;
  }
  if (origin.empty()) {
    return false;
  }
  const std::size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ||
         !IsOwnHost(origin.substr(scheme + 3), HostRule::kLoopback) || scheme + 3 >= origin.size();
}

}  // namespace reliability::sidecar::proxy
