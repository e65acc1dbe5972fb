#include "sidecar/telemetry/ledger.h"

#include <utility>

#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"

namespace reliability::sidecar::telemetry {
namespace {

void KeepNewest(std::vector<sidecar_config::LedgerEpoch>& closed) {
  if (closed.size() > Ledger::kMaxClosed) {
    closed.erase(closed.begin(), closed.end() - static_cast<std::ptrdiff_t>(Ledger::kMaxClosed));
  }
}

}  // namespace

Ledger::Ledger(std::string pod_uid, std::string epoch, Earlier earlier)
    : pod_uid_(std::move(pod_uid)),
      closed_(std::move(earlier.closed)),
      spent_(std::move(earlier.spent)) {
  current_.epoch = std::move(epoch);
  KeepNewest(closed_);
}

void Ledger::Track(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (current_.slos.try_emplace(key).second) {
      ++version_;
    }
  }
}

void Ledger::Count(const std::string& key, policy::SliVerdict verdict) {
  if (verdict != policy::SliVerdict::kNone) {
    Count(PlaceOf(key), verdict);
  }
}

void Ledger::Count(Place place, policy::SliVerdict verdict) {
  if (verdict == policy::SliVerdict::kNone) {
    return;
  }
  bool good = verdict == policy::SliVerdict::kGood;
  if (const auto found = owed_.find(place->first); found != owed_.end()) {
    std::uint64_t& debt = good ? found->second.bad : found->second.good;
    if (debt > 0) {
      --debt;
      good = !good;
    }
    if (found->second.bad == 0 && found->second.good == 0) {
      owed_.erase(found);
    }
  }
  ++(good ? place->second.good : place->second.bad);
  ++version_;
}

void Ledger::CountCall(const std::string& target, std::uint64_t attempts) {
  sidecar_config::TrafficCounts& counts = traffic_[target];
  ++counts.calls;
  counts.attempts += attempts;
}

void Ledger::Correct(const std::string& key, policy::SliVerdict from, policy::SliVerdict to) {
  using policy::SliVerdict;
  if (from == SliVerdict::kNone) {
    Count(key, to);
    return;
  }
  if (to == SliVerdict::kNone || from == to) {
    return;
  }
  Owed& owed = owed_[key];
  std::uint64_t& debt = to == SliVerdict::kBad ? owed.bad : owed.good;
  std::uint64_t& opposite = to == SliVerdict::kBad ? owed.good : owed.bad;
  if (opposite > 0) {
    --opposite;  // one correction each way: nothing is owed
  } else {
    ++debt;
  }
}

void Ledger::SetSpent(const policy::DaySpend& spent) {
  if (!spent_.has_value() || !(*spent_ == spent)) {
    spent_ = spent;
    ++version_;
  }
}

sidecar_config::LedgerDocument Ledger::Document() const {
  sidecar_config::LedgerDocument document;
  document.pod_uid = pod_uid_;
  document.current = current_;
  document.closed = closed_;
  document.traffic = traffic_;
  document.spent = spent_;
  return document;
}

std::string Ledger::FileText() const { return sidecar_config::EncodeLedger(Document()); }

std::string Ledger::LastWords() const {
  return sidecar_config::EncodeLastWords(pod_uid_, current_);
}

Result<Ledger::Earlier> Ledger::EarlierFrom(std::string_view file_text, std::string_view pod_uid) {
  RELIABILITY_ASSIGN_OR_RETURN(auto decoded, sidecar_config::DecodeLedger(file_text));
  sidecar_config::LedgerDocument& document = decoded.document;
  if (document.pod_uid != pod_uid) {
    return Earlier{};
  }
  Earlier earlier{.closed = std::move(document.closed), .spent = document.spent};
  earlier.closed.push_back(std::move(document.current));
  KeepNewest(earlier.closed);
  return earlier;
}

}  // namespace reliability::sidecar::telemetry
