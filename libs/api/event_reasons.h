#pragma once
// Every reason that an event of ours can have; nothing else converts to one. docs/events.md says
// what each means and what to do, and tools/check_docs.py compares the two. Pure.
#include <string>
#include <string_view>

namespace reliability::api {

class EventReason {
 public:
  constexpr EventReason() = default;
  explicit constexpr EventReason(std::string_view text) : text_(text) {}

  [[nodiscard]] constexpr std::string_view text() const { return text_; }
  [[nodiscard]] std::string str() const { return std::string(text_); }
  friend constexpr bool operator==(EventReason a, EventReason b) { return a.text_ == b.text_; }
  friend constexpr bool operator==(EventReason a, std::string_view b) { return a.text_ == b; }

 private:
  std::string_view text_;
};

namespace reasons {

inline constexpr EventReason kAgentPaused{"AgentPaused"};
inline constexpr EventReason kAgentRestored{"AgentRestored"};
inline constexpr EventReason kAgentScaledDown{"AgentScaledDown"};
inline constexpr EventReason kAgentThrottled{"AgentThrottled"};
inline constexpr EventReason kBudgetAtRisk{"BudgetAtRisk"};
inline constexpr EventReason kBudgetExhausted{"BudgetExhausted"};
inline constexpr EventReason kBudgetRecovered{"BudgetRecovered"};
inline constexpr EventReason kBurnRecovered{"BurnRecovered"};
inline constexpr EventReason kEnforcementFailed{"EnforcementFailed"};
inline constexpr EventReason kErrorBudgetNotice{"ErrorBudgetNotice"};
inline constexpr EventReason kFallbackChainMissing{"FallbackChainMissing"};
inline constexpr EventReason kFallbackTierChanged{"FallbackTierChanged"};
inline constexpr EventReason kFastBurnDetected{"FastBurnDetected"};
inline constexpr EventReason kHistoryDamaged{"HistoryDamaged"};
inline constexpr EventReason kHistoryFull{"HistoryFull"};
inline constexpr EventReason kHumanOverride{"HumanOverride"};
inline constexpr EventReason kOutcomesLost{"OutcomesLost"};
inline constexpr EventReason kOverrideActive{"OverrideActive"};
inline constexpr EventReason kOverrideExpired{"OverrideExpired"};
inline constexpr EventReason kOverrideExpiring{"OverrideExpiring"};
inline constexpr EventReason kPolicyAccepted{"PolicyAccepted"};
inline constexpr EventReason kPolicyConflicted{"PolicyConflicted"};
inline constexpr EventReason kRecoveryProbeFailed{"RecoveryProbeFailed"};
inline constexpr EventReason kRecoveryProbeIdle{"RecoveryProbeIdle"};
inline constexpr EventReason kRecoveryProbeStarted{"RecoveryProbeStarted"};
inline constexpr EventReason kRestartRequired{"RestartRequired"};
inline constexpr EventReason kScaleConflict{"ScaleConflict"};
inline constexpr EventReason kSidecarEnvironment{"SidecarEnvironment"};
inline constexpr EventReason kSidecarMissing{"SidecarMissing"};
inline constexpr EventReason kSidecarNotInjected{"SidecarNotInjected"};
inline constexpr EventReason kSidecarOrphaned{"SidecarOrphaned"};
inline constexpr EventReason kSidecarOutdated{"SidecarOutdated"};
inline constexpr EventReason kSidecarStale{"SidecarStale"};
inline constexpr EventReason kSlowBurnDetected{"SlowBurnDetected"};
inline constexpr EventReason kTelemetryLost{"TelemetryLost"};
inline constexpr EventReason kTelemetryRestored{"TelemetryRestored"};
inline constexpr EventReason kWouldPause{"WouldPause"};
inline constexpr EventReason kWouldThrottle{"WouldThrottle"};

}  // namespace reasons
}  // namespace reliability::api
