// Which rule guards a call's target, and which key its breaker has. Part of BreakerTable.
#include <algorithm>

#include "libs/policy/breaker_table.h"

namespace reliability::policy {
namespace {

constexpr std::string_view kOther = "_other";

bool AnyOrHas(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return !names.empty() && AnyOrHas(names, name);
}

// Plain HTTP tools are one tool per upstream, named like it.
std::string_view NameOf(const CallTarget& target) {
  return target.kind == TargetKind::kHttpTool ? target.upstream : target.name;
}

}  // namespace

const BreakerRule* BreakerTable::FindRule(BreakerScope scope, const CallTarget& target) const {
  if (scope == BreakerScope::kServer) {
    // A rule for some tools says nothing about the server.
    const auto found =
        std::find_if(config_.rules.begin(), config_.rules.end(), [&](const BreakerRule& rule) {
          return rule.scope == BreakerScope::kTool && rule.tools.empty() &&
                 AnyOrHas(rule.upstreams, target.upstream);
        });
    return found == config_.rules.end() ? nullptr : &*found;
  }
  if (scope == BreakerScope::kLimit) {
    return FindRule(BreakerScope::kModel, target) != nullptr
               ? nullptr
               : FindRule(BreakerScope::kProvider, target);
  }
  for (const BreakerRule& rule : config_.rules) {
    if (rule.scope != scope || !AnyOrHas(rule.upstreams, target.upstream)) {
      continue;
    }
    if (scope == BreakerScope::kTool && !AnyOrHas(rule.tools, NameOf(target))) {
      continue;
    }
    if (scope == BreakerScope::kModel && !AnyOrHas(rule.models, target.name)) {
      continue;
    }
    return &rule;
  }
  return nullptr;
}

bool BreakerTable::HasOwnKey(const CallTarget& target) const {
  if (target.kind == TargetKind::kHttpTool) {
    return true;
  }
  if (target.name.empty() || target.name == kOther) {
    return false;
  }
  const auto observed = observed_.find(target.upstream);
  if (observed != observed_.end() && observed->second.contains(target.name)) {
    return true;
  }
  const bool llm = target.kind == TargetKind::kLlm;
  const bool by_rule =
      std::any_of(config_.rules.begin(), config_.rules.end(), [&](const BreakerRule& rule) {
        return AnyOrHas(rule.upstreams, target.upstream) &&
               Has(llm ? rule.models : rule.tools, target.name);
      });
  return by_rule ||
         (!llm && std::any_of(config_.known_tools.begin(), config_.known_tools.end(),
                              [&](const auto& known) {
                                return (known.first.empty() || known.first == target.upstream) &&
                                       known.second == target.name;
                              }));
}

std::string BreakerTable::KeyOf(BreakerScope scope, const CallTarget& target) const {
  switch (scope) {
    case BreakerScope::kProvider:
      return "llm:" + target.upstream;
    case BreakerScope::kAgent:
      return "agent";
    case BreakerScope::kServer:
      return "mcp:" + target.upstream;
    case BreakerScope::kModel:
    case BreakerScope::kLimit:
      break;
    case BreakerScope::kTool:
      if (target.kind == TargetKind::kHttpTool) {
        return "http:" + target.upstream;
      }
      break;
  }
  std::string key = target.kind == TargetKind::kLlm ? "llm:" : "mcp:";
  key += target.upstream;
  key += '/';
  key += HasOwnKey(target) ? std::string_view(target.name) : kOther;
  return key;
}

}  // namespace reliability::policy
