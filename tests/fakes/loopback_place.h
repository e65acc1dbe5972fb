#pragma once
// A port at one address of the loopback net, 127.0.0.<host>: refuses connections, queues them, or
// leaves them unanswered, as long as the object lives.
#include <netinet/in.h>

#include <cstdint>
#include <vector>

namespace reliability::fakes {

class LoopbackPlace {
 public:
  // Port 0: one that is free. Refuses until told otherwise. Of several places on one port let host
  // 1 choose it: other processes' connections take ports there, hardly at another address.
  explicit LoopbackPlace(int host, std::uint16_t port = 0);
  ~LoopbackPlace();
  LoopbackPlace(const LoopbackPlace&) = delete;
  LoopbackPlace& operator=(const LoopbackPlace&) = delete;

  void Listen() const;
  // Takes what fits into its queue, and then lets every SYN go unanswered.
  void BeBlackHole();
  [[nodiscard]] std::uint16_t port() const { return ntohs(address_.sin_port); }

 private:
  const int fd_;
  sockaddr_in address_{};
  std::vector<int> fillers_;
};

}  // namespace reliability::fakes
