#pragma once
// All breakers of one pod by key, and which of them guard a call.
//
//   mcp:<server>/<tool>   scope Tool      http:<upstream>         scope Tool
//   llm:<provider>        scope Provider  llm:<provider>/<model>  scope Model
//                         or, without a rule of that scope, only the model's rate limits
//   mcp:<server>          parent of the server's tools
//   agent                 scope Agent: counts turns, where the others count attempts
//
// The parent (data-plane ruling 21) has the settings of scope Tool for its whole server. It opens
// when two tools and half of those called in the last window are open, or when
// `consecutiveFailures` calls in a row, of any tools, did not get through to the server. It guards
// tool calls only.
//
// A rate limit that names a time holds the model that was asked for, and no other of its provider
// (data-plane ruling 23): its breaker of scope Model, else one that the provider's rule lets have
// for that alone. A call without a model holds whatever guards it. A spent quota is the provider's.
//
// Names that an agent makes up must not fill the table: only tools named by the policy or seen in
// a tools/list answer, and models that answered or were limited once, have their own key; the rest
// of an upstream shares "<upstream>/_other" (data-plane ruling 20). Pure; event loop thread only.
#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/circuit_breaker.h"

namespace reliability::policy {

enum class BreakerScope : std::uint8_t {
  kTool,
  kProvider,
  kModel,
  kAgent,
  // No rule has these.
  kServer,  // the parent, by a rule of scope kTool
  kLimit,   // rate limits of a model without a rule of scope kModel, by one of scope kProvider
};

// Empty list = any. Names, no patterns.
struct BreakerRule {
  std::string name;
  BreakerScope scope = BreakerScope::kTool;
  std::vector<std::string> upstreams;
  std::vector<std::string> tools;
  std::vector<std::string> models;
  BreakerParameters parameters;
  BreakerOperation operation = BreakerOperation::kAutomatic;
};

struct BreakerConfig {
  std::vector<BreakerRule> rules;  // first match per scope wins; no match = no breaker
  // Tools that other parts of the policy name (time-outs, SLOs): {upstream, tool}; empty upstream
  // = at every server. Tools and models in `rules` need not be repeated.
  std::vector<std::pair<std::string, std::string>> known_tools;
};

enum class TargetKind : std::uint8_t {
  kLlm,
  kMcpTool,
  kHttpTool,
  kAgent,  // a turn of the agent itself; upstream and name are unused
};

struct CallTarget {
  TargetKind kind = TargetKind::kLlm;
  std::string upstream;
  std::string name;  // model or MCP tool; empty = unknown (-> _other); unused for HTTP tools
};
// The same, of texts that others hold.
struct TargetView {
  TargetKind kind = TargetKind::kLlm;
  std::string_view upstream;
  std::string_view name;

  [[nodiscard]] static TargetView Of(const CallTarget& target) {
    return {target.kind, target.upstream, target.name};
  }
  [[nodiscard]] CallTarget Copy() const { return {kind, std::string(upstream), std::string(name)}; }
};

// Of one attempt; holds a ticket per breaker that guards it, two at most. Copyable; settle once.
struct GuardTicket {
  struct Part {
    std::size_t place = 0;  // the breaker's in its table; another one there ignores the ticket
    BreakerTicket ticket;
  };
  std::array<Part, 2> parts;
  std::size_t count = 0;
  CallTarget target;

  [[nodiscard]] bool empty() const { return count == 0; }
};

struct KeyedBreakerEvent {
  std::string key;
  std::string rule;  // BreakerRule::name
  BreakerEvent event;
};

struct GuardAdmission {
  // In Observe the caller sends the attempt even if this is false, counts `would_reject`, and
  // settles as usual: the table ignores outcomes that Enforce would not have seen.
  bool admitted = true;
  bool probe = false;  // of a half-open breaker that refuses the others
  GuardTicket ticket;
  std::string refused_by;                  // key
  ErrorClass refusal = ErrorClass::kNone;  // kCircuitOpen, kRateLimited, kAgentUnavailable
  Milliseconds retry_after{0};
  BreakerCause cause = BreakerCause::kNone;
  const std::string* target_key = nullptr;  // as TargetKey()
  // Passed a breaker in MetricsOnly that would have refused it so; kNone: none did.
  ErrorClass would_refuse = ErrorClass::kNone;
  std::vector<KeyedBreakerEvent> events;
};

class BreakerTable {
 public:
  static constexpr std::size_t kMaxKeys = 256;
  static constexpr std::size_t kMaxNamesPerUpstream = 64;
  static constexpr Milliseconds kIdleLimit{3'600'000};

  // Breakers whose parameters stay equal keep their state; the others start closed, and outcomes
  // of calls that they admitted before are ignored. Returns changes of operation.
  std::vector<KeyedBreakerEvent> Configure(BreakerConfig config);

  // Names of a tools/list answer (all pages may come one by one).
  void ObserveTools(std::string_view upstream, const std::vector<std::string>& names);

  // A breaker counts the agent's turns.
  [[nodiscard]] bool guards_agent() const { return guards_agent_; }
  // All breakers of the target must admit; if one refuses, slots taken at the others are freed.
  [[nodiscard]] GuardAdmission Admit(const CallTarget& target, MonotonicTime now);
  std::vector<KeyedBreakerEvent> Settle(const GuardTicket& ticket, const AttemptOutcome& outcome,
                                        MonotonicTime now, double jitter);

  // What a target's attempts and retries are counted under: its narrowest breaker's key. Valid
  // until the next call.
  [[nodiscard]] const std::string& TargetKey(const CallTarget& target) const;
  // Whether Admit() at `at` would refuse for a breaker that is open or held until later. Takes
  // nothing.
  [[nodiscard]] bool Refuses(const TargetView& target, MonotonicTime at) const;
  [[nodiscard]] bool Refuses(const CallTarget& target, MonotonicTime at) const {
    return Refuses(TargetView::Of(target), at);
  }

  struct View {
    std::string key;
    std::string rule;
    BreakerState state = BreakerState::kClosed;
    Milliseconds retry_after{0};
    int consecutive_failures = 0;
    BreakerOperation operation = BreakerOperation::kAutomatic;
    CircuitBreaker::Totals window;
  };
  [[nodiscard]] std::vector<View> List(MonotonicTime now) const;  // by key
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    CallTarget target;
    BreakerScope scope;
    std::string rule;
    CircuitBreaker breaker;
    MonotonicTime last_used;
    std::list<std::string>::iterator recency;
    std::size_t place = 0;  // in places_
    bool learned = false;   // a model's name that was seen to answer
  };

  [[nodiscard]] const BreakerRule* FindRule(BreakerScope scope, const CallTarget& target) const;
  [[nodiscard]] bool HasOwnKey(const CallTarget& target) const;
  [[nodiscard]] std::string KeyOf(BreakerScope scope, const CallTarget& target) const;
  // A target's keys and breakers, one for each of its scopes; a breaker that no call has asked for
  // yet is nullptr. Making a key and finding its breaker costs more than asking it, and a call asks
  // for the same ones several times.
  struct Known {
    CallTarget target;
    std::array<std::string, 2> keys;
    std::array<Entry*, 2> entries{};
  };
  // Valid until the next call.
  [[nodiscard]] const Known& KnownOf(const TargetView& target) const;
  // A new entry whose operation is not Automatic is told in `events`.
  Entry* Make(BreakerScope scope, const CallTarget& target, const std::string& known_key,
              MonotonicTime now, std::vector<KeyedBreakerEvent>& events);
  // After a tool opened: does its server's parent open too?
  void JudgeServer(const std::string& upstream, MonotonicTime now, double jitter,
                   std::vector<KeyedBreakerEvent>& events);
  // A model that answered has a key of its own; `model` = its breaker, if it has one.
  void LearnModel(const CallTarget& target, Entry* model);
  void HoldModel(const CallTarget& target, const AttemptOutcome& outcome, MonotonicTime now,
                 std::vector<KeyedBreakerEvent>& events);
  bool MakeRoom(MonotonicTime now);
  using Entries = std::map<std::string, Entry, std::less<>>;
  // `at` without its place in recency_.
  Entries::iterator Drop(Entries::iterator at);
  void Learn(const std::string& upstream, const std::string& name);

  BreakerConfig config_;
  bool guards_agent_ = false;
  mutable Entries entries_;         // KnownOf() is const and hands out breakers
  std::vector<Entry*> places_;      // nullptr: free
  std::list<std::string> recency_;  // least recently used first
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> observed_;
  std::uint64_t next_generation_ = 1;
  // Of the last targets; forgotten when their keys or breakers may change.
  static constexpr std::size_t kMaxKnown = 8;
  mutable std::vector<Known> known_;
  mutable std::size_t next_known_ = 0;
};

}  // namespace reliability::policy
