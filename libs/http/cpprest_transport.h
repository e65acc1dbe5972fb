#pragma once
// http::Transport over cpprestsdk. Only cpprest_transport.cc includes that library.
//
// TLS trusts the given CA and nothing else (no system certificates), version 1.2 or newer, with a
// client certificate if there is one. Connections are kept and reused per host; after a change of
// the TLS material new connections are made. The deadline of a call is ours, not the library's.
#include <functional>
#include <memory>
#include <string>

#include "libs/http/transport.h"

namespace reliability::http {

// PEM texts. Empty certificate and key: no client certificate.
struct TlsMaterial {
  std::string ca_pem;
  std::string certificate_pem;
  std::string private_key_pem;
};

struct CpprestOptions {
  // Called for each https request, so it must be cheap and thread-safe. Another pointer means
  // other material: connections made with the old one are not used again. Without a provider
  // (or with an empty CA) https requests fail with kInvalid.
  std::function<std::shared_ptr<const TlsMaterial>()> tls;
  // Idle clients kept, one per scheme, host and port; the longest unused goes first.
  std::size_t max_hosts = 2048;
};

// Sets the size of the library's only thread pool. Call first in main, before any transport.
void InitPool(std::size_t threads = 8);

[[nodiscard]] std::unique_ptr<Transport> MakeCpprestTransport(CpprestOptions options);

}  // namespace reliability::http
