#include "libs/api/names.h"

#include "libs/base/hash.h"
#include "libs/base/strings.h"

namespace reliability::api {
namespace {

constexpr std::size_t kNameLimit = 253;  // of a DNS subdomain name
constexpr std::size_t kKeptOfLongNames = 242;

std::string Bounded(std::string name) {
  if (name.size() <= kNameLimit) {
    return name;
  }
  const std::string hash = Sha256Hex(name).substr(0, 10);
  return name.substr(0, kKeptOfLongNames) + "-" + hash;
}

}  // namespace

std::string ConfigMapName(const TargetRef& target) {
  return Bounded("agent-reliability-" + ToLower(target.kind) + "-" + target.name);
}

std::string EnforcementName(const TargetRef& target) {
  return Bounded(ToLower(target.kind) + "-" + target.name);
}

std::string CheckpointName(std::string_view slo_name) {
  return Bounded("agentslo-" + std::string(slo_name) + "-history");
}

std::string SloKey(const AgentSlo& slo) {
  const SliSpec& sli = slo.spec.sli;
  // Written out here and not by the JSON encoder: its form may change, these keys must not.
  std::string text(EnumNames<SliType>::kNames[static_cast<std::size_t>(sli.type)]);
  text += "\n" + sli.tool + "\n";
  if (sli.threshold.has_value()) {
    text += std::to_string(sli.threshold->count());
  }
  return slo.metadata.uid + "/" + Sha256Hex(text).substr(0, 8);
}

}  // namespace reliability::api
