#include "libs/policy/slo_state.h"

#include <algorithm>

namespace reliability::policy {

const TierReading* SloAssessment::Reading(Tier tier) const {
  for (const TierReading& reading : tiers) {
    if (reading.tier.tier == tier) {
      return &reading;
    }
  }
  return nullptr;
}

SloState::SloState(const SloSettings& settings, SystemTime start)
    : settings_(settings),
      start_(start),
      rings_(settings.window),
      detector_(settings.objective.budget()),
      updates_(start) {
  rings_.Advance(start);
  Assess(start);
}

void SloState::Record(const CountedDelta& delta, SystemTime now) {
  if (delta.counts.events == 0) {
    return;
  }
  rings_.Record(delta.counts, delta.from, now);
  pending_ += delta.counts;
  total_ += delta.counts;
  dirty_ = true;
}

bool SloState::EndPod(std::string_view pod_uid) {
  const bool first = counters_.End(pod_uid);
  dirty_ = dirty_ || first;
  return first;
}

std::vector<std::string> SloState::EndVanished(const std::set<std::string, std::less<>>& live) {
  std::vector<std::string> vanished = counters_.EndVanished(live);
  dirty_ = dirty_ || !vanished.empty();
  return vanished;
}

const SloAssessment& SloState::Tick(SystemTime now) {
  rings_.Advance(now);
  if (pending_.events > 0) {
    updates_.Count(now);
    const EvidenceLevels levels =
        LevelsFor(settings_.low_traffic.confidence, updates_.PerMonth(now));
    detector_.Update(pending_, now, levels.cap);
    pending_ = {};
  }
  Assess(now);
  CloseStaleIncident(now);
  return assessment_;
}

void SloState::Assess(SystemTime now) {
  SloAssessment next;
  const double b = settings_.objective.budget();
  next.at = now;
  next.total = total_;
  next.budget = ErrorBudget(settings_.objective, rings_.Sum(Length(settings_.window)));
  next.evaluable = next.budget.evaluable();

  next.evidence.e = detector_.Evidence();
  next.evidence.levels = LevelsFor(settings_.low_traffic.confidence, updates_.PerMonth(now));
  next.evidence.level = LevelOf(next.evidence.e, next.evidence.levels);
  next.evidence.incident = detector_.Current();
  if (next.evidence.incident && next.budget.known()) {
    next.evidence.budget_spent =
        static_cast<double>(next.evidence.incident->counts.bad) / next.budget.allowed();
  }

  next.tiers = ReadTiers(settings_.window, settings_.objective, settings_.low_traffic, rings_,
                         next.evidence.level);
  if (IsOutage(b, next.evidence.level, next.evidence.incident, rings_)) {
    next.firing_alert = next.firing_act = Tier::kOutage;
  }
  for (const TierReading& reading : next.tiers) {
    if (reading.firing == Firing::kAct && !next.firing_act) {
      next.firing_act = reading.tier.tier;
    }
    if (reading.firing >= Firing::kAlert && !next.firing_alert) {
      next.firing_alert = reading.tier.tier;
    }
  }
  next.drift = next.evidence.level != EvidenceLevel::kNone && !next.firing_alert;
  incident_open_ = incident_open_ || next.evidence.level != EvidenceLevel::kNone;
  next.incident_open = incident_open_;

  // One short window, or enough events that one failure is not the whole budget.
  const BurnTier& fastest = BurnTiers(settings_.window).front();
  next.warming_up =
      now - start_ < fastest.short_window && static_cast<double>(total_.events) * b < 1;

  const TierReading* shown = next.firing_alert ? next.Reading(*next.firing_alert) : nullptr;
  next.burn_rate = (shown != nullptr ? *shown : next.tiers.front()).burn_rate;
  next.exhausts_in = TimeToExhaustion(next.budget.known() ? next.budget.remaining() : 0,
                                      next.burn_rate, Length(settings_.window));

  const BudgetState old_budget = budget_band_.state();
  const BurnState old_burn = burn_band_.state();
  assessment_ = std::move(next);
  assessment_.budget_state = budget_band_.Update(assessment_.budget, now, settings_.hold_for);
  if (assessment_.firing_alert || assessment_.drift) {
    events_at_firing_ = total_.events;
  }
  assessment_.burn_state = burn_band_.Update(Signals(), now, settings_.hold_for);
  dirty_ = dirty_ || old_budget != budget_band_.state() || old_burn != burn_band_.state();
}

BurnSignals SloState::Signals() const {
  const auto any = [&](auto predicate) {
    return std::any_of(assessment_.tiers.begin(), assessment_.tiers.end(), predicate);
  };
  BurnSignals signals;
  signals.any_traffic = assessment_.budget.known();
  signals.page = assessment_.firing_alert && IsPage(*assessment_.firing_alert);
  signals.ticket = assessment_.drift || assessment_.firing_alert.has_value();
  signals.known = any([](const TierReading& r) { return r.firing != Firing::kUnknown; });
  signals.recovering = any([](const TierReading& r) { return r.recovering; });
  signals.traffic_since_firing = total_.events > events_at_firing_;
  return signals;
}

void SloState::CloseStaleIncident(SystemTime now) {
  const bool quiet = incident_open_ && !assessment_.firing_alert && !assessment_.drift;
  if (!quiet) {
    quiet_since_.reset();
  } else if (!quiet_since_) {
    quiet_since_ = now;
  } else if (now - *quiet_since_ >= settings_.hold_for) {
    CloseIncident();
  }
}

void SloState::CloseIncident() {
  detector_.Reset();
  incident_open_ = false;
  assessment_.incident_open = false;
  quiet_since_.reset();
  dirty_ = true;
}

void SloState::Configure(const SloSettings& settings) {
  if (!(settings.objective == settings_.objective)) {
    detector_ = EDetector(settings.objective.budget());
    incident_open_ = false;
    budget_band_ = {};
    dirty_ = true;
  }
  settings_ = settings;
}

void SloState::Save(ByteWriter& out, std::size_t max_pods) const {
  out.Uint(static_cast<std::uint64_t>(settings_.window));
  out.Uint(settings_.objective.budget_ppm());
  out.Time(start_);
  rings_.Save(out);
  detector_.Save(out);
  updates_.Save(out);
  out.Uint(total_.events);
  out.Uint(total_.bad);
  out.Uint(pending_.events);
  out.Uint(pending_.bad);
  budget_band_.Save(out);
  burn_band_.Save(out);
  out.Uint(events_at_firing_);
  out.Uint(incident_open_ ? 1 : 0);
  out.Uint(quiet_since_ ? 1 : 0);
  out.Time(quiet_since_.value_or(SystemTime{}));
  counters_.Save(out, max_pods);
}

void SloState::Load(ByteReader& in, std::uint64_t version) {
  if (in.Uint() != static_cast<std::uint64_t>(settings_.window)) {
    in.Fail();
    return;
  }
  const bool same_objective = in.Uint() == settings_.objective.budget_ppm();
  start_ = in.Time();
  rings_.Load(in);
  detector_.Load(in);
  updates_.Load(in);
  total_ = {in.Uint(), 0};
  total_.bad = in.Uint();
  pending_ = {in.Uint(), 0};
  pending_.bad = in.Uint();
  budget_band_.Load(in);
  burn_band_.Load(in);
  events_at_firing_ = in.Uint();
  incident_open_ = in.Uint() != 0;
  const bool quiet = in.Uint() != 0;
  const SystemTime quiet_since = in.Time();
  quiet_since_ = quiet ? std::optional(quiet_since) : std::nullopt;
  counters_.Load(in, version);
  if (!same_objective) {
    detector_ = EDetector(settings_.objective.budget());
    incident_open_ = false;
    budget_band_ = {};
  }
  dirty_ = false;
}

}  // namespace reliability::policy
