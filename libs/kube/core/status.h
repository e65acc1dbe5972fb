#pragma once
// metav1.Status and HTTP status codes -> typed errors. Pure.
#include <string_view>

#include "libs/base/result.h"

namespace reliability::kube {

// The error of an answer that is not 2xx. Error.reason holds Status.reason ("Conflict",
// "AlreadyExists", "Expired", ...); retry_after comes from the Retry-After header value (seconds)
// or from Status.details.retryAfterSeconds.
//   400, 422 kInvalid   401, 403 kDenied   404 kNotFound   405, 415 kUnsupported
//   409 kAlreadyExists if the reason says so, else kConflict   410 kExpired
//   413 kInvalid   429 kExhausted   408, 504 kTimeout   other 5xx kUnavailable
[[nodiscard]] Error ErrorFromResponse(int http_status, std::string_view body,
                                      std::string_view retry_after_header);

// The error of a Status object inside a watch (its `code` decides).
[[nodiscard]] Error ErrorFromStatusObject(std::string_view raw_json);

}  // namespace reliability::kube
