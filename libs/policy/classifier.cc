#include "libs/policy/classifier.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace reliability::policy {
namespace {

using Row = std::pair<std::string_view, ErrorClass>;

template <std::size_t N>
std::optional<ErrorClass> Lookup(const std::array<Row, N>& rows, std::string_view name) {
  const auto row =
      std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.first == name; });
  return row == rows.end() ? std::nullopt : std::optional(row->second);
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// error.code and error.details.error_code of both providers: more precise than type and status.
constexpr std::array<Row, 14> kCodes = {{
    {"credit_balance_exhausted", ErrorClass::kQuotaExhausted},
    {"organization_spend_limit_exceeded", ErrorClass::kQuotaExhausted},
    {"project_spend_limit_exceeded", ErrorClass::kQuotaExhausted},
    {"organization_usage_limit_exceeded", ErrorClass::kQuotaExhausted},
    {"insufficient_quota", ErrorClass::kQuotaExhausted},
    {"enforced_spend_limit_reached", ErrorClass::kQuotaExhausted},
    {"rate_limit_exceeded", ErrorClass::kRateLimited},
    {"slow_down", ErrorClass::kRateLimited},
    {"server_is_overloaded", ErrorClass::kOverloaded},
    {"context_length_exceeded", ErrorClass::kContextLength},
    {"content_policy_violation", ErrorClass::kContentFilter},
    {"content_filter", ErrorClass::kContentFilter},
    {"invalid_api_key", ErrorClass::kAuth},
    {"model_not_found", ErrorClass::kNotFound},
}};

// error.type of both providers; decides alone where there is no status (inside a stream).
constexpr std::array<Row, 14> kTypes = {{
    {"insufficient_quota", ErrorClass::kQuotaExhausted},
    {"billing_error", ErrorClass::kQuotaExhausted},
    {"rate_limit_error", ErrorClass::kRateLimited},
    {"overloaded_error", ErrorClass::kOverloaded},
    {"api_error", ErrorClass::kServerError},
    {"server_error", ErrorClass::kServerError},
    {"timeout_error", ErrorClass::kServerError},
    {"invalid_request_error", ErrorClass::kInvalidRequest},
    {"request_too_large", ErrorClass::kInvalidRequest},
    {"conflict_error", ErrorClass::kInvalidRequest},
    {"authentication_error", ErrorClass::kAuth},
    {"permission_error", ErrorClass::kAuth},
    {"not_found_error", ErrorClass::kNotFound},
    {"tokens", ErrorClass::kRateLimited},  // OpenAI's type of a token-per-minute limit
}};

// Anthropic says these only in the text of a 400.
std::optional<ErrorClass> ByMessage(Protocol protocol, std::string_view message) {
  if (protocol != Protocol::kAnthropic) {
    return std::nullopt;
  }
  if (Contains(message, "prompt is too long")) {
    return ErrorClass::kContextLength;
  }
  if (Contains(message, "credit balance is too low") || Contains(message, "usage limits")) {
    return ErrorClass::kQuotaExhausted;
  }
  return std::nullopt;
}

std::optional<ErrorClass> ByCode(const ProviderError& error) {
  if (const auto found = Lookup(kCodes, error.code)) {
    return found;
  }
  return Lookup(kCodes, error.detail_code);
}

ErrorClass ByStatus(Protocol protocol, int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorClass::kAuth;
    case 402:
      return ErrorClass::kQuotaExhausted;
    case 404:
    case 410:
      return ErrorClass::kNotFound;
    case 408:
    case 425:
      return ErrorClass::kServerError;
    case 429:
      return ErrorClass::kRateLimited;
    case 529:
      return ErrorClass::kOverloaded;
    default:
      break;
  }
  if (status >= 500) {
    return ErrorClass::kServerError;
  }
  if (status >= 400) {
    return ErrorClass::kInvalidRequest;
  }
  // A redirect or 304 is an answer for a plain HTTP client; no LLM or MCP endpoint has one.
  return protocol == Protocol::kHttp ? ErrorClass::kNone : ErrorClass::kInvalidRequest;
}

constexpr std::array<Row, 24> kHintTypes = {{
    {"timeout", ErrorClass::kToolErrorTransient},
    {"timed_out", ErrorClass::kToolErrorTransient},
    {"rate_limit", ErrorClass::kToolErrorTransient},
    {"rate_limit_exceeded", ErrorClass::kToolErrorTransient},
    {"unavailable", ErrorClass::kToolErrorTransient},
    {"service_unavailable", ErrorClass::kToolErrorTransient},
    {"temporarily_unavailable", ErrorClass::kToolErrorTransient},
    {"transient", ErrorClass::kToolErrorTransient},
    {"connection_error", ErrorClass::kToolErrorTransient},
    {"network_error", ErrorClass::kToolErrorTransient},
    {"internal_error", ErrorClass::kToolErrorTransient},
    {"upstream_error", ErrorClass::kToolErrorTransient},
    {"permanent", ErrorClass::kToolErrorPermanent},
    {"invalid_arguments", ErrorClass::kToolErrorPermanent},
    {"invalid_input", ErrorClass::kToolErrorPermanent},
    {"invalid_params", ErrorClass::kToolErrorPermanent},
    {"validation_error", ErrorClass::kToolErrorPermanent},
    {"permission_denied", ErrorClass::kToolErrorPermanent},
    {"forbidden", ErrorClass::kToolErrorPermanent},
    {"unauthorized", ErrorClass::kToolErrorPermanent},
    {"conflict", ErrorClass::kToolErrorPermanent},
    {"already_exists", ErrorClass::kToolErrorPermanent},
    {"unsupported", ErrorClass::kToolErrorPermanent},
    {"unknown_tool", ErrorClass::kToolErrorPermanent},
}};

}  // namespace

ErrorClass ClassifyResponse(Protocol protocol, int status, const ProviderError& error) {
  if (status >= 200 && status < 300) {
    return ErrorClass::kNone;
  }
  const bool provider = protocol == Protocol::kOpenAI || protocol == Protocol::kAnthropic;
  if (!provider || status < 400) {
    return ByStatus(protocol, status);
  }
  if (const auto by_code = ByCode(error)) {
    return *by_code;
  }
  if (status == 429 && error.type == "insufficient_quota") {
    return ErrorClass::kQuotaExhausted;
  }
  if (status == 400) {
    if (const auto by_message = ByMessage(protocol, error.message)) {
      return *by_message;
    }
  }
  if (status >= 500 && error.type == "overloaded_error") {
    return ErrorClass::kOverloaded;
  }
  return ByStatus(protocol, status);
}

ErrorClass ClassifyEmbedded(Protocol protocol, const ProviderError& error) {
  if (const auto by_code = ByCode(error)) {
    return *by_code;
  }
  if (const auto by_message = ByMessage(protocol, error.message)) {
    return *by_message;
  }
  return Lookup(kTypes, error.type).value_or(ErrorClass::kServerError);
}

ErrorClass ClassifyJsonRpcError(int http_status, std::int64_t code) {
  if (http_status >= 400) {
    return ByStatus(Protocol::kMcp, http_status);
  }
  if (code == -32042) {
    return ErrorClass::kDeferred;
  }
  const bool ours = code == -32603 || (code <= -32000 && code >= -32019 && code != -32002);
  return ours ? ErrorClass::kToolErrorTransient : ErrorClass::kToolErrorPermanent;
}

ErrorClass ClassifyToolError(const ToolErrorHint& hint) {
  if (const auto own = ParseErrorClass(hint.error_type)) {
    // The tool stands behind another of our sidecars, or uses the same words.
    return TraitsOf(*own).spoils_turn ? ErrorClass::kToolErrorTransient
                                      : ErrorClass::kToolErrorPermanent;
  }
  if (const auto known = Lookup(kHintTypes, hint.error_type)) {
    return *known;
  }
  const bool transient = hint.retryable.value_or(hint.recoverable.value_or(false));
  return transient ? ErrorClass::kToolErrorTransient : ErrorClass::kToolErrorPermanent;
}

ErrorClass ClassifyTransport(TransportEvent event) {
  switch (event) {
    case TransportEvent::kConnectFailed:
      return ErrorClass::kConnect;
    case TransportEvent::kReset:
      return ErrorClass::kResetBeforeHeaders;
    case TransportEvent::kCutBody:
      return ErrorClass::kStreamTruncated;
    case TransportEvent::kProtocolError:
      return ErrorClass::kMalformed;
    case TransportEvent::kConnectTimeout:
      return ErrorClass::kTimeoutConnect;
    case TransportEvent::kFirstTokenTimeout:
      return ErrorClass::kTimeoutFirstToken;
    case TransportEvent::kIdleTimeout:
      return ErrorClass::kTimeoutIdle;
    case TransportEvent::kTotalTimeout:
      return ErrorClass::kTimeoutTotal;
    case TransportEvent::kDeadline:
      return ErrorClass::kDeadlineExceeded;
    case TransportEvent::kLocalFailure:
      return ErrorClass::kLocalOutage;
    case TransportEvent::kClientGone:
      return ErrorClass::kClientCancelled;
  }
  return ErrorClass::kServerError;
}

}  // namespace reliability::policy
