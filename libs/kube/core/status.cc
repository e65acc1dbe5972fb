#include "libs/kube/core/status.h"

#include <simdjson.h>

#include <algorithm>

#include "libs/base/strings.h"

namespace reliability::kube {
namespace {

using simdjson::SUCCESS;

struct StatusObject {
  int code = 0;
  std::string reason;
  std::string message;
  std::int64_t retry_after_seconds = 0;
};

// Takes what can be read; false if the text is not a JSON object at all.
bool ReadStatus(std::string_view raw_json, StatusObject& out) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(raw_json);
  simdjson::ondemand::document document;
  simdjson::ondemand::object status;
  if (parser.iterate(padded).get(document) != SUCCESS ||
      document.get_object().get(status) != SUCCESS) {
    return false;
  }
  for (auto member : status) {
    simdjson::ondemand::field item;
    if (std::move(member).get(item) != SUCCESS) {
      break;
    }
    std::string_view text;
    std::int64_t number = 0;
    if (item.key() == "message" && item.value().get_string().get(text) == SUCCESS) {
      out.message = text;
    } else if (item.key() == "reason" && item.value().get_string().get(text) == SUCCESS) {
      out.reason = text;
    } else if (item.key() == "code" && item.value().get_int64().get(number) == SUCCESS) {
      out.code = static_cast<int>(std::clamp<std::int64_t>(number, 0, 999));
    } else if (item.key() == "details") {
      if (item.value()["retryAfterSeconds"].get_int64().get(number) == SUCCESS) {
        out.retry_after_seconds = std::clamp<std::int64_t>(number, 0, 86'400);
      }
    }
  }
  return true;
}

Code CodeOf(int http_status, std::string_view reason) {
  switch (http_status) {
    case 400:
    case 413:
    case 422:
      return Code::kInvalid;
    case 401:
    case 403:
      return Code::kDenied;
    case 404:
      return Code::kNotFound;
    case 405:
    case 406:
    case 415:
      return Code::kUnsupported;
    case 408:
    case 504:
      return Code::kTimeout;
    case 409:
      return reason == "AlreadyExists" ? Code::kAlreadyExists : Code::kConflict;
    case 410:
      return Code::kExpired;
    case 429:
      return Code::kExhausted;
    default:
      // 3xx counts as unavailable, too: whoever answers is not the API server.
      return http_status >= 400 && http_status < 500 ? Code::kInvalid : Code::kUnavailable;
  }
}

Error MakeError(int http_status, StatusObject status, std::string_view retry_after_header) {
  Error error;
  error.code = CodeOf(http_status, status.reason);
  error.message = std::move(status.message);
  error.reason = std::move(status.reason);
  if (const auto seconds = ParseUint(Trim(retry_after_header)); seconds.has_value()) {
    error.retry_after = std::chrono::seconds{std::min<std::uint64_t>(*seconds, 86'400)};
  } else if (status.retry_after_seconds > 0) {
    error.retry_after = std::chrono::seconds{status.retry_after_seconds};
  }
  return error;
}

}  // namespace

Error ErrorFromResponse(int http_status, std::string_view body,
                        std::string_view retry_after_header) {
  StatusObject status;
  if (!ReadStatus(body, status) || status.message.empty()) {
    // Proxies and overload filters answer with plain text.
    constexpr std::size_t kShown = 200;
    status.message = "HTTP " + std::to_string(http_status);
    if (!body.empty() && body.front() != '{') {
      status.message.append(": ").append(body.substr(0, kShown));
      while (!status.message.empty() && status.message.back() == '\n') {
        status.message.pop_back();
      }
    }
  }
  return MakeError(http_status, std::move(status), retry_after_header);
}

Error ErrorFromStatusObject(std::string_view raw_json) {
  StatusObject status;
  if (!ReadStatus(raw_json, status) || status.code == 0) {
    return Error{Code::kUnavailable, "watch error without a status code", std::nullopt, {}};
  }
  const int code = status.code;
  return MakeError(code, std::move(status), {});
}

}  // namespace reliability::kube
