#pragma once
// Bodies of HTTP/1.x, piecewise: the bytes of a message body go in, payload comes out as views into
// them. Strict chunked grammar: hex size of at most 16 digits, extensions without control bytes,
// CRLF only; trailers are read and dropped. Pure.
#include <cstdint>
#include <string_view>

#include "libs/net/http_head.h"

namespace reliability::net {

enum class BodyKind { kNone, kLength, kChunked, kUntilEof };

// RFC 9112 section 6.3. `to_head` and the status matter for responses only.
[[nodiscard]] BodyKind RequestBodyKind(const RequestHead& head);
[[nodiscard]] BodyKind ResponseBodyKind(const ResponseHead& head, bool to_head);

class BodyDecoder {
 public:
  BodyDecoder() = default;  // no body
  BodyDecoder(BodyKind kind, std::uint64_t length);

  struct Piece {
    std::size_t consumed = 0;  // bytes of the input that are done with
    std::string_view payload;  // inside those bytes, may be empty
    bool error = false;        // broken framing: the connection cannot be used any more
  };
  // One step; call again with the rest while it consumes something.
  [[nodiscard]] Piece Next(std::string_view input);

  [[nodiscard]] BodyKind kind() const { return kind_; }
  [[nodiscard]] bool done() const { return state_ == State::kDone; }
  // The peer closed: true if that ends the body in good order.
  [[nodiscard]] bool OnEof();

 private:
  enum class State {
    kLength,  // `left_` payload bytes to come
    kUntilEof,
    kSize,       // hex digits of a chunk size
    kExtension,  // up to CR
    kSizeLf,
    kData,  // `left_` bytes of a chunk
    kDataCr,
    kDataLf,
    kTrailerStart,  // at the start of a trailer line
    kTrailer,       // inside one
    kTrailerLf,
    kEndLf,
    kDone,
  };
  // One byte of chunk framing; false on a syntax error.
  bool Step(char c);
  bool StepSize(char c);

  BodyKind kind_ = BodyKind::kNone;
  State state_ = State::kDone;
  std::uint64_t left_ = 0;
  int digits_ = 0;
  std::uint32_t line_bytes_ = 0;  // of extensions and trailers together
};

}  // namespace reliability::net
