#pragma once
// Outbound HTTP/1.1 as the operator needs it: one answer per request, or a body in pieces.
//
// Implementations are thread-safe and block the calling thread (never call them from the pool
// threads of the implementation). Redirects are answers like any other. An answer with any HTTP
// status is a value; an Error means that there was no usable answer:
//   kTimeout      no complete answer within the limit
//   kUnavailable  the peer cannot be reached, or cut the connection; the request may have acted
//   kExhausted    the body is larger than the limit
//   kCancelled    stop was requested
//   kInvalid      the URL is not one we can call
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"

namespace reliability::http {

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method = "GET";
  std::string url;  // absolute, http or https
  // A Host header is sent as given and, with https, is the name that the certificate must have.
  std::vector<Header> headers;
  std::string body;
  std::size_t max_response_bytes = std::size_t{64} << 20U;
};

struct Response {
  int status = 0;
  std::vector<Header> headers;
  // Its capacity exceeds its size by at least 64 bytes (JSON parsers read ahead).
  std::string body;

  // First value of a header, by name without regard to case; empty if there is none.
  [[nodiscard]] std::string_view Find(std::string_view name) const;
};

struct StreamLimits {
  Milliseconds first_byte{30'000};  // until the head of the answer
  Milliseconds idle{90'000};        // between two pieces of the body
  Milliseconds total{600'000};      // the whole exchange
};

// One piece of the body; false ends the stream, which then counts as complete.
using ChunkCallback = std::function<bool(std::string_view bytes)>;

class Transport {
 public:
  virtual ~Transport() = default;

  // `deadline` is the longest time from now to the last byte of the answer.
  [[nodiscard]] virtual Result<Response> Send(const Request& request, Milliseconds deadline) = 0;

  // Hands the body of a 2xx answer over in pieces, on the calling thread, and returns an answer
  // with an empty body. Any other answer is returned as Send does, without a callback.
  // A stop request ends it in milliseconds.
  [[nodiscard]] virtual Result<Response> Stream(const Request& request, const StreamLimits& limits,
                                                const ChunkCallback& on_chunk,
                                                const std::stop_token& stop) = 0;
};

}  // namespace reliability::http
