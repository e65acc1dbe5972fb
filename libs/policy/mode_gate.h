#pragma once
// Whether the operator's mode lets a call pass, and what it asks of the turns that do. Running
// turns always finish (operator rulings 25, 26; data-plane rulings 41-44).
//
//   Throttled  a share of new turns is refused, by the agent's own failures
//   Degraded   no turn is refused: calls begin at a lower tier, turns are shorter and may use less
//   Paused     new turns are refused; running ones drain
//   HalfOpen   a few turns at a time, as probes
//   Ramping    a share of conversations; a larger step admits all that a smaller one did
//
// An order that was not renewed in time never gets stricter and never ends by itself: Paused
// becomes a local HalfOpen, the others stay as they are, flagged stale.
//
// Pure: time and draws are arguments. Event loop thread only.
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/policy/budget_limit.h"
#include "libs/policy/error_class.h"
#include "libs/policy/turn_record.h"

namespace reliability::policy {

enum class GateMode : std::uint8_t {
  kNormal,
  kThrottled,
  kPaused,
  kHalfOpen,
  kDegraded,
  kRamping,
};
inline constexpr int kGateModeCount = 6;
[[nodiscard]] std::string_view GateModeName(GateMode mode);  // "Normal", …

struct ThrottleRule {
  double objective = 0.0;  // ratio in (0, 1)
  int max_reject_percent = 80;
  int min_events = 10;
};

struct DegradeRule {
  std::string fallback_tier;  // name of a tier of the chain; empty: calls begin where they ask
  std::optional<Milliseconds> turn_timeout;  // of new turns, if shorter than the policy's
  BudgetLimit turn_budget{};  // of turns, running ones too, where it is less than the policy's
};

struct RampRule {
  std::string id;  // of the whole ramp: its steps share it
  int percent = 100;
};

struct ModeOrder {
  std::int64_t leader_epoch = 0;
  std::int64_t generation = 0;
  GateMode mode = GateMode::kNormal;
  std::string cause;
  Milliseconds retry_after{30000};
  std::optional<SystemTime> valid_until;
  ThrottleRule throttle;         // kThrottled
  DegradeRule degrade;           // kDegraded
  RampRule ramp;                 // kRamping
  int max_probes = 1;            // kHalfOpen
  bool this_pod_probes = false;  // kHalfOpen: the others act Paused
};

enum class CallIntent : std::uint8_t {
  kNewTurn,       // LLM request that would start a turn
  kInTurn,        // LLM request or tool call of a running turn
  kUnjoinedTool,  // tool call that joins no running turn
  kControl,       // initialize, tools/list, ping, notifications, GET streams, other endpoints
};

struct GateVerdict {
  bool admitted = true;
  bool probe = false;                      // a turn admitted in HalfOpen
  ErrorClass refusal = ErrorClass::kNone;  // kPaused or kThrottled
  Milliseconds retry_after{0};
};

// Place of a conversation in a ramp, in [0, 1): admitted by steps above it.
[[nodiscard]] double RampPlace(std::string_view ramp, std::string_view conversation);

class ModeGate {
 public:
  enum class Applied : std::uint8_t { kChanged, kRenewed, kIgnoredOlder };

  // An order with lower (leader_epoch, generation) than seen before is ignored.
  Applied Apply(const ModeOrder& order, SystemTime wall);
  // The file is missing: Normal. What was seen before still orders later ones.
  void Clear();

  // `draw` in [0, 1) decides a throttled turn. `conversation` decides a ramp: the same one is
  // always decided alike; empty: by the draw.
  [[nodiscard]] GateVerdict Admit(CallIntent intent, SystemTime wall, MonotonicTime now,
                                  double draw, std::string_view conversation = {});
  // After a verdict on kNewTurn admitted it. HalfOpen counts turns until TurnEnded.
  void TurnOpened(std::uint64_t turn, const GateVerdict& verdict);
  void TurnEnded(const TurnRecord& turn, MonotonicTime now);

  // Share of new turns refused at `now` in Throttled, 0..1.
  [[nodiscard]] double RejectProbability(MonotonicTime now) const;

  // Mode in force, after expiry: a Paused order past validUntil is a local HalfOpen.
  [[nodiscard]] GateMode mode(SystemTime wall) const;
  [[nodiscard]] bool stale(SystemTime wall) const;  // past validUntil
  // What Degraded asks for; nullptr in other modes.
  [[nodiscard]] const DegradeRule* degraded() const {
    return order_.mode == GateMode::kDegraded ? &order_.degrade : nullptr;
  }
  [[nodiscard]] const ModeOrder& order() const { return order_; }
  [[nodiscard]] std::size_t probes_running() const { return probes_.size(); }

 private:
  struct Second {
    std::int64_t index = -1;
    int turns = 0;
    int good = 0;
  };

  [[nodiscard]] bool Expired(SystemTime wall) const;
  [[nodiscard]] int MaxProbes(SystemTime wall) const;  // 0: acts Paused
  [[nodiscard]] GateVerdict Refuse(ErrorClass refusal) const;

  static constexpr std::int64_t kWindowSeconds = 120;

  ModeOrder order_;
  bool seen_ = false;
  std::int64_t seen_epoch_ = 0;
  std::int64_t seen_generation_ = 0;
  // Once expired, only a newer generation counts: a renewal must not pause again (ruling 42).
  bool expired_ = false;
  std::set<std::uint64_t> probes_;
  std::array<Second, kWindowSeconds> seconds_{};  // turns that ended, by second
};

}  // namespace reliability::policy
