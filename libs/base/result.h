#pragma once
// Errors are values: every fallible function returns Result<T>.
//
//   Result<int> Parse(std::string_view text);
//   Result<int> Twice(std::string_view text) {
//     RELIABILITY_ASSIGN_OR_RETURN(const int value, Parse(text));
//     return 2 * value;
//   }
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace reliability {

enum class Code {
  kInvalid,        // the input is wrong: retrying the same input cannot help
  kNotFound,       // the named thing does not exist
  kConflict,       // somebody else changed it, or owns the field
  kAlreadyExists,  // create of something that is there
  kExpired,        // a resource version, lease or deadline is too old
  kUnavailable,    // peer unreachable or overloaded: retry later
  kTimeout,        // no answer in time
  kCancelled,      // we were asked to stop
  kDenied,         // authentication or authorisation
  kExhausted,      // a limit or quota is used up
  kInternal,       // our own fault
  kUnsupported,    // valid, but not something we do
};

[[nodiscard]] std::string_view CodeName(Code code);

// Immutable after construction; cheap enough to copy on error paths.
struct Error {
  Code code = Code::kInternal;
  std::string message;
  // When the peer said how long to wait (Retry-After).
  std::optional<std::chrono::milliseconds> retry_after;
  // Kubernetes Status.reason (e.g. "Conflict"), empty elsewhere.
  std::string reason;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = tl::expected<void, Error>;

[[nodiscard]] inline tl::unexpected<Error> Fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::nullopt, {}});
}
[[nodiscard]] inline tl::unexpected<Error> Fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

// "timeout: no answer from 10.0.0.1" for logs and condition messages.
[[nodiscard]] std::string ToString(const Error& error);

}  // namespace reliability

#define RELIABILITY_CONCAT_INNER(a, b) a##b
#define RELIABILITY_CONCAT(a, b) RELIABILITY_CONCAT_INNER(a, b)

// A name that is declared, or assigned to, takes no parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)

// Returns the error of a Status/Result expression, if it has one.
#define RELIABILITY_TRY(expr)                                                \
  do {                                                                       \
    auto reliability_try_result = (expr);                                    \
    if (!reliability_try_result.has_value()) {                               \
      return ::reliability::Fail(std::move(reliability_try_result).error()); \
    }                                                                        \
  } while (false)

#define RELIABILITY_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                      \
  if (!(tmp).has_value()) {                               \
    return ::reliability::Fail(std::move(tmp).error());   \
  }                                                       \
  lhs = std::move(*(tmp))

#define RELIABILITY_ASSIGN_OR_RETURN(lhs, expr) \
  RELIABILITY_ASSIGN_OR_RETURN_IMPL(RELIABILITY_CONCAT(reliability_result_, __LINE__), lhs, expr)

// NOLINTEND(bugprone-macro-parentheses)
