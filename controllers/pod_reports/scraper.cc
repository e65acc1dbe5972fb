#include "controllers/pod_reports/scraper.h"

#include "libs/api/names.h"
#include "libs/base/log.h"
#include "libs/kube/core/resource.h"
#include "libs/sidecar_config/decode.h"

namespace reliability::controllers {
namespace {

bool SidecarEnded(const api::Pod& pod) {
  const api::ContainerStatus* status = pod.FindStatus(api::kSidecarContainer);
  return status != nullptr && status->state.terminated.has_value();
}

// IPv6 literals need brackets in a URL.
std::string LedgerUrl(const std::string& ip) {
  const bool v6 = ip.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(api::kAdminPort) + "/ledger";
}

}  // namespace

Scraper::Scraper(http::Transport& transport, kube::Store<api::Pod>& pods, PodReports& reports,
                 Clock& clock, ScraperOptions options)
    : transport_(transport),
      pods_(pods),
      reports_(reports),
      clock_(clock),
      options_(options),
      rng_(MakeRng(options.seed)),
      controller_(clock,
                  kube::ControllerOptions{.name = "ledger_scraper",
                                          .workers = options.workers,
                                          .slow = options.deadline * 2,
                                          .queue = {}},
                  [this](const std::string& key) { return ScrapeOnce(key); }) {
  pods_.OnChange([this](const kube::Change<api::Pod>& change) { OnPodChange(change); });
}

void Scraper::Start() {
  running_.store(true);
  for (const auto& [key, pod] : pods_.Entries()) {
    if (pod->HasContainer(api::kSidecarContainer)) {
      OnPodChange({key, nullptr, pod});
    }
  }
  controller_.Start();
}

void Scraper::Stop() {
  running_.store(false);
  controller_.Stop();
}

void Scraper::OnPodChange(const kube::Change<api::Pod>& change) {
  const api::Pod* pod = change.after ? change.after.get() : change.before.get();
  if (pod == nullptr || !running_.load() || !pod->HasContainer(api::kSidecarContainer)) {
    return;
  }
  if (change.before && change.after && change.before->metadata.uid != change.after->metadata.uid) {
    // A StatefulSet's next pod under the same name, and the end of the old one was not seen.
    reports_.MarkFinal(change.before->metadata.uid, clock_.SystemNow());
  }
  reports_.Register(*pod);
  ReadLastWords(*pod);
  if (!change.after) {
    reports_.MarkFinal(pod->metadata.uid, clock_.SystemNow());
    const MutexLock lock(mutex_);
    key_of_.erase(pod->metadata.uid);
    burst_until_.erase(pod->metadata.uid);
    return;
  }
  {
    const MutexLock lock(mutex_);
    key_of_[pod->metadata.uid] = change.key;
  }
  const bool starts_to_end =
      pod->Terminating() && (!change.before || !change.before->Terminating());
  const bool got_address =
      !pod->pod_ip.empty() && (!change.before || change.before->pod_ip.empty());
  if (starts_to_end || got_address) {
    controller_.Enqueue(change.key);
  }
}

void Scraper::ReadLastWords(const api::Pod& pod) {
  const api::ContainerStatus* status = pod.FindStatus(api::kSidecarContainer);
  if (status == nullptr) {
    return;
  }
  for (const auto* terminated : {&status->last_state.terminated, &status->state.terminated}) {
    if (!*terminated || (*terminated)->message.empty()) {
      continue;
    }
    Result<sidecar_config::LastWords> words =
        sidecar_config::DecodeLastWords((*terminated)->message);
    if (!words) {
      // A crash leaves log lines there, if anything.
      log::Debug("last_words_unreadable",
                 {{"pod", pod.metadata.name}, {"error", words.error().message}});
      continue;
    }
    if (words->pod_uid != pod.metadata.uid) {
      foreign_.fetch_add(1);
      continue;
    }
    reports_.RecordLastWords(pod.metadata.uid, std::move(words->epoch));
  }
}

void Scraper::Burst(std::string_view pod_uid) {
  std::string key;
  {
    const MutexLock lock(mutex_);
    const auto it = key_of_.find(pod_uid);
    if (it == key_of_.end()) {
      return;
    }
    key = it->second;
    burst_until_[std::string(pod_uid)] = clock_.MonotonicNow() + options_.burst_for;
  }
  controller_.Enqueue(key);
}

Milliseconds Scraper::NextDelay(std::string_view uid) {
  const MutexLock lock(mutex_);
  const auto it = burst_until_.find(uid);
  if (it != burst_until_.end()) {
    if (clock_.MonotonicNow() < it->second) {
      return options_.burst_interval;
    }
    burst_until_.erase(it);
  }
  const double share = 1 + options_.jitter * (2 * rng_->Uniform() - 1);
  return Milliseconds{
      static_cast<Milliseconds::rep>(static_cast<double>(options_.interval.count()) * share)};
}

kube::Outcome Scraper::ScrapeOnce(const std::string& pod_key) {
  reports_.Prune(clock_.SystemNow());
  const std::shared_ptr<const api::Pod> pod = pods_.Get(pod_key);
  if (!pod || !pod->HasContainer(api::kSidecarContainer)) {
    return kube::Done{};
  }
  if (pod->Finished() || (pod->Terminating() && SidecarEnded(*pod))) {
    reports_.MarkFinal(pod->metadata.uid, clock_.SystemNow());
    return kube::Done{};
  }
  if (pod->pod_ip.empty()) {
    return kube::Done{};  // comes back when it has an address
  }
  Fetch(*pod);
  return kube::RequeueAfter{NextDelay(pod->metadata.uid)};
}

void Scraper::Fetch(const api::Pod& pod) {
  http::Request request;
  request.url = LedgerUrl(pod.pod_ip);
  request.headers.push_back({"Accept", "application/json"});
  request.max_response_bytes = options_.max_body_bytes;
  reads_.fetch_add(1);
  const auto failed = [&](std::string why) {
    failures_.fetch_add(1);
    reports_.RecordError(pod.metadata.uid, std::move(why), clock_.SystemNow());
  };
  const Result<http::Response> response = transport_.Send(request, options_.deadline);
  if (!response) {
    return failed(ToString(response.error()));
  }
  if (response->status != 200) {
    return failed("/ledger answered " + std::to_string(response->status));
  }
  Result<sidecar_config::Decoded<sidecar_config::LedgerDocument>> ledger =
      sidecar_config::DecodeLedger(response->body);
  if (!ledger) {
    return failed("/ledger: " + ledger.error().message);
  }
  if (ledger->document.pod_uid != pod.metadata.uid) {
    foreign_.fetch_add(1);
    return failed("/ledger is that of pod " + ledger->document.pod_uid);
  }
  reports_.RecordLedger(pod.metadata.uid, std::move(ledger->document), clock_.SystemNow());
}

Scraper::Stats Scraper::GetStats() const {
  return {reads_.load(), failures_.load(), foreign_.load()};
}

}  // namespace reliability::controllers
