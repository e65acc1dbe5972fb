#pragma once
// Which turn (one user request until its answer) a call belongs to, how long the turn has left, and
// how it ended.
//
// A turn ends with the answer that asks for no tool, or with what stands for it: a template, a cut
// answer, a report. Without one it ends at its deadline; if calls of it are out then (only Observe
// lets them), with the last of them, at the latest kAbandonAfter later. An answer after the
// deadline is late: the turn is bad.
//
// Use per LLM request: Match() -> mode gate -> Open() if it is new -> BeginLlmCall() ->
// EndLlmCall(). Per tool call: MatchToolCall() -> BeginToolCall() -> EndToolCall(). Call
// Expire(now) at NextWake(), and TakeEnded() after any of these: each ended turn is handed out
// once.
//
// Never merges two users: what is ambiguous opens a new turn. Pure: time and fresh ids are
// arguments. Memory is bounded. Event loop thread only.
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "libs/policy/timeouts.h"
#include "libs/policy/turn_table.h"

namespace reliability::policy {

struct TurnLimits {
  Milliseconds timeout{15000};
  Milliseconds synthesis_reserve{3000};
};

// What a request says about its turn. Views live for the call only.
struct TurnClues {
  std::string_view explicit_id;   // x-agent-turn-id
  std::string_view baggage_turn;  // W3C baggage member agent.turn
  std::string_view trace;         // W3C trace id, if the policy says that it names the turn
};

struct LlmClues : TurnClues {
  // Tool-call ids of the request's last assistant message, if it stands after the last message
  // that the user wrote.
  std::vector<std::string> tool_call_ids;
  bool tool_call_after_user = false;         // the request goes on with a tool loop
  std::optional<std::uint64_t> prefix_hash;  // of the messages through the last user-authored one
  int retry_count = 0;                       // X-Stainless-Retry-Count
};

struct ToolClues : TurnClues {
  std::string_view tool;  // MCP tool name; empty for plain HTTP tools
  std::optional<std::uint64_t> arguments_hash;
};

// A tool call that an LLM answer asked for.
struct RequestedTool {
  std::string id;
  std::string name;
  std::uint64_t arguments_hash = 0;
};

enum class MatchKind : std::uint8_t {
  kNew,      // LLM request: opens a turn. Tool call: belongs to none.
  kRunning,  // joins `turn`
  kEnded,    // goes on with `turn`, which ended at its deadline: answer deadline_exceeded
};

struct TurnMatch {
  MatchKind kind = MatchKind::kNew;
  TurnHandle turn = 0;
  IdentitySource source = IdentitySource::kNone;
  bool resumed = false;  // kNew: looks like the continuation of a turn that is no longer known
};

struct LlmCallEnd {
  ErrorClass error_class = ErrorClass::kNone;  // kClientCancelled: the agent went away
  bool final_answer = false;                   // complete, delivered, asks for no tool
  std::vector<RequestedTool> tool_calls;       // of a complete answer
  // Responses: its id, by which a request with the tools' results may go on from it.
  std::string response_id;
  // A template stood in for the answer: the turn ends with it, and is bad (data-plane ruling 4).
  bool templated = false;
  bool degraded = false;  // another tier answered than the one that was asked
  // The answer broke off after some of it had reached the agent: nobody repeats such a call, so the
  // turn ends with it (data-plane ruling 3).
  bool cut = false;
};

struct TurnView {
  std::string id;
  MonotonicTime started;
  MonotonicTime deadline;
  Milliseconds reserve{0};
  bool ended = false;
  bool resumed = false;
};

enum class ReportedResult : std::uint8_t { kSuccess, kFailure };

class TurnTracker {
 public:
  static constexpr std::size_t kMaxTurns = TurnTable::kMaxTurns;
  static constexpr std::size_t kMaxToolCallsPerTurn = 256;
  static constexpr std::size_t kMaxRemembered = 16384;  // ended turns that can still be reported
  static constexpr std::size_t kMaxIdBytes = 128;
  static constexpr Milliseconds kExplicitLinger{2000};
  static constexpr Milliseconds kAbandonAfter{60'000};  // past the deadline, with a call still out
  static constexpr Milliseconds kReportFor{86'400'000};

  explicit TurnTracker(const TurnLimits& limits) : limits_(limits) {}

  // For turns that open from now on.
  void SetLimits(const TurnLimits& limits) { limits_ = limits; }

  [[nodiscard]] TurnMatch Match(const LlmClues& clues, MonotonicTime now);
  // `fresh` makes the id of a turn that has none; random, never 0.
  TurnHandle Open(const LlmClues& clues, const TurnMatch& match, MonotonicTime now,
                  std::uint64_t fresh);
  void BeginLlmCall(TurnHandle turn);
  void EndLlmCall(TurnHandle turn, const LlmCallEnd& end, MonotonicTime now);

  // Joins by explicit id, baggage, then name + arguments of a tool call that a live turn asked for
  // (each request of a tool is consumed by one call, oldest first), then by name alone or (plain
  // HTTP tools) by being awaited at all, if only one live turn fits.
  [[nodiscard]] TurnMatch MatchToolCall(const ToolClues& clues, MonotonicTime now);
  // Returns a number for EndToolCall and StopClock. In EndToolCall `tool` names the tool in the
  // record: "orders/search".
  std::uint64_t BeginToolCall(TurnHandle turn, const ToolClues& clues);
  // The call is one that may outlive its turn (data-plane ruling 7): until it ends, no time passes
  // for the turn.
  void StopClock(TurnHandle turn, std::uint64_t call, MonotonicTime now);
  void EndToolCall(TurnHandle turn, std::uint64_t call, std::string_view tool,
                   ErrorClass error_class, MonotonicTime now);

  // What the turn leaves at `now`; nullopt for unknown or ended turns.
  [[nodiscard]] std::optional<TurnBudget> Budget(TurnHandle turn, MonotonicTime now) const;
  // The deadline is that of a clock which goes on at once.
  [[nodiscard]] std::optional<TurnView> View(TurnHandle turn, MonotonicTime now) const;

  // POST /v1/turns/{id}/outcome. A running turn ends with it. For 24 h after its end a report that
  // changes the verdict returns the correction to book; kNotFound for unknown ids.
  Result<std::optional<TurnCorrection>> Report(std::string_view id, ReportedResult result,
                                               MonotonicTime now);

  // Ends what is due. NextWake: when to call it next; nullopt = nothing pending.
  void Expire(MonotonicTime now);
  [[nodiscard]] std::optional<MonotonicTime> NextWake() const;
  [[nodiscard]] std::vector<TurnRecord> TakeEnded();
  // The pod terminates: what still runs ends without an event.
  void Terminate(MonotonicTime now);

  [[nodiscard]] std::size_t running() const { return running_; }

 private:
  struct Remembered {
    std::uint64_t id_hash = 0;
    MonotonicTime ended_at;
    TurnResult result = TurnResult::kNone;
    Degraded degraded = Degraded::kNone;
  };
  using HashIndex = std::unordered_multimap<std::uint64_t, TurnHandle>;

  // turn_match.cc
  [[nodiscard]] std::optional<TurnMatch> MatchNamed(const TurnClues& clues, bool continues) const;
  [[nodiscard]] TurnHandle ByIssuedIds(const LlmClues& clues) const;
  [[nodiscard]] TurnHandle ByPrefix(const LlmClues& clues) const;
  [[nodiscard]] TurnHandle ByPending(const ToolClues& clues) const;
  [[nodiscard]] static Turn::Pending* FindPending(Turn& turn, const ToolClues& clues);

  // turn_tracker.cc
  [[nodiscard]] Turn* FindLive(TurnHandle handle);
  [[nodiscard]] const Turn* FindLive(TurnHandle handle) const;
  void CallEnded(Turn& turn, MonotonicTime now);
  // From now on `id` leads back to the turn.
  void Issue(Turn& turn, std::string_view id);
  [[nodiscard]] static TurnEnd EndOf(const Turn& turn);
  static void StartClock(Turn& turn, std::uint64_t call, MonotonicTime now);
  // When Expire() has to look at a running turn; max = not before something happens.
  [[nodiscard]] static MonotonicTime DueAt(const Turn& turn);
  void End(Turn& turn, TurnEnd end, MonotonicTime at,
           std::optional<ReportedResult> reported = std::nullopt);
  void Erase(Turn& turn);
  void MakeRoom(MonotonicTime now);
  void Remember(const Turn& turn, const TurnRecord& record, MonotonicTime at);
  void WakeAt(MonotonicTime at);

  TurnLimits limits_;
  std::uint64_t next_call_ = 1;
  std::size_t running_ = 0;
  std::optional<MonotonicTime> wake_;  // not later than the next thing that is due
  TurnTable turns_;                    // also ended ones until forget_at
  HashIndex by_issued_;
  // Oldest first. Each turn comes here, few are ever asked for: finding one may take longer.
  std::deque<Remembered> remembered_;
  std::vector<TurnRecord> ended_;
};

}  // namespace reliability::policy
