#pragma once
// Client side TLS settings for upstreams: system CAs plus an optional bundle, verification of chain
// and host name, SNI, TLS >= 1.2, ALPN http/1.1; sessions are used again (data-plane ruling 55).
// The system's CAs take tens of milliseconds and megabytes to read, so that is a step of its own,
// which waits until somebody needs them. Thread-safe.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "libs/base/result.h"
#include "libs/net/waiters.h"

struct ssl_ctx_st;
struct ssl_st;

namespace reliability::net {

class TlsContext {
 public:
  // `ca_file` (PEM, may be empty) adds to the system CAs, or takes their place if not `system_cas`.
  // kInvalid names an unreadable file.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> Make(const std::string& ca_file,
                                                                      bool system_cas = true);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Reads the system's CAs, if they count: not on a loop thread. The first call does it, and others
  // wait for it.
  void Load() const;
  // `load` must see to it that a thread calls Load(); called once, on the first need, under no
  // lock. Before the context is shared with other threads.
  void OnNeed(std::function<void()> load) const { load_ = std::move(load); }
  // A connection will need it: the first need, if it is not loaded.
  void Want() const;
  // True: it is loaded. False: `executor` runs `ready` once it is; a need, too.
  [[nodiscard]] bool WhenLoaded(const Executor& executor, std::function<void()> ready) const;

  // A new client session that accepts only certificates for `host` (a name or an IP address).
  // The caller frees it with SSL_free. kUnavailable: not loaded yet.
  [[nodiscard]] Result<ssl_st*> NewClient(const std::string& host) const;

  // Names what is trusted, by content: connections of contexts that trust the same may be shared.
  [[nodiscard]] const std::string& trust() const { return trust_; }

 private:
  TlsContext(ssl_ctx_st* context, std::string trust, bool loads_system_cas)
      : context_(context), trust_(std::move(trust)), loads_system_cas_(loads_system_cas) {}

  ssl_ctx_st* context_;
  const std::string trust_;
  const bool loads_system_cas_;
  mutable std::function<void()> load_;
  mutable std::atomic<bool> wanted_{false};
  mutable std::atomic<bool> loaded_{false};
  mutable std::mutex load_mutex_;  // held while reading
  mutable std::mutex mutex_;
  mutable Waiters waiters_;  // guarded by mutex_
};

}  // namespace reliability::net
