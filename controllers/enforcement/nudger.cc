#include "controllers/enforcement/nudger.h"

#include <set>

namespace reliability::controllers::enforcement {
namespace {

constexpr Milliseconds kRepeatAfter = std::chrono::seconds{1};
constexpr int kMaxRepeats = 5;

}  // namespace

Nudger::Plan Nudger::Next(const std::vector<PodFacts>& pods,
                          std::pair<std::int64_t, std::int64_t> order, MonotonicTime now) {
  Plan plan;
  std::set<std::string> present;
  for (const PodFacts& pod : pods) {
    present.insert(pod.uid);
    // A sidecar that never answered is starting, and mounts what is there.
    if (pod.terminating || !pod.covered || std::pair(pod.leader_epoch, pod.generation) >= order) {
      continue;
    }
    Sent& sent = sent_[pod.uid];
    if (sent.count == 0 || sent.order != order) {
      sent = Sent{order, 0, now};
    } else if (now - sent.at < kRepeatAfter) {
      plan.again = kRepeatAfter;
      continue;
    } else if (sent.count > kMaxRepeats) {
      continue;
    }
    std::string annotation = std::to_string(order.first) + "." + std::to_string(order.second);
    if (sent.count > 0) {
      annotation += "#" + std::to_string(sent.count);
    }
    ++sent.count;
    sent.at = now;
    plan.nudges.push_back({pod.name, pod.uid, std::move(annotation)});
    plan.again = kRepeatAfter;
  }
  std::erase_if(sent_, [&](const auto& entry) { return !present.contains(entry.first); });
  return plan;
}

}  // namespace reliability::controllers::enforcement
