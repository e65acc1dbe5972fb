#pragma once
// Makes kubelets hand a new mode.json to the pods at once, and repeats it for pods that do not
// acknowledge (ruling 4): an annotation per order, again with "#n" after a second, at most 5 times.
// Not thread-safe; one object per workload.
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controllers/enforcement/input.h"

namespace reliability::controllers::enforcement {

class Nudger {
 public:
  struct Nudge {
    std::string pod;  // name
    std::string uid;
    std::string annotation;
  };
  struct Plan {
    std::vector<Nudge> nudges;
    std::optional<Milliseconds> again;  // look again then: somebody has not acknowledged
  };

  // `order` = (leader epoch, generation) that the ConfigMap holds.
  [[nodiscard]] Plan Next(const std::vector<PodFacts>& pods,
                          std::pair<std::int64_t, std::int64_t> order, MonotonicTime now);

 private:
  struct Sent {
    std::pair<std::int64_t, std::int64_t> order;
    int count = 0;
    MonotonicTime at{};
  };
  std::map<std::string, Sent> sent_;  // by pod UID
};

}  // namespace reliability::controllers::enforcement
