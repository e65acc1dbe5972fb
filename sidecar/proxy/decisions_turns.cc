// Ends of turns, reports, mode, and what other threads read: the second half of Decisions.
#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "libs/sidecar_config/to_policy.h"
#include "sidecar/proxy/decisions.h"

namespace reliability::sidecar::proxy {

void Decisions::CollectEnded(const Now& now) {
  for (const policy::TurnRecord& turn : turns_.TakeEnded()) {
    gate_.TurnEnded(turn, now.mono);
    SettleAgent(turn, now);
    tiers_.TurnEnded(turn.handle);
    costs_.TurnEnded(turn.handle);
    CountTurn(turn);
  }
  NoteLedger();
}

void Decisions::NoteLedger() {
  if (ledger_.version() != seen_ledger_ && !ledger_noted_) {
    ledger_noted_ = true;
    if (ledger_changed_) {
      ledger_changed_();
    }
  }
}

void Decisions::OnLedgerChange(std::function<void()> notify) {
  const MutexLock lock(mutex_);
  ledger_changed_ = std::move(notify);
}

bool Decisions::LedgerChanged() const {
  const MutexLock lock(mutex_);
  return ledger_noted_;
}

bool Decisions::TakeLedgerChange() {
  const MutexLock lock(mutex_);
  const bool changed = ledger_noted_;
  ledger_noted_ = false;
  seen_ledger_ = ledger_.version();
  return changed;
}

void Decisions::NoteTurn(Admission& admission, policy::TurnHandle turn, const Now& now) {
  if (const auto view = turns_.View(turn, now.mono)) {
    admission.turn_id = view->id;
    admission.turn_deadline = view->deadline;
  }
}

void Decisions::CountTurn(const policy::TurnRecord& turn) {
  metrics_.CountTurn(turn);
  if (snapshot_ != nullptr) {
    for (std::size_t i = 0; i < snapshot_->slos.size(); ++i) {
      const policy::SloRule& rule = snapshot_->slos[i];
      if (rule.kind != policy::SliKind::kToolCallSuccess) {
        ledger_.Count(slo_places_[i], policy::ClassifyTurn(rule, turn));
      }
    }
  }
  if (turn.result == policy::TurnResult::kFailure) {
    log::Info("turn_failed", {{"turn", turn.id},
                              {"end", policy::TurnEndName(turn.end)},
                              {"class", policy::ErrorClassName(turn.error_class)},
                              {"tool", turn.failed_tool},
                              {"identity", policy::IdentitySourceName(turn.source)},
                              {"resumed", turn.resumed},
                              {"llm_calls", turn.llm_calls},
                              {"tool_calls", turn.tool_calls},
                              {"duration_ms", turn.duration.count()}});
  }
}

Status Decisions::Report(std::string_view turn_id, policy::ReportedResult result) {
  const Now now = Time();
  std::optional<MonotonicTime> next;
  {
    const MutexLock lock(mutex_);
    RELIABILITY_ASSIGN_OR_RETURN(const auto correction, turns_.Report(turn_id, result, now.mono));
    if (correction.has_value() && snapshot_ != nullptr) {
      for (const policy::SloRule& rule : snapshot_->slos) {
        if (rule.kind == policy::SliKind::kTaskSuccess) {
          ledger_.Correct(rule.key, policy::BookedVerdict(rule, *correction),
                          policy::VerdictOf(correction->to));
        }
      }
    }
    CollectEnded(now);
    next = EarlierWake(now);
  }
  Poke(next);
  return {};
}

void Decisions::NoteMode(const Now& now) {
  const policy::GateMode mode = gate_.mode(now.wall);
  if (mode != noted_mode_) {
    log::Info("mode_changed", {{"from", policy::GateModeName(noted_mode_)},
                               {"to", policy::GateModeName(mode)},
                               {"cause", gate_.order().cause},
                               {"generation", gate_.order().generation},
                               {"stale", gate_.stale(now.wall)}});
    noted_mode_ = mode;
  }
}

void Decisions::SetTurnLimits() {
  const policy::DegradeRule* degrade = gate_.degraded();
  // In Observe, too: what would not have fitted is counted there.
  const policy::BudgetLimit most =
      degrade == nullptr ? policy::BudgetLimit{} : degrade->turn_budget;
  costs_.LimitTurns(most);
  budget_ordered_.store(most.any(), std::memory_order_relaxed);
  if (snapshot_ == nullptr) {
    return;
  }
  if (!snapshot_->enforce()) {
    degrade = nullptr;
  }
  turns_.SetLimits(degrade == nullptr ? sidecar_config::ToTurnLimits(snapshot_->policy)
                                      : sidecar_config::ToTurnLimits(snapshot_->policy, *degrade));
}

std::optional<MonotonicTime> Decisions::NextWake(const Now& now) const {
  std::optional<MonotonicTime> next = turns_.NextWake();
  const auto& until = gate_.order().valid_until;
  if (until.has_value() && *until > now.wall) {
    const MonotonicTime expiry = now.mono + (*until - now.wall);
    next = next.has_value() ? std::min(*next, expiry) : expiry;
  }
  return next;
}

std::optional<MonotonicTime> Decisions::EarlierWake(const Now& now) {
  const std::optional<MonotonicTime> next = NextWake(now);
  if (!next.has_value() || (armed_.has_value() && *armed_ <= *next)) {
    return std::nullopt;
  }
  armed_ = next;
  return next;
}

void Decisions::Poke(std::optional<MonotonicTime> earlier) {
  if (earlier.has_value() && poke_) {
    poke_(*earlier);
  }
}

std::optional<MonotonicTime> Decisions::Housekeep() {
  const Now now = Time();
  const MutexLock lock(mutex_);
  turns_.Expire(now.mono);
  CollectEnded(now);
  NoteMode(now);
  armed_ = NextWake(now);
  return armed_;
}

void Decisions::Terminate() {
  const Now now = Time();
  const MutexLock lock(mutex_);
  turns_.Terminate(now.mono);
  CollectEnded(now);
}

sidecar_config::LedgerDocument Decisions::LedgerView() const {
  const Now now = Time();
  const MutexLock lock(mutex_);
  sidecar_config::LedgerDocument document = ledger_.Document();
  document.config_hash = snapshot_ == nullptr ? "" : snapshot_->hash;
  document.config_error = config_error_;
  document.mode_leader_epoch = gate_.order().leader_epoch;
  document.mode_generation = gate_.order().generation;
  document.mode = policy::GateModeName(gate_.mode(now.wall));
  document.mode_stale = gate_.stale(now.wall);
  document.turns_running = turns_.running();
  document.fallback_chain = chain_counts_;
  return document;
}

std::string Decisions::LedgerFileText() const {
  const MutexLock lock(mutex_);
  return ledger_.FileText();
}

std::string Decisions::LastWords() const {
  const MutexLock lock(mutex_);
  return ledger_.LastWords();
}

std::vector<policy::BreakerTable::View> Decisions::Breakers() const {
  const MonotonicTime now = clock_.MonotonicNow();
  const MutexLock lock(mutex_);
  return breakers_.List(now);
}

Decisions::ModeView Decisions::Mode() const {
  const Now now = Time();
  const MutexLock lock(mutex_);
  return {.mode = gate_.mode(now.wall),
          .stale = gate_.stale(now.wall),
          .cause = gate_.order().cause,
          .probes_running = gate_.probes_running(),
          .reject_probability = gate_.RejectProbability(now.mono),
          .turns_running = turns_.running(),
          .degrade = gate_.order().degrade,
          .ramp_percent = gate_.order().ramp.percent};
}

config::SnapshotPtr Decisions::snapshot() const {
  const MutexLock lock(mutex_);
  return snapshot_;
}

}  // namespace reliability::sidecar::proxy
