#pragma once
// One try at an upstream: a pooled or new connection, the request sent, the response head received.
// No retries. Loop thread only; lives in the exchange's coroutine.
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/net/buffer_pool.h"
#include "libs/net/http_body.h"
#include "libs/net/name_source.h"
#include "libs/net/stream.h"
#include "sidecar/proxy/exchange_state.h"
#include "sidecar/proxy/heads.h"

namespace reliability::sidecar::proxy {

class UpstreamAttempt {
 public:
  explicit UpstreamAttempt(ExchangeState& state);
  ~UpstreamAttempt();
  UpstreamAttempt(const UpstreamAttempt&) = delete;
  UpstreamAttempt& operator=(const UpstreamAttempt&) = delete;

  using Failure = std::optional<policy::TransportEvent>;
  // Sends the request if it is at hand and a connection is, as mostly. True: ReceiveHead() must
  // follow, else Run().
  [[nodiscard]] bool SendAtOnce();
  // Both return nothing if response() is the head of the answer; else what happened, detail() in
  // words.
  [[nodiscard]] net::Task<Failure> ReceiveHead();
  [[nodiscard]] net::Task<Failure> Run();

  [[nodiscard]] const net::ResponseHead& response() const { return response_; }
  [[nodiscard]] net::BodyKind body_kind() const;
  // The head's views point into input() in front of this.
  [[nodiscard]] std::size_t head_end() const { return head_end_; }
  // Bytes behind the head that were read already; more are read into it.
  [[nodiscard]] net::Buffer& input() { return input_; }
  [[nodiscard]] net::Stream& stream() { return stream_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  // The agent's own body was broken or too slow: 400 or 408, not the upstream's failure.
  [[nodiscard]] int client_fault() const { return client_fault_; }

  // Something of the request left us: the upstream may have acted on it.
  [[nodiscard]] bool sent_any() const { return sent_any_; }

  // The response was read to its end: the connection may serve again.
  void Keep();

 private:
  [[nodiscard]] net::Task<Failure> Connect();
  [[nodiscard]] net::Task<Failure> FindAddresses(net::Addresses& found);
  // Whichever connects first, by happy eyeballs (data-plane ruling 53); TLS with that one alone.
  [[nodiscard]] net::Task<Failure> ConnectToOneOf(net::Addresses addresses);
  [[nodiscard]] net::Task<Failure> SecureConnection();
  // Writes of out_ what can be written now.
  [[nodiscard]] net::IoStatus WriteOut();
  [[nodiscard]] bool AllOut() const;
  [[nodiscard]] net::Task<Failure> Send();
  // Turns bytes in input_ into response_; kBad… -> failure, incomplete -> nothing and !complete.
  [[nodiscard]] Failure ParseHead(bool& complete);
  void PrepareHead();
  // Next piece of the request into out_; false: none without waiting (or `failure`).
  [[nodiscard]] bool NextPiece(Failure& failure, bool& finished);
  [[nodiscard]] Failure After(Interrupt interrupt) const;
  // For other threads, which may call it when we are gone: stirs us.
  [[nodiscard]] std::function<void()> Waker();

  ExchangeState& state_;
  net::Stream stream_;
  net::Buffer input_;
  net::ResponseHead response_;
  HeadWriter head_;
  std::string told_;  // the body with the time that is left; empty = it is sent as it is
  std::string chunk_size_;
  std::array<std::string_view, 4> out_{};
  bool chunked_ = false;
  bool last_chunk_sent_ = false;
  bool reused_ = false;  // the connection has served before
  bool sent_any_ = false;
  bool sent_all_ = false;
  int client_fault_ = 0;
  std::string detail_;
  std::size_t scanned_ = 0;
  std::size_t head_end_ = 0;
  int interim_heads_ = 0;
  // A waker may be called after us.
  std::shared_ptr<net::Signal*> wake_;
};

}  // namespace reliability::sidecar::proxy
