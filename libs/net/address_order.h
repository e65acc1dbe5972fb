#pragma once
// In which order the addresses of a name are tried.
#include "libs/net/name_source.h"

namespace reliability::net {

// Of each family the given order; the families take turns (RFC 8305 section 4). Pure.
[[nodiscard]] Addresses Interleave(const Addresses& addresses, bool v4_first);

// Those that this machine has a route and a fitting source address for come first (RFC 6724 rules 1
// and 5), IPv6 before IPv4, in turns. Asks the kernel, sends nothing.
[[nodiscard]] Addresses OrderAddresses(const Addresses& addresses);

}  // namespace reliability::net
