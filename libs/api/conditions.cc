#include "libs/api/conditions.h"

#include <algorithm>
#include <chrono>

namespace reliability::api {
namespace {

constexpr std::size_t kMaxReason = 1024;
constexpr std::size_t kMaxMessage = 32768;

// Cuts at most `limit` bytes without splitting a UTF-8 character.
void Cut(std::string& text, std::size_t limit) {
  if (text.size() <= limit) {
    return;
  }
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) {
    --limit;
  }
  text.resize(limit);
}

auto Position(const Conditions& conditions, std::string_view type) {
  return std::find_if(conditions.begin(), conditions.end(),
                      [type](const Condition& condition) { return condition.type == type; });
}

}  // namespace

const Condition* FindCondition(const Conditions& conditions, std::string_view type) {
  const auto it = Position(conditions, type);
  return it == conditions.end() ? nullptr : &*it;
}

bool IsTrue(const Conditions& conditions, std::string_view type) {
  const Condition* condition = FindCondition(conditions, type);
  return condition != nullptr && condition->status == ConditionStatus::kTrue;
}

bool SetCondition(Conditions& conditions, Condition desired, SystemTime now) {
  Cut(desired.reason, kMaxReason);
  Cut(desired.message, kMaxMessage);
  desired.last_transition_time =
      std::chrono::time_point_cast<Milliseconds>(std::chrono::floor<std::chrono::seconds>(now));
  const auto it = Position(conditions, desired.type);
  if (it == conditions.end()) {
    conditions.push_back(std::move(desired));
    return true;
  }
  Condition& stored = conditions[static_cast<std::size_t>(it - conditions.begin())];
  if (stored.status == desired.status) {
    desired.last_transition_time = stored.last_transition_time;
  }
  if (stored == desired) {
    return false;
  }
  stored = std::move(desired);
  return true;
}

bool RemoveCondition(Conditions& conditions, std::string_view type) {
  const auto it = Position(conditions, type);
  if (it == conditions.end()) {
    return false;
  }
  conditions.erase(it);
  return true;
}

void Fields(FieldVisitor& v, Condition& o) {
  v.Field("type", o.type, Presence::kRequired);
  v.Field("status", o.status, Presence::kRequired);
  v.Field("reason", o.reason, Presence::kRequired);
  v.Field("message", o.message, Presence::kRequired);
  v.Field("observedGeneration", o.observed_generation);
  v.Field("lastTransitionTime", o.last_transition_time, Presence::kRequired);
}

}  // namespace reliability::api
