#pragma once
// The inside of Decide: one pass over one workload. Used by decide.cc and its parts only.
//
// Conditions carry two pieces of machine state, so that they survive a restart: Enforced with
// reason Restoring (the way back has begun), HumanOverride with reason ScaledByHand (no /scale any
// more).
#include "controllers/enforcement/decide.h"
#include "controllers/enforcement/rules.h"

namespace reliability::controllers::enforcement {

inline constexpr Milliseconds kOrderValidFor = std::chrono::minutes{15};
inline constexpr Milliseconds kOrderRenewEvery = std::chrono::minutes{5};
inline constexpr Milliseconds kAckWait = std::chrono::seconds{5};
inline constexpr Milliseconds kProbePodWait = std::chrono::minutes{5};
inline constexpr Milliseconds kProbeIdle = std::chrono::minutes{10};
inline constexpr Milliseconds kRevertWindow = std::chrono::minutes{10};
inline constexpr Milliseconds kCloseWait = std::chrono::seconds{30};

class Machine {
 public:
  explicit Machine(const Input& input);
  [[nodiscard]] Decision Run();

 private:
  using Mode = api::EnforcementMode;

  // decide.cc: which mode.
  [[nodiscard]] std::optional<std::string> ReleaseReason() const;
  void Free(const std::optional<std::string>& release, const RuleOutcome& rules);
  void Held(const std::optional<std::string>& release);
  void BeginHold(const RuleMatch& match);
  void CountTrip(const RuleMatch& match);
  void BeginRestore(const std::string& why);
  void Restore();
  void FinishRestore();
  void Watch(const RuleOutcome& rules);  // Observe: what would be done
  void Enter(Mode mode);
  [[nodiscard]] bool ManualRecovery(const RuleMatch& match) const;
  [[nodiscard]] std::optional<SystemTime> HalfOpenAt(const RuleMatch& match) const;

  // machine_probe.cc: the probe phase.
  void BeginHalfOpen(const RuleMatch& match);
  void Probe(const RuleMatch& match);
  [[nodiscard]] bool PickProbePod(const RuleMatch& match);
  void CountProbeTurns();
  void HoldAgain(const RuleMatch& match, bool trip, const std::string& why);

  // machine_scale.cc: replicas.
  void JudgeActuator(const RuleMatch& match);
  void SettleScale();
  void OnForeignWrite();
  void OnRevert();
  void SetTarget(std::int32_t replicas);
  // When the workload is to be scaled down; nothing: not in this hold.
  [[nodiscard]] std::optional<SystemTime> ScaleDownAt(const RuleMatch& match) const;
  void ScaleDownIfDue(const RuleMatch& match);
  [[nodiscard]] std::int32_t ProbeReplicas(const RuleMatch& match) const;
  [[nodiscard]] std::optional<std::int32_t> RestoreReplicas() const;

  // machine_report.cc: orders, conditions, words.
  void Order();
  [[nodiscard]] bool Published() const;
  void ReportConditions();
  void ReportAcks();
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> CountAcks() const;
  void SayPaused(const std::string& sidecars, bool complete);
  void ReportNextStep(const RuleOutcome& rules);
  void NotifyEvents(const RuleOutcome& rules);
  void Say(bool warning, api::EventReason reason, std::string action, std::string note);
  bool SetCondition(std::string_view type, api::ConditionStatus status, std::string reason,
                    std::string message);
  [[nodiscard]] bool HasReason(std::string_view type, std::string_view reason) const;
  void WakeAt(SystemTime when);
  [[nodiscard]] std::string TripText() const;

  [[nodiscard]] Mode mode() const { return *s_.mode; }
  [[nodiscard]] bool Restoring() const { return HasReason("Enforced", "Restoring"); }
  [[nodiscard]] bool HumanScaled() const { return HasReason("HumanOverride", "ScaledByHand"); }
  [[nodiscard]] std::string CauseSlo() const;
  [[nodiscard]] api::EnforcementLedger& ledger();

  const Input& in_;
  const SystemTime now_;  // whole seconds, as the API stores times
  Decision out_;
  api::AgentEnforcementStatus& s_ = out_.status;
};

}  // namespace reliability::controllers::enforcement
