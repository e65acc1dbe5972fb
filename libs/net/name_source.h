#pragma once
// Where addresses of names come from: DNS (dns_client.h), or a test.
#include <functional>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/net/asio.h"

namespace reliability::net {

using Addresses = std::vector<boost::asio::ip::address>;

struct NameAnswer {
  Addresses addresses;  // not empty; in the order in which they should be tried
  Milliseconds ttl{0};  // as the server says
};

class NameSource {
 public:
  // kExhausted: temporary, of this machine or its name servers; kNotFound: no such name.
  using Done = std::function<void(Result<NameAnswer>)>;

  virtual ~NameSource() = default;
  // Never blocks and never calls `done` itself: a thread of the source does, and does so again if
  // further addresses of `host` come late. Thread-safe.
  virtual void Look(const std::string& host, Done done) = 0;
  // Gives up what is being looked up; when it returns, no `done` runs or will run.
  virtual void Close() = 0;
};

}  // namespace reliability::net
