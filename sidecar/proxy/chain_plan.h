#pragma once
// The loaded fallback chain: its tiers with their addresses, TLS settings and keys. Immutable; part
// of a snapshot, whose routes it points into.
#include <bitset>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/policy/error_class.h"
#include "libs/sidecar_config/schema.h"
#include "sidecar/proxy/route_table.h"

namespace reliability::sidecar::proxy {

// A refused key, an unknown model or path. Where a tier stands in they are not the agent's: the
// tier is not usable, and its answer none for the agent.
[[nodiscard]] constexpr bool RefusesPlace(policy::ErrorClass error_class) {
  return error_class == policy::ErrorClass::kAuth || error_class == policy::ErrorClass::kNotFound;
}

struct Tier {
  std::size_t index = 0;  // in the chain
  std::string name;
  const Route* route = nullptr;      // an upstream's, or own.get()
  std::unique_ptr<const Route> own;  // of a tier with a URL of its own
  std::string provider;              // whose breakers guard it
  std::string model;                 // empty = the one that the caller asked for
  std::optional<Milliseconds> timeout;
  std::string key;       // the credential's content; empty = none that can be read
  bool keyless = false;  // it has a credential that cannot be read: it stands in for nobody
  // The first tier with this origin and key: what providers store for one, they know for the other.
  std::size_t account = 0;
  bool larger_context = false;
  std::string skipped;  // why it takes no call, one of sidecar_config::kSkipped…; empty = it does
};

struct ChainPlan {
  std::string name;
  std::vector<Tier> tiers;
  std::bitset<policy::kErrorClassCount> advance_on;
  sidecar_config::FallbackChain document;

  [[nodiscard]] bool Advances(policy::ErrorClass error_class) const {
    return advance_on.test(static_cast<std::size_t>(error_class));
  }
  // Whether another tier may be asked after it: what advances; a prompt that is too long, if the
  // tier takes more; too little time at one place; a request without words at one place; what a
  // place refuses that `stands_in` for the one that the agent asked for.
  [[nodiscard]] bool MovesOn(policy::ErrorClass error_class, bool stands_in) const {
    return Advances(error_class) || (stands_in && RefusesPlace(error_class)) ||
           error_class == policy::ErrorClass::kContextLength ||
           error_class == policy::ErrorClass::kDeadlineExceeded ||
           error_class == policy::ErrorClass::kUntranslatable;
  }
};

// Content of a credential's file without its last newline; nullopt: it cannot be read. Empty files
// hold no key.
using ReadKey = std::function<std::optional<std::string>(const std::string& path)>;

// kInvalid begins with the JSON path. nullptr: the policy has no chain.
[[nodiscard]] Result<std::shared_ptr<const ChainPlan>> BuildChain(
    const sidecar_config::PolicyDocument& policy, const RouteTable& routes, const TlsFactory& tls,
    const ReadKey& read_key);

}  // namespace reliability::sidecar::proxy
