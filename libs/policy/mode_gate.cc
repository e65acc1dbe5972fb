#include "libs/policy/mode_gate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>

#include "libs/base/hash.h"

namespace reliability::policy {
namespace {

constexpr double kThrottleExponent = 1.5;  // slo-and-enforcement.md section 3

std::int64_t SecondOf(MonotonicTime now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

std::string_view GateModeName(GateMode mode) {
  switch (mode) {
    case GateMode::kNormal:
      return "Normal";
    case GateMode::kThrottled:
      return "Throttled";
    case GateMode::kPaused:
      return "Paused";
    case GateMode::kHalfOpen:
      return "HalfOpen";
    case GateMode::kDegraded:
      return "Degraded";
    case GateMode::kRamping:
      return "Ramping";
  }
  return "";
}

double RampPlace(std::string_view ramp, std::string_view conversation) {
  using std::string_view_literals::operator""sv;
  std::uint64_t hash = Fnv1a(conversation, Fnv1a("\0"sv, Fnv1a(ramp)));
  // FNV leaves the high bits of short texts alike; these are splitmix64's last steps.
  hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  hash = (hash ^ (hash >> 27U)) * 0x94D049BB133111EBULL;
  hash ^= hash >> 31U;
  return static_cast<double>(hash >> 11U) * 0x1.0p-53;
}

ModeGate::Applied ModeGate::Apply(const ModeOrder& order, SystemTime wall) {
  const auto incoming = std::tie(order.leader_epoch, order.generation);
  const auto seen = std::tie(seen_epoch_, seen_generation_);
  if (seen_ && incoming < seen) {
    return Applied::kIgnoredOlder;
  }
  const bool renewal = seen_ && incoming == seen && order_.mode == order.mode;
  // Only of a pause: the other modes end or go on alike, stale or not.
  const bool held = order.mode == GateMode::kPaused || order.mode == GateMode::kHalfOpen;
  expired_ = renewal && held && Expired(wall);
  order_ = order;
  seen_ = true;
  seen_epoch_ = order.leader_epoch;
  seen_generation_ = order.generation;
  return renewal ? Applied::kRenewed : Applied::kChanged;
}

void ModeGate::Clear() {
  order_ = ModeOrder{};
  expired_ = false;
}

bool ModeGate::Expired(SystemTime wall) const {
  return expired_ || (order_.valid_until && wall > *order_.valid_until);
}

bool ModeGate::stale(SystemTime wall) const {
  return order_.mode != GateMode::kNormal && Expired(wall);
}

GateMode ModeGate::mode(SystemTime wall) const {
  if (order_.mode == GateMode::kPaused && Expired(wall)) {
    return GateMode::kHalfOpen;
  }
  return order_.mode;
}

int ModeGate::MaxProbes(SystemTime wall) const {
  if (order_.mode == GateMode::kHalfOpen && order_.this_pod_probes) {
    return order_.max_probes;
  }
  // Paused, or HalfOpen on another pod; without the operator each pod probes by itself.
  return Expired(wall) ? 1 : 0;
}

GateVerdict ModeGate::Refuse(ErrorClass refusal) const {
  GateVerdict verdict;
  verdict.admitted = false;
  verdict.refusal = refusal;
  verdict.retry_after = order_.retry_after;
  return verdict;
}

GateVerdict ModeGate::Admit(CallIntent intent, SystemTime wall, MonotonicTime now, double draw,
                            std::string_view conversation) {
  GateVerdict verdict;
  if (intent == CallIntent::kInTurn || intent == CallIntent::kControl) {
    return verdict;
  }
  switch (mode(wall)) {
    case GateMode::kNormal:
    case GateMode::kDegraded:
      break;
    case GateMode::kRamping:
      // A loose tool call may belong to a turn that was let in.
      if (intent == CallIntent::kNewTurn &&
          (conversation.empty() ? draw : RampPlace(order_.ramp.id, conversation)) * 100.0 >=
              order_.ramp.percent) {
        return Refuse(ErrorClass::kPaused);
      }
      break;
    case GateMode::kThrottled:
      if (intent == CallIntent::kNewTurn && draw < RejectProbability(now)) {
        return Refuse(ErrorClass::kThrottled);
      }
      break;
    case GateMode::kPaused:
      return Refuse(ErrorClass::kPaused);
    case GateMode::kHalfOpen:
      if (intent == CallIntent::kUnjoinedTool) {
        // Perhaps of a probing turn that nothing ties it to; without one it is refused as in
        // Paused.
        return probes_.empty() ? Refuse(ErrorClass::kPaused) : verdict;
      }
      if (std::ssize(probes_) >= MaxProbes(wall)) {
        return Refuse(ErrorClass::kPaused);
      }
      verdict.probe = true;
      break;
  }
  return verdict;
}

void ModeGate::TurnOpened(std::uint64_t turn, const GateVerdict& verdict) {
  if (verdict.probe) {
    probes_.insert(turn);
  }
}

void ModeGate::TurnEnded(const TurnRecord& turn, MonotonicTime now) {
  probes_.erase(turn.handle);
  if (turn.result == TurnResult::kNone) {
    return;
  }
  const std::int64_t index = SecondOf(now);
  Second& second = seconds_[static_cast<std::size_t>(index % kWindowSeconds)];
  if (second.index != index) {
    second = Second{index, 0, 0};
  }
  ++second.turns;
  second.good += turn.result == TurnResult::kSuccess ? 1 : 0;
}

double ModeGate::RejectProbability(MonotonicTime now) const {
  if (order_.mode != GateMode::kThrottled || order_.throttle.objective <= 0.0) {
    return 0.0;
  }
  const std::int64_t newest = SecondOf(now);
  int turns = 0;
  int good = 0;
  for (const Second& second : seconds_) {
    if (second.index >= 0 && second.index > newest - kWindowSeconds) {
      turns += second.turns;
      good += second.good;
    }
  }
  if (turns < order_.throttle.min_events) {
    return 0.0;
  }
  const double excess =
      (turns - static_cast<double>(good) / order_.throttle.objective) / (turns + 1.0);
  const double share = std::pow(std::max(0.0, excess), 1.0 / kThrottleExponent);
  return std::min(share, order_.throttle.max_reject_percent / 100.0);
}

}  // namespace reliability::policy
