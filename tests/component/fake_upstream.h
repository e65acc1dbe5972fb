#pragma once
// A scripted upstream on a loopback port: reads whole requests from raw sockets and does to each
// connection what the script says. One thread per connection; everything ends with the object.
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace reliability::component {

struct SeenRequest {
  std::string start_line;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

class FakeUpstream {
 public:
  // The upstream's side of one connection, for the script. Blocking.
  class Connection {
   public:
    void Send(std::string_view bytes);
    // Whole response with Content-Length.
    void Respond(int status, std::string_view content_type, std::string_view body,
                 std::string_view more_headers = {});
    void Chunk(std::string_view payload);  // of a chunked body
    void Close();                          // FIN
    void Reset();                          // RST
    // Blocks until the sidecar closes the connection, or the test ends.
    void AwaitClose();
    [[nodiscard]] bool open() const { return open_; }
    // TLS: with a session of an earlier connection.
    [[nodiscard]] bool resumed() const;

   private:
    friend class FakeUpstream;
    int fd_ = -1;
    ssl_st* ssl_ = nullptr;
    bool open_ = true;
  };
  using Script = std::function<void(Connection&, const SeenRequest&)>;

  explicit FakeUpstream(Script script, ssl_ctx_st* tls = nullptr);
  ~FakeUpstream();
  FakeUpstream(const FakeUpstream&) = delete;
  FakeUpstream& operator=(const FakeUpstream&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void SetScript(Script script);

  [[nodiscard]] std::vector<SeenRequest> seen() const;
  [[nodiscard]] std::size_t count() const { return seen().size(); }
  [[nodiscard]] int connections() const { return connections_; }
  // False after 10 s.
  [[nodiscard]] bool AwaitRequests(std::size_t number) const;
  // Connections that the sidecar closed while a script waited in AwaitClose().
  [[nodiscard]] bool AwaitClosed(int number) const;

 private:
  void Accept();
  void Serve(int fd);
  bool ReadRequest(Connection& connection, std::string& buffer, SeenRequest& request);

  ssl_ctx_st* const tls_;
  std::uint16_t port_ = 0;
  int listener_ = -1;  // after port_, which its creation sets
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Script script_;
  std::vector<SeenRequest> seen_;
  std::vector<int> open_fds_;
  int closed_by_peer_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

// A port of this machine that refuses connections as long as the object lives.
class ClosedPort {
 public:
  ClosedPort();
  ~ClosedPort();
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::uint16_t port_ = 0;
  int fd_ = -1;  // after port_, which its creation sets
};

}  // namespace reliability::component
