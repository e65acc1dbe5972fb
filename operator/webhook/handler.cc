#include "operator/webhook/handler.h"

#include <utility>

#include "libs/api/event_reasons.h"
#include "libs/base/log.h"
#include "libs/base/strings.h"
#include "operator/webhook/validate.h"
#include "operator/webhook/validate_chain.h"

namespace reliability::webhook {
namespace {

net::HttpResponse Answer(unsigned status, std::string text) {
  net::HttpResponse response;
  response.status = status;
  response.body = std::move(text) + "\n";
  return response;
}

// Obstacles are told to people; "nothing to do with us" is not.
bool IsNews(Skip skip) {
  return skip == Skip::kHostNetwork || skip == Skip::kWindows || skip == Skip::kPortInUse ||
         skip == Skip::kDifferentUpstreams || skip == Skip::kLookUpFailed;
}

Injection Skipped(Skip skip, std::string note = {}) {
  Injection out;
  out.skip = skip;
  out.skip_note = std::move(note);
  return out;
}

}  // namespace

Handler::Handler(OwnerLookup& owners, kube::EventSink& events, metrics::Registry& registry,
                 Clock& clock, SidecarOptions sidecar)
    : owners_(owners), events_(events), clock_(clock), sidecar_(std::move(sidecar)) {
  const std::string name = "agent_reliability_injections_total";
  const std::string help = "Pods seen by the injection webhook, by what was done.";
  injected_ = registry.GetCounter(name, help, {{"result", "Injected"}, {"reason", ""}});
  unchanged_ = registry.GetCounter(name, help, {{"result", "Unchanged"}, {"reason", ""}});
  for (std::size_t i = 1; i < kSkipNames.size(); ++i) {
    skipped_[i] = registry.GetCounter(
        name, help, {{"result", "Skipped"}, {"reason", std::string(kSkipNames[i])}});
  }
  refused_ = registry.GetCounter("agent_reliability_webhook_refused_total",
                                 "Requests to the webhooks that were no admission reviews.");
  warnings_ = registry.GetCounter("agent_reliability_webhook_warnings_total",
                                  "Warnings given to users about their resources.");
  seconds_ = registry.GetHistogram("agent_reliability_webhook_seconds",
                                   "Time to answer an admission review.");
}

net::HttpResponse Handler::Handle(const net::HttpRequest& request) {
  const MonotonicTime start = clock_.MonotonicNow();
  const bool inject = request.path == "/inject";
  if (!inject && request.path != "/validate") {
    refused_.Add();
    return Answer(404, "not found");
  }
  if (request.method != "POST") {
    refused_.Add();
    return Answer(405, "only POST");
  }
  const auto type = Split(request.Header("Content-Type"), ';');
  if (!EqualsIgnoreCase(Trim(type.front()), "application/json")) {
    refused_.Add();
    return Answer(415, "the content type must be application/json");
  }
  const auto review = DecodeReview(request.body);
  if (!review.has_value()) {
    refused_.Add();
    return Answer(400, review.error().message);
  }
  ReviewAnswer answer;
  if (inject) {
    answer = Inject(*review);
  } else if (review->object.is_object()) {
    const std::string object = review->object.dump(-1, ' ', false, Json::error_handler_t::replace);
    answer.warnings = WarningsFor(review->resource, object, clock_.SystemNow());
    for (std::string& warning : ChainWarningsFor(review->resource, object, review->ns, owners_)) {
      answer.warnings.push_back(std::move(warning));
    }
    warnings_.Add(static_cast<double>(answer.warnings.size()));
  }
  net::HttpResponse response;
  response.content_type = "application/json";
  response.body = EncodeReview(review->uid, answer);
  seconds_.Observe(std::chrono::duration<double>(clock_.MonotonicNow() - start).count());
  return response;
}

ReviewAnswer Handler::Inject(const ReviewRequest& review) {
  std::optional<OwnerLookup::Workload> workload;
  Injection injection = DecideInjection(review, workload);
  if (injection.skip != Skip::kNone) {
    skipped_[static_cast<std::size_t>(injection.skip)].Add();
  } else {
    (injection.patch.empty() ? unchanged_ : injected_).Add();
  }
  if (!review.dry_run) {
    Tell(review, workload, injection);
  }
  ReviewAnswer answer;
  answer.patch = std::move(injection.patch);
  return answer;
}

Injection Handler::DecideInjection(const ReviewRequest& review,
                                   std::optional<OwnerLookup::Workload>& workload) {
  if (review.operation != "CREATE" || !review.group.empty() || review.resource != "pods" ||
      !review.subresource.empty() || !review.object.is_object()) {
    return Skipped(Skip::kNotAPod);
  }
  const Json& labels = Member(Member(review.object, "metadata"), "labels");
  if (Text(labels, api::kInjectLabel) == "disabled") {
    return Skipped(Skip::kOptedOut);
  }
  auto found = owners_.WorkloadOf(review.object, review.ns);
  if (!found.has_value()) {
    return Skipped(Skip::kLookUpFailed, "its owner is not known: " + ToString(found.error()));
  }
  workload = *std::move(found);
  if (!workload.has_value()) {
    return Skipped(Skip::kNoWorkload);
  }
  const auto policy = owners_.PolicyOf(review.ns, workload->target);
  if (!policy.has_value()) {
    return Skipped(Skip::kLookUpFailed, "its policy is not known: " + ToString(policy.error()));
  }
  if (*policy == nullptr) {
    return Skipped(Skip::kNotTargeted);
  }
  const auto chain = owners_.ChainOf(review.ns, **policy);
  Injection out = InjectSidecar(review.object, workload->target, **policy, sidecar_,
                                chain.has_value() ? chain->get() : nullptr);
  if (!chain.has_value()) {
    out.notes.push_back("a pod starts without the keys of fallback chain " +
                        (*policy)->spec.fallback_chain_ref->name + ", which could not be read: " +
                        ToString(chain.error()) + ". Next: replace the pod");
  }
  return out;
}

void Handler::Tell(const ReviewRequest& review,
                   const std::optional<OwnerLookup::Workload>& workload,
                   const Injection& injection) {
  if (IsNews(injection.skip)) {
    log::Warn("pod_not_injected",
              {{"namespace", review.ns},
               {"workload", workload.has_value() ? ToString(workload->target) : std::string()},
               {"reason", kSkipNames[static_cast<std::size_t>(injection.skip)]},
               {"why", injection.skip_note}});
  }
  if (!workload.has_value()) {
    return;  // the pod has no name yet: nothing an event could be about
  }
  const kube::EventTarget about{"apps/v1", workload->target.kind, review.ns, workload->target.name,
                                workload->uid};
  if (IsNews(injection.skip)) {
    events_.Record(about, kube::EventType::kWarning, api::reasons::kSidecarNotInjected.str(),
                   "Inject",
                   "a pod starts without sidecar (" +
                       std::string(kSkipNames[static_cast<std::size_t>(injection.skip)]) +
                       "): " + injection.skip_note);
  }
  for (const std::string& note : injection.notes) {
    events_.Record(about, kube::EventType::kWarning, api::reasons::kSidecarEnvironment.str(),
                   "Inject", note);
  }
}

}  // namespace reliability::webhook
