#include "libs/http/keep_alive.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "libs/base/log.h"

namespace reliability::http {
namespace {

struct Option {
  int level;
  int name;
  int value;
};
constexpr Option kOptions[] = {
    {SOL_SOCKET, SO_KEEPALIVE, 1},
    {IPPROTO_TCP, TCP_KEEPIDLE, 15},
    {IPPROTO_TCP, TCP_KEEPINTVL, 10},
    {IPPROTO_TCP, TCP_KEEPCNT, 3},
};

}  // namespace

void EnableKeepAlive(int socket) {
  for (const Option& option : kOptions) {
    if (::setsockopt(socket, option.level, option.name, &option.value, sizeof(option.value)) != 0) {
      log::Warn("keepalive_refused", {{"error", std::strerror(errno)}});
      return;
    }
  }
}

}  // namespace reliability::http
