#include "controllers/pod_reports/pod_reports.h"

#include <algorithm>

#include "libs/base/strings.h"

namespace reliability::controllers {
namespace {

// A pod whose sidecar restarts often needs no more than the sidecar itself serves.
constexpr std::size_t kMaxLastWords = 9;

void MergeEpoch(std::vector<sidecar_config::LedgerEpoch>& into,
                const sidecar_config::LedgerEpoch& from) {
  const auto it = std::find_if(into.begin(), into.end(),
                               [&](const auto& known) { return known.epoch == from.epoch; });
  if (it == into.end()) {
    into.push_back(from);
    return;
  }
  for (const auto& [key, counts] : from.slos) {
    sidecar_config::SloCounts& known = it->slos[key];
    known.good = std::max(known.good, counts.good);
    known.bad = std::max(known.bad, counts.bad);
  }
}

}  // namespace

std::vector<sidecar_config::LedgerEpoch> PodReport::Epochs() const {
  std::vector<sidecar_config::LedgerEpoch> epochs;
  if (ledger) {
    for (const auto& closed : ledger->closed) {
      MergeEpoch(epochs, closed);
    }
    MergeEpoch(epochs, ledger->current);
  }
  for (const auto& words : last_words) {
    MergeEpoch(epochs, words);
  }
  return epochs;
}

std::optional<SystemTime> EpochStart(std::string_view epoch) {
  const std::optional<std::uint64_t> ms = ParseUint(epoch.substr(0, epoch.find('-')));
  // Anything else than a time of this century is a name, not a time.
  constexpr std::uint64_t kFirst = 946'684'800'000;
  constexpr std::uint64_t kLast = 4'102'444'800'000;
  if (!ms || *ms < kFirst || *ms > kLast) {
    return std::nullopt;
  }
  return SystemTime{Milliseconds{static_cast<std::int64_t>(*ms)}};
}

PodReports::Ptr PodReports::Get(std::string_view uid) const {
  const MutexLock lock(mutex_);
  const auto it = reports_.find(uid);
  return it == reports_.end() ? nullptr : it->second;
}

std::vector<PodReports::Ptr> PodReports::InNamespace(std::string_view ns) const {
  const MutexLock lock(mutex_);
  std::vector<Ptr> found;
  for (const auto& [uid, report] : reports_) {
    if (report->ns == ns) {
      found.push_back(report);
    }
  }
  return found;
}

std::size_t PodReports::size() const {
  const MutexLock lock(mutex_);
  return reports_.size();
}

void PodReports::Register(const api::Pod& pod) {
  const MutexLock lock(mutex_);
  Ptr& slot = reports_[pod.metadata.uid];
  if (slot && slot->labels == pod.metadata.labels) {
    return;
  }
  auto next = slot ? std::make_shared<PodReport>(*slot) : std::make_shared<PodReport>();
  next->uid = pod.metadata.uid;
  next->ns = pod.metadata.namespace_;
  next->name = pod.metadata.name;
  next->labels = pod.metadata.labels;
  slot = std::move(next);
}

bool PodReports::Change(std::string_view uid, const std::function<bool(PodReport&)>& change) {
  Ptr changed;
  {
    const MutexLock lock(mutex_);
    const auto it = reports_.find(uid);
    if (it == reports_.end()) {
      return false;
    }
    auto next = std::make_shared<PodReport>(*it->second);
    if (!change(*next)) {
      return false;
    }
    changed = it->second = std::move(next);
  }
  for (const Handler& handler : handlers_) {
    handler(*changed);
  }
  return true;
}

void PodReports::RecordLedger(std::string_view uid, sidecar_config::LedgerDocument ledger,
                              SystemTime now) {
  Change(uid, [&](PodReport& report) {
    report.ledger = std::make_shared<const sidecar_config::LedgerDocument>(std::move(ledger));
    report.read_at = now;
    report.error.clear();
    report.failing_since.reset();
    return true;
  });
}

void PodReports::RecordError(std::string_view uid, std::string error, SystemTime now) {
  Change(uid, [&](PodReport& report) {
    report.error = std::move(error);
    report.failing_since = report.failing_since.value_or(now);
    return true;
  });
}

bool PodReports::RecordLastWords(std::string_view uid, sidecar_config::LedgerEpoch epoch) {
  return Change(uid, [&](PodReport& report) {
    for (const auto& words : report.last_words) {
      if (words.epoch == epoch.epoch && words.slos == epoch.slos) {
        return false;
      }
    }
    MergeEpoch(report.last_words, epoch);
    if (report.last_words.size() > kMaxLastWords) {
      report.last_words.erase(report.last_words.begin());
    }
    return true;
  });
}

void PodReports::MarkFinal(std::string_view uid, SystemTime now) {
  Change(uid, [&](PodReport& report) {
    if (report.final_at) {
      return false;
    }
    report.final_at = now;
    return true;
  });
}

void PodReports::Prune(SystemTime now) {
  const MutexLock lock(mutex_);
  std::erase_if(reports_, [&](const auto& entry) {
    return entry.second->final_at && now - *entry.second->final_at > kKeepFinal;
  });
}

}  // namespace reliability::controllers
