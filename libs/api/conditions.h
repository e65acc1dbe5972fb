#pragma once
// metav1.Condition and the rules for changing a list of them. Pure: time is an argument.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libs/api/field_visitor.h"

namespace reliability::api {

enum class ConditionStatus { kTrue, kFalse, kUnknown };

template <>
struct EnumNames<ConditionStatus> {
  static constexpr std::array<std::string_view, 3> kNames = {"True", "False", "Unknown"};
};

struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   // one word: "TargetNotFound"
  std::string message;  // numbers and the next step
  std::int64_t observed_generation = 0;
  SystemTime last_transition_time{};  // whole seconds, as the API stores it
  friend bool operator==(const Condition&, const Condition&) = default;
};

using Conditions = std::vector<Condition>;  // one per type, in the order they were first set

// nullptr if there is none of this type; valid until the list changes.
[[nodiscard]] const Condition* FindCondition(const Conditions& conditions, std::string_view type);
[[nodiscard]] bool IsTrue(const Conditions& conditions, std::string_view type);

// Adds or replaces the condition of this type. lastTransitionTime becomes `now` (cut to seconds)
// only if the status differs from the stored one, else it stays: `desired`'s own is ignored.
// A message or reason longer than the schema allows is cut. True if anything changed.
bool SetCondition(Conditions& conditions, Condition desired, SystemTime now);
// True if there was one.
bool RemoveCondition(Conditions& conditions, std::string_view type);

void Fields(FieldVisitor& v, Condition& o);

}  // namespace reliability::api
