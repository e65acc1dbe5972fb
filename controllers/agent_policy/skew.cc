#include "controllers/agent_policy/skew.h"

#include <algorithm>
#include <utility>

#include "controllers/agent_policy/resolved_refs.h"

namespace reliability::controllers::agent_policy {
namespace {

using sidecar_config::kOldestMinor;
using sidecar_config::kSchemaMajor;
using sidecar_config::kSchemaMinor;
using sidecar_config::NewField;

std::string Version(int minor) {
  return std::to_string(kSchemaMajor) + "." + std::to_string(minor);
}

std::string Pods(const std::vector<std::string>& names) {
  return (names.size() == 1 ? "pod " : "pods ") + ShortList(names);
}

}  // namespace

Skew SkewOf(const std::vector<PodView>& pods, std::optional<int> written) {
  Skew skew;
  bool silent = false;
  for (const PodView& pod : pods) {
    if (!pod.injected) {
      continue;
    }
    if (!pod.report.has_value()) {
      silent = true;
      continue;
    }
    skew.minor = std::min(skew.minor, pod.report->schema_minor);
    if (pod.report->schema_minor < kOldestMinor) {
      skew.too_old.push_back(pod.name);
      skew.oldest = std::min(skew.oldest, pod.report->schema_minor);
    }
  }
  if (silent && written.has_value()) {
    skew.minor = std::min(skew.minor, *written);
  }
  skew.minor = std::clamp(skew.minor, kOldestMinor, kSchemaMinor);
  return skew;
}

void AddWaiting(Skew& skew, const std::vector<PodView>& pods, std::vector<NewField> left_out) {
  int needed = 0;
  for (const NewField& field : left_out) {
    needed = std::max(needed, field.minor);
  }
  skew.waiting = std::move(left_out);
  std::vector<std::string> silent;
  for (const PodView& pod : pods) {
    if (!pod.injected) {
      continue;
    }
    if (!pod.report.has_value()) {
      silent.push_back(pod.name);
    } else if (pod.report->schema_minor < needed) {
      skew.holding.push_back(pod.name);
    }
  }
  // Pods that have just started are named only if it is them that is waited for.
  if (!skew.waiting.empty() && skew.holding.empty()) {
    skew.holding = std::move(silent);
  }
}

std::string Describe(const Skew& skew, const std::string& ns, const api::TargetRef& target) {
  if (!skew.any()) {
    return {};
  }
  std::string out;
  if (!skew.waiting.empty()) {
    std::string fields;
    for (const NewField& field : skew.waiting) {
      fields += (fields.empty() ? "" : ", ") + std::string(field.path) + " (until then " +
                std::string(field.instead) + ")";
    }
    out = "in every pod of " + ToString(target) + " these settings wait for newer sidecars in " +
          Pods(skew.holding) + ": " + fields;
  }
  if (!skew.too_old.empty()) {
    out += (out.empty() ? "" : "; ") + std::string("the sidecars of ") + Pods(skew.too_old) +
           " know configuration " + Version(skew.oldest) + ", this operator writes " +
           Version(kOldestMinor) + " or newer: they ignore what they do not know";
  }
  return out + ". Next: " + RestartCommand(ns, target);
}

}  // namespace reliability::controllers::agent_policy
