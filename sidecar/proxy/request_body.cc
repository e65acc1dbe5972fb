#include "sidecar/proxy/request_body.h"

#include "libs/base/strings.h"

namespace reliability::sidecar::proxy {
namespace {

constexpr std::size_t kLeastSpace = 2048;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

RequestBody::RequestBody(LoopContext& loop, ClientConnection& client, const net::RequestHead& head,
                         std::size_t head_end)
    : loop_(loop),
      client_(client),
      kind_(net::RequestBodyKind(head)),
      length_(kind_ == net::BodyKind::kChunked ? std::optional<std::uint64_t>{}
                                               : head.framing.content_length.value_or(0)),
      decoder_(kind_, length_.value_or(0)),
      encoded_(!head.Get(net::FieldId::kContentEncoding).empty()),
      head_end_(head_end),
      expects_permission_(kind_ != net::BodyKind::kNone && head.version >= 11 &&
                          EqualsIgnoreCase(head.Get(net::FieldId::kExpect), "100-continue")),
      held_(loop) {}

net::Task<bool> RequestBody::Permit() {
  if (!expects_permission_) {
    co_return true;
  }
  expects_permission_ = false;
  if (!source().empty()) {
    co_return true;  // it did not wait
  }
  co_return co_await client_.WriteAll(kContinue);
}

RequestBody::Pull RequestBody::Fill() {
  net::Buffer& own = client_.input;
  if (!extra_.held()) {
    if (own.empty()) {
      own.RewindTo(head_end_);
    }
    if (own.space_bytes() < kLeastSpace) {
      // The head's block is full. Whatever of the body it holds was pulled before we came here.
      extra_ = loop_.buffers.Acquire();
    }
  } else if (extra_.empty()) {
    extra_.Clear();
  }
  net::Buffer& into = source();
  const net::IoResult result = client_.stream.Read(into.space(), into.space_bytes());
  switch (result.status) {
    case net::IoStatus::kOk:
      into.Commit(result.bytes);
      return Pull::kPiece;
    case net::IoStatus::kAgain:
      return Pull::kAgain;
    case net::IoStatus::kEof:
    case net::IoStatus::kError:
      break;
  }
  return Pull::kGone;
}

RequestBody::Pull RequestBody::PullPiece(std::string_view& piece) {
  piece = {};
  while (!decoder_.done()) {
    net::Buffer& from = source();
    if (from.empty()) {
      const Pull filled = Fill();
      if (filled != Pull::kPiece) {
        return filled;
      }
      continue;
    }
    const auto next = decoder_.Next(from.view());
    from.Consume(next.consumed);
    if (next.error) {
      return Pull::kBad;
    }
    if (!next.payload.empty()) {
      piece = next.payload;
      streamed_ = streamed_ || !taking_whole_;
      return Pull::kPiece;
    }
  }
  return Pull::kDone;
}

bool RequestBody::TakeInPlace(std::size_t cap) {
  const std::string_view here = client_.input.view();
  if (encoded_ || kind_ != net::BodyKind::kLength || here.size() < *length_ || *length_ > cap) {
    return false;
  }
  whole_ = here.substr(0, static_cast<std::size_t>(*length_));
  taking_whole_ = true;
  std::string_view piece;
  (void)PullPiece(piece);
  taking_whole_ = false;
  return true;
}

net::Task<RequestBody::Take> RequestBody::TakeWhole(std::size_t cap) {
  if (TakeInPlace(cap)) {
    co_return Take::kComplete;
  }
  taking_whole_ = true;
  const Take take = co_await Collect(cap);
  taking_whole_ = false;
  co_return take;
}

net::Task<RequestBody::Take> RequestBody::Collect(std::size_t cap) {
  if (kind_ == net::BodyKind::kLength) {
    if (*length_ > cap) {
      co_return Take::kTooLarge;
    }
    if (!held_.Grow(static_cast<std::size_t>(*length_))) {
      lacked_room_ = true;
      co_return Take::kTooLarge;
    }
    store_.reserve(static_cast<std::size_t>(*length_) + net::kBlockPadding);
  }
  const bool permitted = co_await Permit();
  if (!permitted) {
    co_return Take::kGone;
  }
  while (true) {
    std::string_view piece;
    const Pull pull = PullPiece(piece);
    switch (pull) {
      case Pull::kPiece:
        if (kind_ == net::BodyKind::kChunked && !held_.Grow(piece.size())) {
          lacked_room_ = true;
          cap = 0;
        }
        store_.append(piece);
        whole_ = store_;
        if (store_.size() > cap) {
          co_return Take::kTooLarge;
        }
        break;
      case Pull::kDone:
        store_.reserve(store_.size() + net::kBlockPadding);
        whole_ = store_;
        co_return Take::kComplete;
      case Pull::kBad:
        co_return Take::kBad;
      case Pull::kGone:
        co_return Take::kGone;
      case Pull::kAgain: {
        const MonotonicTime limit = loop_.deadlines.Now() + loop_.agent_limits.body_stall;
        client_.deadline.Set(limit);
        WantMore();
        co_await client_.signal.Wait();
        if (loop_.aborting) {
          co_return Take::kGone;
        }
        if (loop_.deadlines.Now() >= limit) {
          co_return Take::kTimeout;
        }
        break;
      }
    }
  }
}

void RequestBody::Finish() {
  if (extra_.held()) {
    client_.input = std::move(extra_);
  }
}

}  // namespace reliability::sidecar::proxy
