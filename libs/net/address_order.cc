#include "libs/net/address_order.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace reliability::net {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::udp;

// fc00::/7: a source of this kind does not reach the internet.
bool IsUniqueLocal(const address& of) { return (of.to_v6().to_bytes()[0] & 0xfe) == 0xfc; }

// True if the kernel finds a way to it; connecting a datagram socket sends nothing.
bool IsReachable(const address& to) {
  constexpr std::uint16_t kAnyPort = 9;
  udp::endpoint peer(to, kAnyPort);
  const int fd = ::socket(peer.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return false;
  }
  udp::endpoint own;
  auto size = static_cast<socklen_t>(own.capacity());
  const bool found = ::connect(fd, peer.data(), static_cast<socklen_t>(peer.size())) == 0 &&
                     ::getsockname(fd, own.data(), &size) == 0;
  ::close(fd);
  return found &&
         !(to.is_v6() && !to.is_loopback() && !IsUniqueLocal(to) && IsUniqueLocal(own.address()));
}

}  // namespace

Addresses Interleave(const Addresses& addresses, bool v4_first) {
  Addresses first;
  Addresses second;
  for (const address& one : addresses) {
    (one.is_v4() == v4_first ? first : second).push_back(one);
  }
  Addresses ordered;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) {
      ordered.push_back(first[i]);
    }
    if (i < second.size()) {
      ordered.push_back(second[i]);
    }
  }
  return ordered;
}

Addresses OrderAddresses(const Addresses& addresses) {
  Addresses near = addresses;
  const auto far_begin = std::stable_partition(near.begin(), near.end(), IsReachable);
  const Addresses far(far_begin, near.end());
  near.erase(far_begin, near.end());
  Addresses ordered = Interleave(near, false);
  const Addresses rest = Interleave(far, false);
  ordered.insert(ordered.end(), rest.begin(), rest.end());
  return ordered;
}

}  // namespace reliability::net
