#pragma once
// One connection of an agent: reads heads, has each request answered, keeps the connection alive or
// ends it. An idle session holds no buffer. Loop thread only; owned by its coroutine.
#include <memory>

#include "libs/net/http_head.h"
#include "libs/net/http_head_parser.h"
#include "sidecar/proxy/client_connection.h"
#include "sidecar/proxy/loop_context.h"

namespace reliability::sidecar::proxy {

inline constexpr std::size_t kMaxConnections = 4096;  // of one worker; more are closed at once

class ProxySession {
 public:
  ProxySession(LoopContext& loop, net::Stream stream)
      : loop_(loop), client_(loop, std::move(stream)) {}
  ProxySession(const ProxySession&) = delete;
  ProxySession& operator=(const ProxySession&) = delete;

  [[nodiscard]] net::Task<> Run();
  // Something about the loop changed (draining, aborting): look at it.
  void Stir() { client_.signal.Notify(); }

 private:
  enum class Next { kRequest, kClose };
  // Waits for the next head; answers malformed ones itself.
  [[nodiscard]] net::Task<Next> ReadHead();
  [[nodiscard]] net::Task<Next> RefuseHead(int status, const char* reason,
                                           telemetry::BadRequest counted);
  [[nodiscard]] net::Task<> Linger();

  LoopContext& loop_;
  ClientConnection client_;
  net::RequestHead head_;
  std::size_t head_end_ = 0;
  MonotonicTime head_at_{};  // when it was complete
  bool unread_ = false;      // bytes of a refused request may still come
};

}  // namespace reliability::sidecar::proxy
