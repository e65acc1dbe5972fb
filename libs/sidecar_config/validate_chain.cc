#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "libs/sidecar_config/chain_json.h"

namespace reliability::sidecar_config {
namespace {

constexpr Milliseconds kLongest{86'400'000};  // a day, as for every other time of the document
constexpr std::size_t kMaxNameBytes = 63;
constexpr std::size_t kMaxChainNameBytes = 253;
constexpr std::size_t kMaxModelBytes = 256;
constexpr const char* kNameRule = "must be 1 to 63 letters, digits, dots, dashes or underscores";

// Part of a header, a metric label and a log line.
bool IsTierName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
         });
}

bool IsModel(std::string_view model) {
  return model.size() <= kMaxModelBytes &&
         std::all_of(model.begin(), model.end(),
                     [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

bool IsLlmUpstream(const PolicyDocument& document, std::string_view name) {
  return std::any_of(document.upstreams.begin(), document.upstreams.end(),
                     [&](const Upstream& upstream) {
                       return upstream.kind == UpstreamKind::kLlm && upstream.name == name;
                     });
}

class ChainChecker {
 public:
  explicit ChainChecker(const PolicyDocument& document) : document_(document) {}

  std::vector<FieldError> Run(const FallbackChain& chain) {
    if (chain.name.size() > kMaxChainNameBytes) {
      Add("name", "longer than 253 bytes");
    }
    CheckTiers(chain.tiers);
    CheckAdvanceOn(chain.advance_on);
    if (chain.sticky.count() < 0 || chain.sticky > kLongest) {
      Add("stickyMs", "must be 0 to " + std::to_string(kLongest.count()) + " ms");
    }
    CheckTerminal(chain.terminal);
    return std::move(errors_);
  }

 private:
  void Add(const std::string& field, std::string reason) {
    errors_.push_back({"fallbackChain." + field, std::move(reason)});
  }

  void CheckTiers(const std::vector<ChainTier>& tiers) {
    if (tiers.empty() || tiers.size() > kMaxTiers) {
      Add("tiers", "must have 1 to " + std::to_string(kMaxTiers) + " entries");
      return;
    }
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < tiers.size(); ++i) {
      const std::string at = "tiers[" + std::to_string(i) + "].";
      if (!IsTierName(tiers[i].name)) {
        Add(at + "name", kNameRule);
      } else if (!seen.insert(tiers[i].name).second) {
        Add(at + "name", "\"" + tiers[i].name + "\" is used twice");
      }
      CheckTarget(at, tiers[i]);
      if (!IsModel(tiers[i].model)) {
        Add(at + "model", "must have at most 256 bytes and no control characters");
      }
      CheckTimeout(at, tiers[i]);
    }
  }

  void CheckTarget(const std::string& at, const ChainTier& tier) {
    if (tier.upstream.empty() == tier.url.empty()) {
      Add(at + "upstream", "set exactly one of upstream and url");
    } else if (!tier.upstream.empty()) {
      if (!IsLlmUpstream(document_, tier.upstream)) {
        Add(at + "upstream", "\"" + tier.upstream + "\" is no LLM upstream");
      }
      for (const auto& [field, value] :
           {std::pair{"caFile", &tier.ca_file}, std::pair{"provider", &tier.provider}}) {
        if (!value->empty()) {
          Add(at + field, "only with url");
        }
      }
    } else if (!IsUpstreamUrl(tier.url)) {
      Add(at + "url", "must be an http or https URL with a host, without user, query or fragment");
    } else if (!tier.provider.empty() && !IsTierName(tier.provider)) {
      Add(at + "provider", kNameRule);
    }
  }

  void CheckTimeout(const std::string& at, const ChainTier& tier) {
    if (!tier.timeout) {
      return;
    }
    const Milliseconds turn = document_.turn.timeout;
    if (tier.timeout->count() < 1) {
      Add(at + "timeoutMs", "must be at least 1 ms");
    } else if (*tier.timeout > turn) {
      Add(at + "timeoutMs", "longer than turn.timeoutMs (" + std::to_string(turn.count()) + " ms)");
    }
  }

  void CheckAdvanceOn(const std::vector<policy::ErrorClass>& classes) {
    if (classes.empty()) {
      Add("advanceOn", "must name at least one error class");
    }
    const auto allowed = DefaultAdvanceOn();
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (std::find(allowed.begin(), allowed.end(), classes[i]) == allowed.end()) {
        Add("advanceOn[" + std::to_string(i) + "]",
            "\"" + std::string(policy::ErrorClassName(classes[i])) +
                "\" is nothing that another tier could help with");
      }
    }
  }

  void CheckTerminal(const ChainTerminal& terminal) {
    if (terminal.type == TerminalType::kReject) {
      if (!terminal.text.empty()) {
        Add("terminal.text", "only for StaticResponse");
      }
    } else if (terminal.text.empty() || terminal.text.size() > kMaxTerminalTextBytes) {
      Add("terminal.text",
          "must have 1 to " + std::to_string(kMaxTerminalTextBytes) + " bytes for StaticResponse");
    } else if (!IsTerminalText(terminal.text)) {
      Add("terminal.text", "only {{.agent}} and {{.reason}} may stand in braces");
    }
  }

  const PolicyDocument& document_;
  std::vector<FieldError> errors_;
};

}  // namespace

std::vector<FieldError> ValidateChain(const PolicyDocument& document) {
  return document.fallback_chain ? ChainChecker(document).Run(*document.fallback_chain)
                                 : std::vector<FieldError>();
}

}  // namespace reliability::sidecar_config
