#pragma once
// The fallback chain in the documents between operator and sidecar. "fallbackChain" of policy.json
// (absent = no chain) says where an LLM call goes when its tier fails before anything of the answer
// was passed on; "fallbackChain" of the ledger counts what became of it. Plain values.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/error_class.h"
#include "libs/sidecar_config/llm_format.h"

namespace reliability::sidecar_config {

inline constexpr std::size_t kMaxTiers = 8;
inline constexpr std::size_t kMaxTerminalTextBytes = 8192;

enum class MidStreamFailure { kError, kRestartIfOnlyText };  // "Error", "RestartIfOnlyText"
enum class TerminalType { kStaticResponse, kReject };        // "StaticResponse", "Reject"

// One place that may answer. Exactly one of `upstream` and `url` is set.
struct ChainTier {
  std::string name;
  // Name of an LLM upstream of the document, with its URL, format and CA file. Called with the
  // caller's own credentials if the caller addressed that upstream.
  std::string upstream;
  // Or an origin of its own (base URL), with what an upstream would say about it.
  std::string url;
  std::string provider;                   // only with `url`: shares the provider's breakers
  LlmFormat format = LlmFormat::kOpenAI;  // only with `url`; JSON "format" is absent otherwise
  // Only with `url`; as Upstream::ca_file. A tier whose file cannot be read is skipped.
  std::string ca_file;
  std::string model;                    // empty = the model that the caller asked for
  std::optional<Milliseconds> timeout;  // "timeoutMs", at most the turn; absent = timeouts.llm
  // File with the key, read without its last newline; relative paths lie beside policy.json. Where
  // the caller's own credentials may not go (another origin), a tier without a readable one is
  // skipped. The file may come, go and change while the sidecar runs.
  std::string credential;
  bool larger_context = false;  // is also tried when the prompt does not fit the caller's model
};

// The last resort when no tier is left.
struct ChainTerminal {
  TerminalType type = TerminalType::kReject;
  std::string text;  // StaticResponse: may hold {{.agent}} and {{.reason}}, nothing else in braces
};

struct FallbackChain {
  std::string name;
  std::vector<ChainTier> tiers;                // 1 to kMaxTiers, in the order of preference
  std::vector<policy::ErrorClass> advance_on;  // JSON: class names; absent = DefaultAdvanceOn()
  Milliseconds sticky{60'000};  // "stickyMs": how long later turns stay on a tier that served
  MidStreamFailure on_mid_stream_failure = MidStreamFailure::kError;
  ChainTerminal terminal;

  FallbackChain();
};

// The classes after which a next tier may be asked; no other may stand in advanceOn.
[[nodiscard]] std::span<const policy::ErrorClass> DefaultAdvanceOn();

// Whether `text` has no other placeholder than {{.agent}} and {{.reason}}.
[[nodiscard]] bool IsTerminalText(std::string_view text);

// Why a tier takes no call at present; "skipped" of the ledger.
inline constexpr std::string_view kSkippedNoCredential = "no_credential";  // another origin, no key
inline constexpr std::string_view kSkippedCredentialMissing = "credential_missing";  // no such file
inline constexpr std::string_view kSkippedCaMissing = "ca_missing";                  // likewise

// Counters of this process, monotone within the ledger's epoch.
struct TierCounts {
  std::string name;
  // Whether the last attempt got an answer and no breaker stands in the way; absent = not tried.
  std::optional<bool> reachable;
  std::string skipped;  // empty = takes calls
  std::uint64_t served = 0;
  std::uint64_t failed = 0;
  std::string last_class;  // "lastClass": of the newest failed attempt, empty = none
  friend bool operator==(const TierCounts&, const TierCounts&) = default;
};

struct ChainCounts {
  std::string name;
  std::vector<TierCounts> tiers;      // as in the loaded policy, in its order
  std::uint64_t terminal_served = 0;  // "terminalServed": answered by the last resort
  friend bool operator==(const ChainCounts&, const ChainCounts&) = default;
};

}  // namespace reliability::sidecar_config
