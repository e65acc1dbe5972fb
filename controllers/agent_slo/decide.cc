#include "controllers/agent_slo/decide.h"

#include <algorithm>
#include <cmath>

#include "controllers/agent_slo/texts.h"

namespace reliability::controllers::agent_slo {
namespace {

using api::Ratio;
using Status = api::ConditionStatus;

// Between two writes that only refresh numbers.
constexpr Milliseconds kRefreshEvery = std::chrono::minutes{1};
constexpr std::int64_t kPoint = 10'000;  // of the budget, in millionths

// The API stores whole seconds.
SystemTime WholeSeconds(SystemTime time) {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::floor<std::chrono::seconds>(time));
}

api::BudgetState ToApi(policy::BudgetState state) {
  switch (state) {
    case policy::BudgetState::kHealthy:
      return api::BudgetState::kHealthy;
    case policy::BudgetState::kAtRisk:
      return api::BudgetState::kAtRisk;
    case policy::BudgetState::kCritical:
      return api::BudgetState::kCritical;
    case policy::BudgetState::kExhausted:
      return api::BudgetState::kExhausted;
    case policy::BudgetState::kUnknown:
      break;
  }
  return api::BudgetState::kUnknown;
}

api::BurnState ToApi(policy::BurnState state) {
  switch (state) {
    case policy::BurnState::kIdle:
      return api::BurnState::kIdle;
    case policy::BurnState::kNormal:
      return api::BurnState::kNormal;
    case policy::BurnState::kRecovering:
      return api::BurnState::kRecovering;
    case policy::BurnState::kElevated:
      return api::BurnState::kElevated;
    case policy::BurnState::kCritical:
      return api::BurnState::kCritical;
    case policy::BurnState::kUnknown:
      break;
  }
  return api::BurnState::kUnknown;
}

api::SloState StateOf(api::BudgetState budget, api::BurnState burn) {
  if (budget == api::BudgetState::kExhausted) {
    return api::SloState::kExhausted;
  }
  switch (burn) {
    case api::BurnState::kIdle:
      return api::SloState::kIdle;
    case api::BurnState::kNormal:
      return api::SloState::kNormal;
    case api::BurnState::kElevated:
      return api::SloState::kElevated;
    case api::BurnState::kCritical:
      return api::SloState::kCritical;
    case api::BurnState::kRecovering:
      return api::SloState::kRecovering;
    case api::BurnState::kUnknown:
      break;
  }
  return api::SloState::kUnknown;
}

api::Firing ToApi(policy::Firing firing) {
  switch (firing) {
    case policy::Firing::kNo:
      return api::Firing::kNo;
    case policy::Firing::kAlert:
      return api::Firing::kAlert;
    case policy::Firing::kAct:
      return api::Firing::kAct;
    case policy::Firing::kUnknown:
      break;
  }
  return api::Firing::kUnknown;
}

api::Tier ToApi(policy::Tier tier) { return static_cast<api::Tier>(tier); }
static_assert(static_cast<int>(policy::Tier::kOutage) == static_cast<int>(api::Tier::kOutage));
static_assert(static_cast<int>(policy::Tier::kPageSlow) == static_cast<int>(api::Tier::kPageSlow));

api::EvidenceLevel ToApi(policy::EvidenceLevel level) {
  return static_cast<api::EvidenceLevel>(level);
}
static_assert(static_cast<int>(policy::EvidenceLevel::kAct) ==
              static_cast<int>(api::EvidenceLevel::kAct));

api::BurnTier TierOf(const policy::TierReading& reading) {
  api::BurnTier out;
  out.tier = ToApi(reading.tier.tier);
  out.long_window = reading.tier.long_window;
  out.short_window = reading.tier.short_window;
  out.long_bad_share = Ratio::FromDouble(reading.long_counts.BadRatio());
  out.short_bad_share = Ratio::FromDouble(reading.short_counts.BadRatio());
  out.threshold = Ratio::FromDouble(reading.threshold.bad_ratio);
  if (reading.threshold.capped()) {
    out.capped_from = Ratio::FromDouble(reading.threshold.classic);
  }
  out.burn_rate = Ratio::FromDouble(reading.burn_rate);
  out.events = static_cast<std::int64_t>(reading.long_counts.events);
  out.bad_events = static_cast<std::int64_t>(reading.long_counts.bad);
  out.firing = ToApi(reading.firing);
  return out;
}

api::SloEvidence EvidenceOf(const policy::SloAssessment& got) {
  api::SloEvidence out;
  out.level = ToApi(got.evidence.level);
  if (got.firing_alert) {
    out.tier = ToApi(got.firing_act.value_or(*got.firing_alert));
  }
  out.e = got.evidence.e;
  out.alert_at = got.evidence.levels.alert;
  out.act_at = got.evidence.levels.act;
  if (got.evidence.incident && got.evidence.level != policy::EvidenceLevel::kNone) {
    // Below alert the strongest run is chance as likely as not.
    out.onset = WholeSeconds(got.evidence.incident->onset);
    out.n = static_cast<std::int64_t>(got.evidence.incident->counts.events);
    out.k = static_cast<std::int64_t>(got.evidence.incident->counts.bad);
    out.budget_spent = Ratio::FromDouble(got.evidence.budget_spent);
  }
  return out;
}

void FillMeasured(const policy::SloAssessment& got, SystemTime now, api::AgentSloStatus& status) {
  // A budget that one failure would exhaust has no band worth showing.
  const bool judged = got.evaluable && !got.warming_up;
  status.budget_state = judged ? ToApi(got.budget_state) : api::BudgetState::kUnknown;
  status.burn_state = ToApi(got.burn_state);
  status.state = StateOf(*status.budget_state, *status.burn_state);
  status.budget.emplace();
  status.budget->events = static_cast<std::int64_t>(got.budget.counts().events);
  status.budget->bad_events = static_cast<std::int64_t>(got.budget.counts().bad);
  status.burn_rate.clear();
  if (got.budget.known()) {
    status.budget->left = LeftText(got.budget.remaining());
    status.budget->remaining = Ratio::FromDouble(got.budget.remaining());
    status.budget->consumed = Ratio::FromDouble(got.budget.consumed());
    status.burn_rate = BurnText(got.burn_rate);
  }
  status.burn.clear();
  for (const policy::TierReading& reading : got.tiers) {
    status.burn.push_back(TierOf(reading));
  }
  status.evidence = EvidenceOf(got);
  status.exhausts_at.reset();
  if (got.exhausts_in) {
    status.exhausts_at = WholeSeconds(now + *got.exhausts_in);
  }
}

// The measured conditions while there is no data: as they were; Unknown if they never were.
void HoldMeasured(const Input& in, const api::Condition& telemetry, api::AgentSloStatus& status) {
  const bool unread = !in.history_error.empty();
  api::Condition evaluable{"Evaluable", Status::kUnknown, unread ? "HistoryUnreadable" : "NoData",
                           unread ? "the saved counts cannot be read, measuring begins when they "
                                    "can: " +
                                        in.history_error
                                  : "the state is held: " + telemetry.message};
  evaluable.observed_generation = in.slo->metadata.generation;
  api::SetCondition(status.conditions, std::move(evaluable), in.now);
  for (const char* type : {"SLOMet", "BudgetExhausted", "FastBurn"}) {
    const api::Condition* before = api::FindCondition(status.conditions, type);
    api::Condition held{type, Status::kUnknown, "NoData", "nothing was measured yet"};
    if (before != nullptr) {
      held = *before;
    }
    held.observed_generation = in.slo->metadata.generation;
    api::SetCondition(status.conditions, std::move(held), in.now);
  }
  status.state = status.state.value_or(api::SloState::kUnknown);
  status.budget_state = status.budget_state.value_or(api::BudgetState::kUnknown);
  status.burn_state = status.burn_state.value_or(api::BurnState::kUnknown);
}

bool ConditionsDiffer(const api::Conditions& a, const api::Conditions& b) {
  return !std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.type == y.type && x.status == y.status && x.reason == y.reason &&
           x.observed_generation == y.observed_generation;
  });
}

// What must be seen at once.
bool BandChanged(const api::AgentSloStatus& before, const api::AgentSloStatus& after) {
  return before.observed_generation != after.observed_generation || before.target != after.target ||
         before.objective != after.objective || before.state != after.state ||
         before.budget_state != after.budget_state || before.burn_state != after.burn_state ||
         ConditionsDiffer(before.conditions, after.conditions);
}

// What is worth a write after a minute.
bool NumbersChanged(const api::AgentSloStatus& before, const api::AgentSloStatus& after) {
  const auto left = [](const api::AgentSloStatus& status) {
    return status.budget && status.budget->remaining ? status.budget->remaining->millionths()
                                                     : Ratio::FromDouble(1).millionths();
  };
  const auto level = [](const api::AgentSloStatus& status) {
    return status.evidence ? status.evidence->level : std::nullopt;
  };
  const bool first_numbers =
      (before.budget && before.budget->events > 0) != (after.budget && after.budget->events > 0);
  return first_numbers || std::abs(left(before) - left(after)) >= kPoint ||
         before.pods_covered != after.pods_covered || before.pods_total != after.pods_total ||
         level(before) != level(after);
}

}  // namespace

Milliseconds ReactionFacts::HoldFor() const {
  return policy != nullptr ? policy->spec.recovery.hold_for : policy::SloSettings{}.hold_for;
}

Milliseconds EvaluationInterval(api::SloWindow window) {
  const bool fast = window == api::SloWindow::k1h || window == api::SloWindow::k1d;
  return fast ? Milliseconds{5'000} : Milliseconds{15'000};
}

Result<policy::SloSettings> SettingsOf(const api::AgentSloSpec& spec, Milliseconds hold_for) {
  const std::int64_t ppm = spec.objective.millionths();
  if (ppm <= 0 || ppm >= policy::Objective::kMillion) {
    return Fail(Code::kInvalid, "objective \"" + api::FormatPercent(spec.objective) +
                                    "\" is not above 0 and below 100");
  }
  policy::SloSettings out;
  out.objective = policy::Objective::FromPpm(static_cast<std::uint32_t>(ppm));
  out.window = static_cast<policy::SloWindow>(spec.window);
  out.low_traffic.min_events = static_cast<std::uint32_t>(std::max(1, spec.low_traffic.min_events));
  out.low_traffic.min_bad = static_cast<std::uint32_t>(std::max(1, spec.low_traffic.min_bad));
  out.low_traffic.confidence = spec.low_traffic.confidence == api::Confidence::kStrict
                                   ? policy::Confidence::kStrict
                                   : policy::Confidence::kStandard;
  out.hold_for = hold_for;
  return out;
}
static_assert(static_cast<int>(policy::SloWindow::k30d) == static_cast<int>(api::SloWindow::k30d));
static_assert(static_cast<int>(policy::SloWindow::k1d) == static_cast<int>(api::SloWindow::k1d));

Decision Decide(const Input& in) {
  const std::int64_t generation = in.slo->metadata.generation;
  api::AgentSloStatus next = in.previous;
  next.observed_generation = generation;
  next.target = ToString(in.slo->spec.target_ref);
  next.objective = api::FormatPercent(in.slo->spec.objective) + "%";
  next.pods_total = in.pods.total;
  next.pods_covered = in.pods.covered;
  const auto set = [&](api::Condition condition) {
    condition.observed_generation = generation;
    api::SetCondition(next.conditions, std::move(condition), in.now);
  };
  const Telemetry telemetry = JudgeTelemetry(in);
  set(JudgeAccepted(in));
  set(telemetry.condition);
  const bool live = telemetry.live && in.assessment != nullptr;
  if (live) {
    FillMeasured(*in.assessment, in.now, next);
    for (api::Condition& condition : JudgeMeasured(in)) {
      set(std::move(condition));
    }
  } else {
    HoldMeasured(in, telemetry.condition, next);
  }

  Decision out;
  out.telemetry_healthy = live;
  const bool refresh = !in.previous.last_evaluated_time ||
                       in.now - *in.previous.last_evaluated_time >= kRefreshEvery;
  out.write = BandChanged(in.previous, next) || (refresh && NumbersChanged(in.previous, next));
  if (!out.write) {
    out.status = in.previous;
    return out;
  }
  next.last_evaluated_time = WholeSeconds(in.now);
  out.events = EventsOf(in, next);
  out.status = std::move(next);
  return out;
}

}  // namespace reliability::controllers::agent_slo
