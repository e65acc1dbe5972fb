#include "libs/base/result.h"

namespace reliability {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not_found";
    case Code::kConflict:
      return "conflict";
    case Code::kAlreadyExists:
      return "already_exists";
    case Code::kExpired:
      return "expired";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kTimeout:
      return "timeout";
    case Code::kCancelled:
      return "cancelled";
    case Code::kDenied:
      return "denied";
    case Code::kExhausted:
      return "exhausted";
    case Code::kInternal:
      return "internal";
    case Code::kUnsupported:
      return "unsupported";
  }
  return "internal";
}

std::string ToString(const Error& error) {
  std::string text{CodeName(error.code)};
  text += ": ";
  text += error.message;
  return text;
}

}  // namespace reliability
