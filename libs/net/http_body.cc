#include "libs/net/http_body.h"

#include <algorithm>

namespace reliability::net {
namespace {

constexpr int kMaxSizeDigits = 16;
constexpr std::uint32_t kMaxLineBytes = 8 * 1024;

int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

}  // namespace

BodyKind RequestBodyKind(const RequestHead& head) {
  if (head.framing.chunked) {
    return BodyKind::kChunked;
  }
  return head.framing.content_length.value_or(0) > 0 ? BodyKind::kLength : BodyKind::kNone;
}

BodyKind ResponseBodyKind(const ResponseHead& head, bool to_head) {
  if (to_head || head.status / 100 == 1 || head.status == 204 || head.status == 304) {
    return BodyKind::kNone;
  }
  if (head.framing.chunked) {
    return BodyKind::kChunked;
  }
  if (head.framing.content_length.has_value()) {
    return *head.framing.content_length > 0 ? BodyKind::kLength : BodyKind::kNone;
  }
  return BodyKind::kUntilEof;
}

BodyDecoder::BodyDecoder(BodyKind kind, std::uint64_t length) : kind_(kind) {
  switch (kind) {
    case BodyKind::kNone:
      break;
    case BodyKind::kLength:
      left_ = length;
      state_ = length > 0 ? State::kLength : State::kDone;
      break;
    case BodyKind::kChunked:
      state_ = State::kSize;
      break;
    case BodyKind::kUntilEof:
      state_ = State::kUntilEof;
      break;
  }
}

bool BodyDecoder::OnEof() {
  if (state_ == State::kUntilEof) {
    state_ = State::kDone;
  }
  return done();
}

BodyDecoder::Piece BodyDecoder::Next(std::string_view input) {
  Piece piece;
  if (state_ == State::kUntilEof) {
    piece.consumed = input.size();
    piece.payload = input;
    return piece;
  }
  while (piece.consumed < input.size() && state_ != State::kDone) {
    if (state_ == State::kLength || state_ == State::kData) {
      const std::size_t take = std::min<std::uint64_t>(left_, input.size() - piece.consumed);
      piece.payload = input.substr(piece.consumed, take);
      piece.consumed += take;
      left_ -= take;
      if (left_ == 0) {
        state_ = state_ == State::kLength ? State::kDone : State::kDataCr;
      }
      return piece;
    }
    if (!Step(input[piece.consumed])) {
      piece.error = true;
      return piece;
    }
    ++piece.consumed;
  }
  return piece;
}

bool BodyDecoder::StepSize(char c) {
  const int digit = HexValue(c);
  if (digit >= 0) {
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    return ++digits_ <= kMaxSizeDigits;
  }
  if (digits_ == 0) {
    return false;
  }
  if (c == '\r') {
    state_ = State::kSizeLf;
    return true;
  }
  state_ = State::kExtension;
  return c == ';';  // no white space before an extension: senders must not make any
}

bool BodyDecoder::Step(char c) {
  switch (state_) {
    case State::kSize:
      return StepSize(c);
    case State::kExtension:
      if (c == '\r') {
        state_ = State::kSizeLf;
        return true;
      }
      return !IsControl(c) && ++line_bytes_ <= kMaxLineBytes;
    case State::kSizeLf:
      digits_ = 0;
      state_ = left_ == 0 ? State::kTrailerStart : State::kData;
      return c == '\n';
    case State::kDataCr:
      state_ = State::kDataLf;
      return c == '\r';
    case State::kDataLf:
      state_ = State::kSize;
      return c == '\n';
    case State::kTrailerStart:
      if (c == '\r') {
        state_ = State::kEndLf;
        return true;
      }
      state_ = State::kTrailer;
      return !IsControl(c) && c != ' ' && c != '\t' && ++line_bytes_ <= kMaxLineBytes;
    case State::kTrailer:
      if (c == '\r') {
        state_ = State::kTrailerLf;
        return true;
      }
      return !IsControl(c) && ++line_bytes_ <= kMaxLineBytes;
    case State::kTrailerLf:
      state_ = State::kTrailerStart;
      return c == '\n';
    case State::kEndLf:
      state_ = State::kDone;
      return c == '\n';
    case State::kLength:
    case State::kUntilEof:
    case State::kData:
    case State::kDone:
      break;
  }
  return false;
}

}  // namespace reliability::net
