#include "tests/fakes/loopback_place.h"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace reliability::fakes {

LoopbackPlace::LoopbackPlace(int host, std::uint16_t port)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  address_.sin_family = AF_INET;
  address_.sin_port = htons(port);
  address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + static_cast<in_addr_t>(host));
  socklen_t size = sizeof(address_);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size) != 0 ||
      ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size) != 0) {
    throw std::runtime_error("the port is taken");
  }
}

LoopbackPlace::~LoopbackPlace() {
  ::close(fd_);
  for (const int fd : fillers_) {
    ::close(fd);
  }
}

void LoopbackPlace::Listen() const {
  if (::listen(fd_, 16) != 0) {
    throw std::runtime_error("listen");
  }
}

void LoopbackPlace::BeBlackHole() {
  constexpr int kMoreThanFit = 4;
  if (::listen(fd_, 0) != 0) {
    throw std::runtime_error("listen");
  }
  for (int i = 0; i < kMoreThanFit; ++i) {
    fillers_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(fillers_.back(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
  }
}

}  // namespace reliability::fakes
