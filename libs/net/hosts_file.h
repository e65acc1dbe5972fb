#pragma once
// /etc/hosts: names that need no DNS.
#include <string>
#include <string_view>

#include "libs/net/name_source.h"

namespace reliability::net {

// What the file says about `host`, in its order; empty: nothing, or there is no file. Reads it.
[[nodiscard]] Addresses ReadHosts(const std::string& path, std::string_view host);

}  // namespace reliability::net
