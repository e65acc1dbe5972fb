// Which turn a request belongs to: the identity rules of turn_tracker.h (data-plane rulings 1, 2).
#include <algorithm>
#include <cctype>
#include <tuple>

#include "libs/base/hash.h"
#include "libs/policy/turn_tracker.h"

namespace reliability::policy {
namespace {

bool UsableId(std::string_view id) {
  return !id.empty() && id.size() <= TurnTracker::kMaxIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

char Plain(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_'; }

// Frameworks prefix tool names (mcp__orders__search) and replace characters that a provider does
// not allow (orders.search -> orders_search).
bool NamesTool(std::string_view asked, std::string_view tool) {
  if (tool.empty() || asked.size() < tool.size()) {
    return false;
  }
  const std::string_view tail = asked.substr(asked.size() - tool.size());
  const bool same = std::equal(tail.begin(), tail.end(), tool.begin(),
                               [](char a, char b) { return Plain(a) == Plain(b); });
  return same &&
         (asked.size() == tool.size() || Plain(asked[asked.size() - tool.size() - 1]) == '_');
}

// How well a tool call fits a request of the model; higher is better.
enum class Fit : std::uint8_t { kNone, kAwaited, kName, kArguments };

Fit FitOf(const ToolClues& clues, std::string_view name, std::uint64_t arguments_hash) {
  const bool same_arguments = clues.arguments_hash == arguments_hash;
  if (clues.tool.empty()) {
    return same_arguments ? Fit::kName : Fit::kAwaited;  // plain HTTP: equal bodies may be chance
  }
  if (!NamesTool(name, clues.tool)) {
    return Fit::kNone;
  }
  return same_arguments ? Fit::kArguments : Fit::kName;
}

}  // namespace

std::optional<TurnMatch> TurnTracker::MatchNamed(const TurnClues& clues, bool continues) const {
  TurnMatch match;
  std::string_view id;
  if (UsableId(clues.explicit_id)) {
    id = clues.explicit_id;
    match.source = IdentitySource::kHeader;
  } else if (UsableId(clues.baggage_turn)) {
    id = clues.baggage_turn;
    match.source = IdentitySource::kBaggage;
  } else if (UsableId(clues.trace)) {
    id = clues.trace;
    match.source = IdentitySource::kTrace;
  } else {
    return std::nullopt;
  }
  const Turn* const found = turns_.FindNamed(id);
  if (found == nullptr) {
    return match;
  }
  if (!found->ended) {
    match.kind = MatchKind::kRunning;
    match.turn = found->handle;
  } else if (continues) {
    match.kind = MatchKind::kEnded;
    match.turn = found->handle;
  }
  return match;
}

TurnMatch TurnTracker::Match(const LlmClues& clues, MonotonicTime now) {
  Expire(now);
  const bool continues = clues.tool_call_after_user || clues.retry_count > 0;
  if (auto named = MatchNamed(clues, continues)) {
    named->resumed = named->kind == MatchKind::kNew && clues.tool_call_after_user;
    return *named;
  }
  TurnMatch match;
  if (!continues) {
    return match;  // a new question, even if its text is that of a running turn
  }
  if (const TurnHandle issued = clues.tool_call_after_user ? ByIssuedIds(clues) : 0; issued != 0) {
    match.kind = turns_.Find(issued)->ended ? MatchKind::kEnded : MatchKind::kRunning;
    match.turn = issued;
    match.source = IdentitySource::kToolCallId;
    return match;
  }
  if (const TurnHandle same = ByPrefix(clues); same != 0) {
    match.kind = MatchKind::kRunning;
    match.turn = same;
    match.source = IdentitySource::kPrefix;
    return match;
  }
  match.resumed = clues.tool_call_after_user;
  return match;
}

TurnHandle TurnTracker::ByIssuedIds(const LlmClues& clues) const {
  for (const std::string& id : clues.tool_call_ids) {
    const auto [first, last] = by_issued_.equal_range(Fnv1a(id));
    TurnHandle only = 0;
    TurnHandle same_prefix = 0;
    int turns = 0;
    int same = 0;
    for (auto it = first; it != last; ++it) {
      const bool repeated = it->second == only;  // one turn got the id twice
      only = it->second;
      turns += repeated ? 0 : 1;
      if (!repeated && clues.prefix_hash && turns_.Find(only)->prefix_hash == clues.prefix_hash) {
        same_prefix = only;
        ++same;
      }
    }
    if (turns == 1) {
      return only;
    }
    if (same == 1) {
      return same_prefix;  // a provider that numbers its ids from 1
    }
  }
  return 0;
}

TurnHandle TurnTracker::ByPrefix(const LlmClues& clues) const {
  if (!clues.prefix_hash) {
    return 0;
  }
  TurnHandle last = 0;
  TurnHandle waiting = 0;
  int turns = 0;
  int turns_waiting = 0;
  turns_.EachOfPrefix(*clues.prefix_hash, [&](const Turn& turn) {
    last = turn.handle;
    ++turns;
    if (turn.calls_in_flight == 0 && (turn.cancelled || turn.last_llm != ErrorClass::kNone)) {
      waiting = turn.handle;
      ++turns_waiting;
    }
    // Several: only a retry goes on, and only until two turns could be meant.
    return turns > 1 && (clues.retry_count == 0 || turns_waiting > 1);
  });
  if (turns == 1) {
    return last;
  }
  // Several users asked the same. A retry belongs to a turn whose last LLM call failed; if only one
  // did, it is that one.
  return clues.retry_count > 0 && turns_waiting == 1 ? waiting : 0;
}

TurnMatch TurnTracker::MatchToolCall(const ToolClues& clues, MonotonicTime now) {
  Expire(now);
  if (const auto named = MatchNamed(clues, true); named && named->kind != MatchKind::kNew) {
    return *named;
  }
  TurnMatch match;
  if (const TurnHandle joined = ByPending(clues); joined != 0) {
    match.kind = turns_.Find(joined)->ended ? MatchKind::kEnded : MatchKind::kRunning;
    match.turn = joined;
    match.source = IdentitySource::kToolName;
  }
  return match;
}

TurnHandle TurnTracker::ByPending(const ToolClues& clues) const {
  Fit best = Fit::kNone;
  bool best_live = false;
  bool best_open = false;
  TurnHandle best_turn = 0;
  int turns_with_best = 0;
  for (const Turn* at = turns_.Oldest(); at != nullptr; at = turns_.Younger(*at)) {
    const Turn& turn = *at;
    for (const Turn::Pending& pending : turn.pending) {
      const Fit fit = FitOf(clues, pending.name, pending.arguments_hash);
      const auto rank = std::tuple(fit, !turn.ended, !pending.taken);
      const auto best_rank = std::tuple(best, best_live, best_open);
      const bool guess = fit == Fit::kAwaited && (turn.ended || pending.taken);
      if (fit == Fit::kNone || guess || rank < best_rank) {
        continue;
      }
      if (rank > best_rank) {
        std::tie(best, best_live, best_open) = rank;
        best_turn = turn.handle;
        turns_with_best = 1;
      } else if (turn.handle != best_turn) {
        ++turns_with_best;
      }
    }
  }
  // The same call asked for by two turns is made twice: the older turn has its call first. Anything
  // less exact must fit one turn only.
  const bool exact = best == Fit::kArguments && best_open;
  return exact || turns_with_best == 1 ? best_turn : 0;
}

Turn::Pending* TurnTracker::FindPending(Turn& turn, const ToolClues& clues) {
  Turn::Pending* best = nullptr;
  auto best_rank = std::tuple(Fit::kNone, false);
  for (Turn::Pending& pending : turn.pending) {
    const auto rank =
        std::tuple(FitOf(clues, pending.name, pending.arguments_hash), !pending.taken);
    if (rank > best_rank) {
      best = &pending;
      best_rank = rank;
    }
  }
  return best;
}

}  // namespace reliability::policy
