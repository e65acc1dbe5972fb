#include "libs/sidecar_config/chain.h"

#include <array>

namespace reliability::sidecar_config {
namespace {

using policy::ErrorClass;

// data-plane.md 2.10
constexpr std::array kDefaultAdvanceOn = {
    ErrorClass::kConnect,           ErrorClass::kResetBeforeHeaders, ErrorClass::kTimeoutConnect,
    ErrorClass::kTimeoutFirstToken, ErrorClass::kTimeoutIdle,        ErrorClass::kTimeoutTotal,
    ErrorClass::kRateLimited,       ErrorClass::kQuotaExhausted,     ErrorClass::kOverloaded,
    ErrorClass::kServerError,       ErrorClass::kStreamTruncated,    ErrorClass::kMalformed,
    ErrorClass::kCircuitOpen,
};

}  // namespace

FallbackChain::FallbackChain() : advance_on(kDefaultAdvanceOn.begin(), kDefaultAdvanceOn.end()) {}

std::span<const ErrorClass> DefaultAdvanceOn() { return kDefaultAdvanceOn; }

bool IsTerminalText(std::string_view text) {
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    const std::string_view rest = text.substr(at);
    if (!rest.starts_with("{{.agent}}") && !rest.starts_with("{{.reason}}")) {
      return false;
    }
    at += 2;
  }
  return true;
}

}  // namespace reliability::sidecar_config
