#pragma once
// Keeps the webhooks' certificates: the leader makes, renews and announces them, every replica
// loads them (operator ruling 11). Two threads.
//
//   loader (all)   GET Secret every 5 s until a leaf is loaded, then the webhook configurations
//                  every second until they trust it, then the Secret every 60 s
//   keeper (leader) every 30 s: plan; Secret written with resourceVersion; caBundle of both webhook
//                   configurations patched where it differs. A new authority is announced before
//                   a replica can serve its leaf.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/clock.h"
#include "libs/kube/client/api_client.h"
#include "libs/metrics/registry.h"
#include "libs/net/server_tls.h"
#include "operator/webhook/certificate_plan.h"

namespace reliability::webhook {

struct CertificateOptions {
  std::string ns;
  std::string secret;
  std::string service;
  std::string mutating_webhook;
  std::string validating_webhook;
  Milliseconds load_interval_missing{5000};
  Milliseconds load_interval_untrusted{1000};
  Milliseconds load_interval{60000};
  Milliseconds keep_interval{30000};
};

class CertificateManager {
 public:
  // References must outlive the manager.
  CertificateManager(kube::ApiClient& client, Clock& clock, net::ServerTls& tls,
                     metrics::Registry& registry, CertificateOptions options);
  ~CertificateManager();
  CertificateManager(const CertificateManager&) = delete;
  CertificateManager& operator=(const CertificateManager&) = delete;

  void StartLoading();
  void StartKeeping();  // when this replica became the leader
  void Stop();

  // A leaf is loaded, and the API server was told to trust it: calls can succeed. Before that a
  // webhook call fails, and its pod starts without sidecar.
  [[nodiscard]] bool Ready() const { return trusted_.load(); }

  // One round of each thread. Public for tests.
  [[nodiscard]] Status LoadOnce();
  [[nodiscard]] Status KeepOnce();

 private:
  struct Stored {
    CertificateSet set;
    std::string resource_version;
  };
  [[nodiscard]] Result<std::optional<Stored>> Read() const;
  [[nodiscard]] Status Write(const CertificateSet& set, const std::string& resource_version) const;
  [[nodiscard]] Status Announce(const std::string& ca_bundle) const;
  [[nodiscard]] Status AnnounceTo(const kube::ObjectRef& ref, const std::string& encoded) const;
  [[nodiscard]] Status Use(const CertificateSet& set);
  // Whether every webhook of this configuration trusts the authority; one that does not exist
  // makes no calls.
  [[nodiscard]] Result<bool> Trusts(const kube::ObjectRef& ref, const std::string& authority) const;
  [[nodiscard]] Milliseconds NextLoad() const;

  kube::ApiClient& client_;
  Clock& clock_;
  net::ServerTls& tls_;
  const CertificateOptions options_;
  const std::vector<std::string> dns_names_;
  metrics::Gauge expiry_;
  std::atomic<bool> trusted_{false};
  Mutex mutex_;
  std::string loaded_ GUARDED_BY(mutex_);  // PEM of the leaf in use
  // What this leader last kept: a Secret that somebody deletes comes back with the same authority.
  std::optional<CertificateSet> kept_;  // keeper thread only
  std::jthread loader_;
  std::jthread keeper_;
};

}  // namespace reliability::webhook
