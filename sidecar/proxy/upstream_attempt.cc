#include "sidecar/proxy/upstream_attempt.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libs/net/http_head_parser.h"
#include "libs/policy/timeouts.h"
#include "sidecar/inspect/mcp_deadline.h"

namespace reliability::sidecar::proxy {
namespace {

using policy::TransportEvent;

constexpr int kMaxInterimHeads = 16;  // 1xx
// Headers that vouch for every byte of a body.
constexpr std::array<std::string_view, 4> kDigests = {"content-digest", "digest", "content-md5",
                                                      "x-amz-content-sha256"};

// A body that can say how much time there is: one tools/call that we have read.
bool TakesDeadline(const ExchangeState& state) {
  const Call& call = state.call;
  return call.kind == CallKind::kMcpTool && call.inspected &&
         call.mcp.kind == inspect::McpKind::kRequest && state.body.done() && state.body.intact() &&
         std::none_of(kDigests.begin(), kDigests.end(),
                      [&](std::string_view name) { return !state.request.Get(name).empty(); });
}

}  // namespace

UpstreamAttempt::UpstreamAttempt(ExchangeState& state) : state_(state) {
  response_.fields = std::exchange(state.loop.spare_fields, {});
}

UpstreamAttempt::~UpstreamAttempt() {
  if (response_.fields.capacity() <= LoopContext::kSpareFields) {
    response_.fields.clear();
    state_.loop.spare_fields = std::move(response_.fields);
  }
  if (wake_ != nullptr) {
    *wake_ = nullptr;
  }
}

UpstreamAttempt::Failure UpstreamAttempt::After(Interrupt interrupt) const {
  return interrupt == Interrupt::kLimit ? state_.expired : TransportEvent::kClientGone;
}

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::Run() {
  if (stream_.open()) {
    Failure failure = co_await Send();
    if (!failure.has_value()) {
      failure = co_await ReceiveHead();
      co_return failure;
    }
    if (sent_any_ || *failure != TransportEvent::kReset) {
      co_return failure;
    }
    // The idle connection was dead and not a byte left us: this is still the first try.
    stream_.Close();
    reused_ = false;
  }
  Failure failure = co_await Connect();
  if (!failure.has_value()) {
    failure = co_await Send();
  }
  if (failure.has_value()) {
    co_return failure;
  }
  co_return co_await ReceiveHead();
}

void UpstreamAttempt::PrepareHead() {
  const RequestBody& body = state_.body;
  std::string_view whole = body.whole();
  if (state_.call.renamed) {
    whole = state_.call.renamed->body;
  } else if (!state_.call.sent_body.empty()) {
    whole = state_.call.sent_body;
  }
  const bool foreign = state_.call.foreign;
  RequestEdit edit{
      .target = state_.call.target, .identity_encoding = state_.call.inspected, .deadline_ms = {}};
  const Limit& total = state_.limits.Nearest();
  if (state_.enforce && !foreign && total.at != MonotonicTime::max()) {
    edit.deadline_ms = (total.at - state_.call.admission.passed_at).count();
    if (TakesDeadline(state_)) {
      if (auto told = inspect::WithDeadline(whole, *edit.deadline_ms)) {
        told_ = std::move(*told);
        whole = told_;
      }
    }
  }
  OutFraming framing;
  if (body.done()) {
    const std::size_t size = whole.size();
    framing = {.kind = size > 0 ? OutFraming::Kind::kLength : OutFraming::Kind::kNone,
               .length = size};
  } else if (body.length().has_value()) {
    framing = {.kind = OutFraming::Kind::kLength, .length = *body.length()};
  } else {
    framing.kind = OutFraming::Kind::kChunked;
    chunked_ = true;
  }
  if (foreign) {
    edit.foreign = true;
    edit.key = state_.call.tier->key;
  }
  edit.translated = state_.call.tier_api.has_value();
  WriteRequestHead(head_, state_.request, *state_.call.upstream, edit, framing);
  out_ = {head_.view(), {}, whole, {}};
  if (chunked_ && !whole.empty()) {
    chunk_size_ = ChunkSize(whole.size());
    out_[1] = chunk_size_;
    out_[3] = "\r\n";
  }
}

bool UpstreamAttempt::NextPiece(Failure& failure, bool& finished) {
  std::string_view piece;
  switch (state_.body.PullPiece(piece)) {
    case RequestBody::Pull::kPiece:
      if (chunked_) {
        chunk_size_ = ChunkSize(piece.size());
        out_ = {std::string_view{}, chunk_size_, piece, "\r\n"};
      } else {
        out_ = {std::string_view{}, {}, piece, {}};
      }
      return true;
    case RequestBody::Pull::kDone:
      if (chunked_ && !last_chunk_sent_) {
        last_chunk_sent_ = true;
        out_ = {kLastChunk, {}, {}, {}};
        return true;
      }
      finished = true;
      return false;
    case RequestBody::Pull::kAgain:
      state_.body.WantMore();
      return false;
    case RequestBody::Pull::kBad:
      client_fault_ = 400;
      failure = TransportEvent::kClientGone;
      return false;
    case RequestBody::Pull::kGone:
      break;
  }
  failure = TransportEvent::kClientGone;
  return false;
}

net::IoStatus UpstreamAttempt::WriteOut() {
  const net::IoResult result = stream_.WriteParts(out_);
  sent_any_ = sent_any_ || result.bytes > 0;
  return result.status;
}

bool UpstreamAttempt::AllOut() const {
  return std::all_of(out_.begin(), out_.end(), [](std::string_view part) { return part.empty(); });
}

bool UpstreamAttempt::SendAtOnce() {
  PrepareHead();
  // A server that ends idle connections must not make a call fail that cannot be made again
  // (data-plane ruling 11).
  using Again = net::ConnectionPool::Call;
  stream_ = state_.loop.pool.Acquire(state_.call.upstream->pool_key,
                                     state_.call.may_repeat ? Again::kRepeatable : Again::kOnce);
  reused_ = stream_.open();
  if (!reused_) {
    return false;
  }
  stream_.Attach(&state_.client.signal);
  if (!state_.body.done()) {
    return false;
  }
  while (!AllOut()) {
    if (WriteOut() != net::IoStatus::kOk) {
      return false;
    }
  }
  sent_all_ = true;
  state_.WatchAgent();
  return true;
}

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::Send() {
  while (true) {
    bool waiting_for_agent = false;
    if (AllOut()) {
      Failure failure;
      bool finished = false;
      if (NextPiece(failure, finished)) {
        continue;
      }
      if (finished) {
        sent_all_ = true;
        state_.WatchAgent();
        co_return std::nullopt;
      }
      if (failure.has_value()) {
        co_return failure;
      }
      waiting_for_agent = true;
      const bool permitted = co_await state_.body.Permit();
      if (!permitted) {
        co_return TransportEvent::kClientGone;
      }
    } else {
      const net::IoStatus status = WriteOut();
      if (status == net::IoStatus::kOk) {
        continue;
      }
      if (status != net::IoStatus::kAgain) {
        if (sent_any_ && stream_.PeekState() == net::Stream::Peek::kData) {
          co_return std::nullopt;  // it answered before it hung up
        }
        detail_ = "the connection was closed while the request was sent";
        co_return TransportEvent::kReset;
      }
      stream_.WantWrite();
    }
    // An upstream may answer before it has the whole request.
    stream_.WantRead();
    if (waiting_for_agent) {
      state_.agent_limit = state_.loop.deadlines.Now() + state_.loop.agent_limits.body_stall;
    }
    const Interrupt interrupt = co_await state_.Pause();
    state_.agent_limit = MonotonicTime::max();
    if (interrupt == Interrupt::kClientSlow) {
      client_fault_ = 408;
    }
    if (interrupt != Interrupt::kNone) {
      co_return After(interrupt);
    }
    if (!stream_.read_pending() && stream_.PeekState() == net::Stream::Peek::kData) {
      co_return std::nullopt;
    }
  }
}

UpstreamAttempt::Failure UpstreamAttempt::ParseHead(bool& complete) {
  complete = false;
  while (true) {
    const net::HeadResult result = net::ParseResponseHead(input_.view(), scanned_, response_);
    if (result.status == net::HeadStatus::kIncomplete) {
      return std::nullopt;
    }
    if (result.status != net::HeadStatus::kComplete) {
      detail_ = std::string("response head: ") + result.reason;
      return TransportEvent::kProtocolError;
    }
    input_.Consume(result.bytes);
    scanned_ = 0;
    if (response_.status == 101 || ++interim_heads_ > kMaxInterimHeads) {
      detail_ = "response head: unexpected 1xx";
      return TransportEvent::kProtocolError;
    }
    if (response_.status >= 200) {
      complete = true;
      head_end_ = input_.begin();
      return std::nullopt;
    }
  }
}

net::Task<UpstreamAttempt::Failure> UpstreamAttempt::ReceiveHead() {
  if (state_.call.llm.stream) {
    Admission& admission = state_.call.admission;
    admission.first_token_limit = state_.llm_times.first_token;
    state_.limits.Set(Limits::kFirstToken,
                      state_.loop.deadlines.Now() +
                          (admission.probe ? policy::SlowShareOf(admission.first_token_limit)
                                           : admission.first_token_limit),
                      TransportEvent::kFirstTokenTimeout);
  }
  input_ = state_.loop.buffers.Acquire();
  // The answer is hardly there yet: wait first, unless TLS may hold it already.
  bool wait_first = !(stream_.tls() && stream_.may_have_bytes());
  bool last_look = false;  // what arrives in the limit's own tick counts (ruling 5)
  while (true) {
    net::IoResult result{.status = net::IoStatus::kAgain};
    if (!wait_first) {
      result = stream_.Read(input_.space(), input_.space_bytes());
    }
    wait_first = false;
    if (result.status == net::IoStatus::kOk) {
      input_.Commit(result.bytes);
      bool complete = false;
      if (Failure failure = ParseHead(complete)) {
        co_return failure;
      }
      if (complete) {
        co_return std::nullopt;
      }
      if (input_.space_bytes() == 0) {
        input_.Compact();
      }
      continue;
    }
    if (result.status != net::IoStatus::kAgain) {
      detail_ = "the connection was closed before the response's head";
      co_return TransportEvent::kReset;
    }
    if (last_look) {
      co_return state_.expired;
    }
    stream_.WantRead();
    const Interrupt interrupt = co_await state_.Pause();
    if (interrupt == Interrupt::kClientGone) {
      co_return TransportEvent::kClientGone;
    }
    last_look = interrupt == Interrupt::kLimit;
  }
}

net::BodyKind UpstreamAttempt::body_kind() const {
  return net::ResponseBodyKind(response_, state_.request.method == "HEAD");
}

void UpstreamAttempt::Keep() {
  if (stream_.open() && sent_all_ && response_.keep_alive && input_.empty() &&
      body_kind() != net::BodyKind::kUntilEof) {
    state_.loop.pool.Release(state_.call.upstream->pool_key, std::move(stream_), reused_);
  }
}

}  // namespace reliability::sidecar::proxy
