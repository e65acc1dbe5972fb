#pragma once
// The certificate of a TLS server, replaceable while connections are open: each connection keeps
// the immutable context that it began with. TLS >= 1.2, server authentication only. Thread-safe.
#include <memory>
#include <optional>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/base/mutex.h"
#include "libs/base/result.h"

namespace reliability::net {

struct ServerTlsContext;  // libs/net/http_session.h

class ServerTls {
 public:
  // Leaf first, then intermediates; the key must belong to the leaf. On an error (kInvalid) the
  // certificate in use stays.
  [[nodiscard]] Status Load(std::string_view certificate_pem, std::string_view key_pem);

  [[nodiscard]] bool loaded() const { return Current() != nullptr; }
  // End of validity of the leaf in use.
  [[nodiscard]] std::optional<SystemTime> NotAfter() const;
  [[nodiscard]] std::shared_ptr<ServerTlsContext> Current() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<ServerTlsContext> context_ GUARDED_BY(mutex_);
};

}  // namespace reliability::net
