#pragma once
// The two webhooks: POST /inject for pods, POST /validate for our own resources. Always allows.
// Thread-safe: the HTTP server calls it from several threads.
#include <array>
#include <string>

#include "libs/kube/runtime/event_recorder.h"
#include "libs/metrics/registry.h"
#include "libs/net/http_server.h"
#include "operator/webhook/inject_sidecar.h"
#include "operator/webhook/owner.h"
#include "operator/webhook/review_codec.h"

namespace reliability::webhook {

// Larger bodies are answered 413: etcd holds no object over 1.5 MiB, and a review carries one.
inline constexpr std::size_t kMaxReviewBytes = std::size_t{3} << 20U;

class Handler {
 public:
  // References must outlive the handler.
  Handler(OwnerLookup& owners, kube::EventSink& events, metrics::Registry& registry, Clock& clock,
          SidecarOptions sidecar);

  [[nodiscard]] net::HttpResponse Handle(const net::HttpRequest& request);

 private:
  [[nodiscard]] ReviewAnswer Inject(const ReviewRequest& review);
  [[nodiscard]] Injection DecideInjection(const ReviewRequest& review,
                                          std::optional<OwnerLookup::Workload>& workload);
  void Tell(const ReviewRequest& review, const std::optional<OwnerLookup::Workload>& workload,
            const Injection& injection);

  OwnerLookup& owners_;
  kube::EventSink& events_;
  Clock& clock_;
  const SidecarOptions sidecar_;
  metrics::Counter injected_;
  metrics::Counter unchanged_;
  std::array<metrics::Counter, kSkipNames.size()> skipped_;
  metrics::Counter refused_;  // requests that are no reviews
  metrics::Counter warnings_;
  metrics::Histogram seconds_;
};

}  // namespace reliability::webhook
