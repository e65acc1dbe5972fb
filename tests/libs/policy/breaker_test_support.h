#pragma once
// A table of breakers for every kind of call, and calls that pass it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "libs/policy/breaker_table.h"

namespace reliability::policy {

inline constexpr AttemptOutcome kOk{ErrorClass::kNone, std::nullopt};
inline constexpr AttemptOutcome kFailed{ErrorClass::kServerError, std::nullopt};

inline BreakerRule Rule(BreakerScope scope, std::string name = "default") {
  BreakerRule rule;
  rule.name = std::move(name);
  rule.scope = scope;
  return rule;
}

inline BreakerConfig AllScopes() {
  return {{Rule(BreakerScope::kTool), Rule(BreakerScope::kProvider), Rule(BreakerScope::kModel)},
          {}};
}

inline CallTarget Tool(std::string name, std::string server = "orders") {
  return {TargetKind::kMcpTool, std::move(server), std::move(name)};
}
inline CallTarget Llm(std::string model) { return {TargetKind::kLlm, "openai", std::move(model)}; }

class BreakerTableTest : public testing::Test {
 protected:
  BreakerTableTest() { table_.Configure(AllScopes()); }

  std::vector<KeyedBreakerEvent> Call(const CallTarget& target, const AttemptOutcome& outcome) {
    const GuardAdmission guard = table_.Admit(target, now_);
    return table_.Settle(guard.ticket, outcome, now_, 0.5);
  }
  void Break(const CallTarget& target) {
    for (int i = 0; i < 3; ++i) {
      Call(target, kFailed);
    }
  }
  bool Refused(const CallTarget& target) { return !table_.Admit(target, now_).admitted; }
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const BreakerTable::View& view : table_.List(now_)) {
      keys.push_back(view.key);
    }
    return keys;
  }

  BreakerTable table_;
  MonotonicTime now_{Milliseconds{10'000'000}};
};

}  // namespace reliability::policy
