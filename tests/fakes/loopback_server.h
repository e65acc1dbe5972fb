#pragma once
// A scripted HTTP/1.1 server on 127.0.0.1, port 0, plain or TLS; one thread per connection.
// The handler writes raw bytes, so it can misbehave in every way a real server can.
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libs/base/mutex.h"
#include "tests/fakes/test_pki.h"

namespace reliability::fakes {

struct LoopbackTls {
  KeyPair server;
  std::string client_ca_pem;  // empty: no client certificate is asked for
};

// One request on one connection.
class LoopbackPeer {
 public:
  virtual ~LoopbackPeer() = default;
  std::string head;       // request line and headers
  std::string body;       // by Content-Length
  std::string client_cn;  // of the client certificate
  std::string sni;
  int connection = 0;  // 1, 2, ... in the order of acceptance

  // False if the client is gone.
  virtual bool Write(std::string_view bytes) = 0;
  // Blocks until the client closes the connection or the server stops.
  virtual void AwaitClose() = 0;
  // No further request is read from this connection.
  virtual void Close() = 0;

  bool Answer(int status, std::string_view body_text, std::string_view headers = {});
};

class LoopbackServer {
 public:
  using Handler = std::function<void(LoopbackPeer& peer)>;

  explicit LoopbackServer(Handler handler, std::optional<LoopbackTls> tls = std::nullopt);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int connections() const { return accepted_.load(); }

 private:
  void Accept();
  void Serve(int socket, int number);

  const Handler handler_;
  const std::optional<LoopbackTls> tls_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::vector<int> sockets_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
  std::jthread acceptor_;
};

}  // namespace reliability::fakes
