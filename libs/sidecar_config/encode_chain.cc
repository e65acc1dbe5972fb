#include "libs/sidecar_config/chain_json.h"
#include "libs/sidecar_config/encode.h"
#include "libs/sidecar_config/names.h"

namespace reliability::sidecar_config {
namespace {

using nlohmann::json;

json ToJson(const ChainTier& tier) {
  json out = {{"name", tier.name}, {"largerContext", tier.larger_context}};
  const auto set = [&out](const char* name, const std::string& value) {
    if (!value.empty()) {
      out[name] = value;
    }
  };
  set("upstream", tier.upstream);
  if (!tier.url.empty()) {
    out["url"] = tier.url;
    out["format"] = Name(tier.format);
  }
  set("provider", tier.provider);
  set("caFile", tier.ca_file);
  set("model", tier.model);
  set("credential", tier.credential);
  if (tier.timeout) {
    out["timeoutMs"] = tier.timeout->count();
  }
  return out;
}

json ToJson(const TierCounts& tier) {
  json out = {{"name", tier.name}, {"served", tier.served}, {"failed", tier.failed}};
  if (tier.reachable) {
    out["reachable"] = *tier.reachable;
  }
  if (!tier.skipped.empty()) {
    out["skipped"] = tier.skipped;
  }
  if (!tier.last_class.empty()) {
    out["lastClass"] = tier.last_class;
  }
  return out;
}

template <class T>
json ArrayOf(const std::vector<T>& values) {
  json out = json::array();
  for (const T& value : values) {
    out.push_back(ToJson(value));
  }
  return out;
}

}  // namespace

std::string_view Name(MidStreamFailure value) {
  return names::NameIn(names::kMidStreamFailures, value);
}
std::string_view Name(TerminalType value) { return names::NameIn(names::kTerminalTypes, value); }

json ChainToJson(const FallbackChain& chain) {
  json classes = json::array();
  for (const policy::ErrorClass one : chain.advance_on) {
    classes.push_back(policy::ErrorClassName(one));
  }
  json terminal = {{"type", Name(chain.terminal.type)}};
  if (!chain.terminal.text.empty()) {
    terminal["text"] = chain.terminal.text;
  }
  return {{"name", chain.name},
          {"tiers", ArrayOf(chain.tiers)},
          {"advanceOn", std::move(classes)},
          {"stickyMs", chain.sticky.count()},
          {"onMidStreamFailure", Name(chain.on_mid_stream_failure)},
          {"terminal", std::move(terminal)}};
}

json ChainToJson(const ChainCounts& counts) {
  return {{"name", counts.name},
          {"tiers", ArrayOf(counts.tiers)},
          {"terminalServed", counts.terminal_served}};
}

}  // namespace reliability::sidecar_config
