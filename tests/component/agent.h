#pragma once
// An agent at its barest: one blocking connection that sends bytes and reads what comes.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace reliability::component {

struct Answer {
  int status = 0;  // 0: the connection ended without a response
  std::map<std::string, std::string> headers;
  std::string body;
  bool complete = false;  // the body ended by its framing
};

class Agent {
 public:
  explicit Agent(std::uint16_t port);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  void Send(std::string_view bytes);
  // One response; waits at most 20 s for each byte.
  [[nodiscard]] Answer Read();
  // Bytes up to and including `mark`, raw; what came if the connection ends before.
  [[nodiscard]] std::string ReadUntil(std::string_view mark);
  // Everything until the peer closes.
  [[nodiscard]] std::string ReadAll();
  // True if the peer has closed, now or within 20 s.
  [[nodiscard]] bool AwaitClose();
  void Close();

  // POST with a JSON body.
  Answer Post(std::string_view path, std::string_view json, std::string_view more_headers = {});
  void SendPost(std::string_view path, std::string_view json, std::string_view more_headers = {});
  Answer Get(std::string_view path);

 private:
  bool More();
  int fd_ = -1;
  std::string buffer_;
};

}  // namespace reliability::component
