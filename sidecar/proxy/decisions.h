#pragma once
// All policy state of the pod behind one lock: turns, mode, breakers, ledger. The proxy asks it at
// the start of a call, and tells it the end; each takes microseconds and never blocks on I/O.
//
// Stage order (operator ruling 25, data-plane ruling 8): turn identity -> mode -> the agent's own
// breaker -> turn deadline -> budget -> breaker. In Observe nothing is refused: what Enforce would
// have done is counted in would_* series and the call goes on.
//
// Thread-safe: workers, the control thread and the admin thread call it. Pure parts: libs/policy.
#include <atomic>
#include <bitset>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/mutex.h"
#include "libs/base/rng.h"
#include "libs/policy/breaker_table.h"
#include "libs/policy/cost_budget.h"
#include "libs/policy/mode_gate.h"
#include "libs/policy/retry.h"
#include "libs/policy/tier_memory.h"
#include "libs/policy/turn_tracker.h"
#include "sidecar/config/snapshot.h"
#include "sidecar/telemetry/ledger.h"
#include "sidecar/telemetry/metrics.h"

namespace reliability::sidecar::proxy {

struct Refusal {
  policy::ErrorClass error_class = policy::ErrorClass::kNone;
  std::string resource;  // what is unavailable: "orders/search", "openai", "agent"
  std::optional<Milliseconds> retry_after;
  std::optional<Milliseconds> remaining;
};

// A place that may answer a call of a chain.
struct TierOffer {
  policy::TargetView target;        // of the snapshot and of the call
  const Tier* place = nullptr;      // of the snapshot; none: the agent's own upstream outside it
  Milliseconds component{0};        // one attempt's limit there
  std::optional<std::size_t> tier;  // its index in the chain
  bool larger_context = false;
  std::size_t account = 0;  // whose it is: 0 = the agent's own
  bool translated = false;  // whether the request has words there is found out when it matters
  // Why it takes no call, of the chain's words or an error class's; empty = it does.
  std::string_view skipped;
};

// What a call got; given back at its end.
struct Admission {
  std::optional<Refusal> refusal;  // answer this and send nothing
  policy::TurnHandle turn = 0;
  std::string turn_id;
  std::uint64_t tool_call = 0;
  bool limited = false;        // `limit` counts
  policy::AttemptLimit limit;  // of the whole call; of a stream: until its first token
  // When the turn's answer must be out; absent if the call belongs to no turn.
  std::optional<MonotonicTime> turn_deadline;
  bool guarded = false;
  policy::GuardTicket ticket;
  MonotonicTime passed_at{};                 // when the attempt was let pass
  std::optional<MonotonicTime> first_token;  // of this attempt's stream; filled by the relay
  Milliseconds first_token_limit{0};         // what it may take; 0 = no stream; filled likewise

  // For further attempts.
  policy::CallTarget target;
  const Route* called = nullptr;                 // the agent's own upstream, of the snapshot
  bool breakers = false;                         // attempts ask them
  bool tool = false;                             // the turn's reserve is not for it
  bool long_running = false;                     // a tool that the turn does not bound
  Milliseconds component{0};                     // one attempt's own limit
  std::optional<MonotonicTime> client_deadline;  // X-Stainless-Timeout
  int client_retries = 0;                        // X-Stainless-Retry-Count
  int retries = 0;                               // at this place
  int earlier_retries = 0;                       // at the places before
  int attempts = 0;                              // at all places
  std::size_t offer = 0;                         // of the chain's, where the attempt goes
  std::bitset<16> tried;                         // offers
  std::optional<std::size_t> tier;               // its index in the chain
  bool turn_over = false;                        // its turn has ended: no place is asked any more
  bool later_offer = false;    // another place can still be asked: the turn's reserve stays
  bool later_certain = false;  // one that needs no translation
  std::size_t home = 0;        // the account that knows what the turn's last answer left there
  bool bound = false;          // the request refers to that; filled with the offers
  bool stood_in = false;       // not the place where the call began
  bool by_budget = false;      // because it did not fit there: no reason for others to follow
  bool pinned = false;         // mode Degraded let it begin at a lower place than it asked for
  bool probe = false;          // of a half-open breaker: shorter limits, no retry
  // Observe: Enforce would have acted on this call by now. What comes later would not have come so:
  // it is not counted.
  bool would_act = false;
  policy::CostAsk cost;             // may be not counted
  policy::Reservation reservation;  // at the place where it is
  policy::AnswerUsage usage;        // of the last attempt's answer, until it is booked
  // Held by a rate limit that ends soon: wait this long, then Resume() (data-plane ruling 23).
  std::optional<Milliseconds> hold;
  Milliseconds held{0};  // waited for holds so far
};

// How one attempt ended.
struct CallEnd {
  policy::AttemptOutcome outcome;
  bool attempted = false;  // something was sent or tried
  bool final_answer = false;
  bool terminal = false;  // answered by the chain's last resort
  bool cut = false;       // the agent has some of the answer, and gets no more
  std::vector<policy::RequestedTool> tool_calls;
  std::string response_id;  // Responses: of the answer
};

// What the request refers to is not there.
[[nodiscard]] inline bool LacksState(const Admission& admission, const TierOffer& offer) {
  return admission.bound && offer.account != admission.home;
}

// The running place is not the one that the agent asked for.
[[nodiscard]] inline bool StandsIn(const Admission& admission) { return admission.offer > 0; }

// When a refused call may come again; nullopt: nobody knows, as a person decides it.
[[nodiscard]] std::optional<Milliseconds> WaitOf(const policy::GuardAdmission& guard);

class Decisions {
 public:
  Decisions(const Clock& clock, telemetry::Metrics& metrics, std::unique_ptr<Rng> rng,
            std::string pod_uid, telemetry::Ledger ledger);

  // Control thread.
  void Configure(config::SnapshotPtr snapshot);
  // The last good document stays in use. Only policy.json's error is reported in the ledger.
  void ConfigRejected(bool policy, const std::string& why);
  // `ignored_fields`: what it says beyond that.
  void ApplyMode(const sidecar_config::ModeDocument& document, int ignored_fields = 0);
  void ClearMode();

  // The Begin… functions fill a fresh `admission`. `mono`: the time, if the caller knows it.
  //
  // An LLM call of a turn (chat completions, messages, responses). `conversation`: whose turn it
  // is, if the agent says so.
  void BeginLlm(const config::Snapshot& snapshot, const Route& route, std::string_view model,
                const policy::LlmClues& clues, std::string_view conversation,
                std::optional<Milliseconds> client_limit, const std::vector<TierOffer>& offers,
                policy::CostAsk cost, MonotonicTime mono, Admission& admission);
  void EndLlm(const Admission& admission, const CallEnd& end, MonotonicTime mono);
  // Another endpoint of an LLM provider: no turn; breaker and time limit only.
  void BeginOther(const config::Snapshot& snapshot, const Route& route,
                  std::optional<Milliseconds> client_limit, int client_retries,
                  const std::vector<TierOffer>& offers, policy::CostAsk cost, Admission& admission);
  void EndOther(const Admission& admission, const CallEnd& end, MonotonicTime mono);
  // A tool call over MCP (tool = its name) or HTTP (tool empty).
  void BeginTool(const config::Snapshot& snapshot, const Route& route,
                 const policy::ToolClues& clues, Admission& admission);
  // `answered`: the class as answered to the agent.
  void EndTool(const config::Snapshot& snapshot, const Route& route, std::string_view tool,
               const Admission& admission, const CallEnd& end, MonotonicTime mono);

  // An attempt failed; of `facts` the caller fills what it saw: class, replayable, sent, committed,
  // upstream_forbids, took, retry_after. Books the outcome with the breakers, which count attempts
  // (ruling 19), and says what comes next: kRetry with a wait, then Retry(). In Observe the verdict
  // is only counted, unless `would_act`, and never kRetry.
  [[nodiscard]] policy::RetryVerdict AttemptFailed(const config::Snapshot& snapshot,
                                                   Admission& admission, policy::RetryFacts facts);
  // The wait is over. False: a breaker refuses by now, or no time is left; the call ends as its
  // last attempt did.
  [[nodiscard]] bool Retry(const config::Snapshot& snapshot, Admission& admission);
  // The next place of a chain that can be asked after a failure of this class, as `offer`; false:
  // none. In Observe it is only counted, unless `would_act`, and always false.
  [[nodiscard]] bool NextOffer(const config::Snapshot& snapshot, Admission& admission,
                               const std::vector<TierOffer>& offers,
                               policy::ErrorClass error_class);
  // Later places turned out to take no such request: what was kept for them is given to this one
  // (data-plane ruling 5), and a rate limit that ends soon is waited for if there is no other.
  void ForgetLaterOffers(const config::Snapshot& snapshot, Admission& admission,
                         const std::vector<TierOffer>& offers);
  // The call cannot be sent to the place that it was admitted to: gives the admission back.
  void LeaveOffer(Admission& admission);
  // A hold was waited for: passes the breakers again; may fill `hold` or `refusal` anew.
  void Resume(const config::Snapshot& snapshot, Admission& admission);

  void ObserveTools(std::string_view upstream, const std::vector<std::string>& names);
  // POST /v1/turns/{id}/outcome; kNotFound for unknown ids.
  [[nodiscard]] Status Report(std::string_view turn_id, policy::ReportedResult result);

  // Ends what is due; when to come again.
  [[nodiscard]] std::optional<MonotonicTime> Housekeep();
  // Called (under no lock) when Housekeep() is due earlier than it last said.
  void OnEarlierWake(std::function<void(MonotonicTime)> poke) { poke_ = std::move(poke); }
  // Called once (under the lock: must be quick) when the ledger changed since TakeLedgerChange().
  void OnLedgerChange(std::function<void()> notify);
  [[nodiscard]] bool LedgerChanged() const;
  bool TakeLedgerChange();
  // The process ends: running turns end without an event.
  void Terminate();

  // For the admin port and the ledger file.
  [[nodiscard]] sidecar_config::LedgerDocument LedgerView() const;
  [[nodiscard]] std::string LedgerFileText() const;
  [[nodiscard]] std::string LastWords() const;
  [[nodiscard]] std::vector<policy::BreakerTable::View> Breakers() const;
  struct ModeView {
    policy::GateMode mode = policy::GateMode::kNormal;
    bool stale = false;
    std::string cause;
    std::size_t probes_running = 0;
    double reject_probability = 0.0;
    std::size_t turns_running = 0;
    policy::DegradeRule degrade;  // Degraded
    int ramp_percent = 100;       // Ramping
  };
  [[nodiscard]] ModeView Mode() const;
  struct CostView {
    bool active = false;
    policy::BudgetLimit limit;  // of the day
    policy::CostBudgets::DayView day;
  };
  [[nodiscard]] CostView Cost() const;
  // Mode Degraded bounds what turns may use: calls are counted even if the policy has neither
  // prices nor budgets. Any thread, no lock.
  [[nodiscard]] bool BudgetOrdered() const {
    return budget_ordered_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] config::SnapshotPtr snapshot() const;

 private:
  struct Now {
    MonotonicTime mono;
    SystemTime wall;
  };
  [[nodiscard]] Now Time() const { return TimeAt(clock_.MonotonicNow()); }
  [[nodiscard]] Now TimeAt(MonotonicTime mono) const { return {mono, clock_.SystemNow()}; }
  // The stages; each may fill `refusal`. mutex_ held.
  void PassMode(Admission& admission, policy::CallIntent intent, bool enforce, const Now& now,
                policy::GateVerdict& verdict, std::string_view conversation = {})
      REQUIRES_LOCK(mutex_);
  // The policy's, or narrower ones of mode Degraded: times of turns that open from now on, budgets
  // of all turns.
  void SetTurnLimits() REQUIRES_LOCK(mutex_);
  // Where mode Degraded lets a call begin; nullopt: where it would without.
  [[nodiscard]] std::optional<std::size_t> PinnedOffer(const Admission& admission,
                                                       const std::vector<TierOffer>& offers) const
      REQUIRES_LOCK(mutex_);
  void PassLimit(Admission& admission, bool enforce, std::string_view resource, const Now& now)
      REQUIRES_LOCK(mutex_);
  void PassBreaker(const config::Snapshot& snapshot, Admission& admission, const Now& now)
      REQUIRES_LOCK(mutex_);
  // The breaker of the whole agent, for a turn that would begin.
  void PassAgent(Admission& admission, bool enforce, const Now& now, policy::GuardTicket& ticket)
      REQUIRES_LOCK(mutex_);
  void SettleAgent(const policy::TurnRecord& turn, const Now& now) REQUIRES_LOCK(mutex_);
  // Reserves what the call may cost where it goes now; may fill `refusal`.
  void PassBudget(const config::Snapshot& snapshot, Admission& admission, const Now& now)
      REQUIRES_LOCK(mutex_);
  // Books what the last attempt was billed.
  void BookUsage(const Admission& admission, const Now& now) REQUIRES_LOCK(mutex_);
  // The same, and gives back what is reserved.
  void EndCost(const Admission& admission, const Now& now) REQUIRES_LOCK(mutex_);
  // Lets a first attempt wait for the end of a rate limit instead of refusing it.
  [[nodiscard]] bool MayHold(const config::Snapshot& snapshot, const Admission& admission,
                             const policy::GuardAdmission& guard, const Now& now) const
      REQUIRES_LOCK(mutex_);
  [[nodiscard]] std::optional<Milliseconds> TimeLeft(const Admission& admission,
                                                     const Now& now) const REQUIRES_LOCK(mutex_);
  void ConfigureChain(const config::Snapshot& snapshot) REQUIRES_LOCK(mutex_);
  // Begins at the place where the turn or a stand-in is.
  void ChooseOffer(Admission& admission, const std::vector<TierOffer>& offers, bool enforce,
                   const Now& now) REQUIRES_LOCK(mutex_);
  void EnterOffer(Admission& admission, const std::vector<TierOffer>& offers, std::size_t offer)
      REQUIRES_LOCK(mutex_);
  // Whether another place can still be asked.
  void NoteLaterOffers(Admission& admission, const std::vector<TierOffer>& offers,
                       const Now& now) const REQUIRES_LOCK(mutex_);
  void EndChain(const Admission& admission, const CallEnd& end, const Now& now)
      REQUIRES_LOCK(mutex_);
  void NoteTier(const Admission& admission, policy::ErrorClass error_class) REQUIRES_LOCK(mutex_);
  // Of the attempt that begins now.
  void ResolveLimit(Admission& admission, const Now& now) REQUIRES_LOCK(mutex_);
  // Of an attempt that turned out to be a probe: its limits end where a slow call begins.
  static void ShortenProbe(Admission& admission);
  // Id and deadline of its turn as far as it is known.
  void NoteTurn(Admission& admission, policy::TurnHandle turn, const Now& now)
      REQUIRES_LOCK(mutex_);
  void CountCall(const Admission& admission, const CallEnd& end) REQUIRES_LOCK(mutex_);
  // Observe: Enforce would refuse the call with this class.
  void CountWould(Admission& admission, policy::ErrorClass refusal) {
    if (!std::exchange(admission.would_act, true)) {
      metrics_.CountWould(refusal);
    }
  }
  void SettleBreaker(const Admission& admission, policy::AttemptOutcome outcome, const Now& now)
      REQUIRES_LOCK(mutex_);
  void Announce(const std::vector<policy::KeyedBreakerEvent>& events, const std::string& turn_id)
      REQUIRES_LOCK(mutex_);
  void CollectEnded(const Now& now) REQUIRES_LOCK(mutex_);
  void CountTurn(const policy::TurnRecord& turn) REQUIRES_LOCK(mutex_);
  void NoteMode(const Now& now) REQUIRES_LOCK(mutex_);
  void NoteLedger() REQUIRES_LOCK(mutex_);
  [[nodiscard]] std::optional<MonotonicTime> NextWake(const Now& now) const REQUIRES_LOCK(mutex_);
  // The same if it is earlier than what Housekeep() or this last said: for Poke().
  [[nodiscard]] std::optional<MonotonicTime> EarlierWake(const Now& now) REQUIRES_LOCK(mutex_);
  // After the lock is gone.
  void Poke(std::optional<MonotonicTime> earlier);

  const Clock& clock_;
  telemetry::Metrics& metrics_;
  const std::string pod_uid_;
  std::function<void(MonotonicTime)> poke_;
  std::function<void()> ledger_changed_;
  std::atomic<bool> budget_ordered_{false};

  mutable Mutex mutex_;
  std::unique_ptr<Rng> rng_ GUARDED_BY(mutex_);
  policy::BreakerTable breakers_ GUARDED_BY(mutex_);
  policy::RetryBudgets budgets_ GUARDED_BY(mutex_);
  policy::CostBudgets costs_ GUARDED_BY(mutex_);
  policy::TierMemory tiers_ GUARDED_BY(mutex_);
  std::optional<sidecar_config::ChainCounts> chain_counts_ GUARDED_BY(mutex_);
  std::vector<metrics::Counter> served_ GUARDED_BY(mutex_);  // by tier of the chain
  metrics::Counter served_terminal_ GUARDED_BY(mutex_);
  policy::TurnTracker turns_ GUARDED_BY(mutex_);
  policy::ModeGate gate_ GUARDED_BY(mutex_);
  // Of running turns that the agent's own breaker counts.
  std::map<policy::TurnHandle, policy::GuardTicket> agent_tickets_ GUARDED_BY(mutex_);
  telemetry::Ledger ledger_ GUARDED_BY(mutex_);
  config::SnapshotPtr snapshot_ GUARDED_BY(mutex_);
  std::vector<telemetry::Ledger::Place> slo_places_ GUARDED_BY(mutex_);  // of its slos
  std::string config_error_ GUARDED_BY(mutex_);
  policy::GateMode noted_mode_ GUARDED_BY(mutex_) = policy::GateMode::kNormal;
  std::optional<MonotonicTime> armed_ GUARDED_BY(mutex_);
  std::uint64_t seen_ledger_ GUARDED_BY(mutex_) = 0;
  bool ledger_noted_ GUARDED_BY(mutex_) = false;
};

}  // namespace reliability::sidecar::proxy
