#pragma once
// Budgets of tokens and money: for a turn, a session and the UTC day of one pod. Before a call goes
// to a place it reserves what it may cost there at most; when it leaves the place it settles what
// was billed. So calls that run at one time cannot overdraw a budget together.
//
// Pure; one owner, no locks. Bounded: turns that live, kMaxSessions sessions. Data-plane rulings 8,
// 39 and 40.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.h"
#include "libs/policy/budget_limit.h"
#include "libs/policy/price_table.h"
#include "libs/policy/turn_tracker.h"

namespace reliability::policy {

struct Amount {
  std::int64_t tokens = 0;
  NanoUsd usd = 0;

  Amount& operator+=(const Amount& other);
  Amount& operator-=(const Amount& other);
  friend bool operator==(const Amount&, const Amount&) = default;
};

// What becomes of a call that does not fit: refused; answered by the chain's last resort; sent to a
// later place of the chain where it fits, and to the last resort without one.
enum class OnExceed : std::uint8_t { kReject, kTemplate, kDegrade };

struct CostSettings {
  std::vector<PriceRule> prices;
  BudgetLimit per_turn;
  BudgetLimit per_session;
  BudgetLimit per_day;
  OnExceed on_exceed = OnExceed::kReject;
  bool reject_unknown = false;  // calls without a price
  std::int64_t assumed_output_tokens = 1024;

  // Whether prices matter.
  [[nodiscard]] bool money() const {
    return !prices.empty() || per_turn.usd || per_session.usd || per_day.usd || reject_unknown;
  }
  // Anything to count at all.
  [[nodiscard]] bool active() const {
    return money() || per_turn.any() || per_session.any() || per_day.any();
  }
};

// What a request says about its size.
struct RequestSize {
  std::int64_t text_bytes = 0;
  std::int64_t media_parts = 0;
  std::optional<std::int64_t> max_output{};  // max_tokens and its kin
  std::int64_t answers = 1;                  // `n`
};

// Text bytes / 3.5, 1,500 for a media part, the answers at their longest.
[[nodiscard]] TokenCounts EstimateTokens(const RequestSize& size, std::int64_t assumed_output);

// A call that is counted; `counted` false: none of this applies to it.
struct CostAsk {
  bool counted = false;
  std::string session{};   // empty = none
  TokenCounts estimate{};  // at most
};

// What an answer said about its tokens.
enum class UsageKind : std::uint8_t {
  kNone,      // nothing came that anybody bills
  kReported,  // `counts` are the provider's
  kPartial,   // content came, but no whole usage: `output_bytes` of it, `counts` as far as told
  kUnread,    // an answer came that cannot be read
};
struct AnswerUsage {
  UsageKind kind = UsageKind::kNone;
  TokenCounts counts{};
  std::int64_t output_bytes = 0;
};

enum class BudgetScope : std::uint8_t { kNone, kTurn, kSession, kDay, kPrice };
[[nodiscard]] std::string_view BudgetScopeName(BudgetScope scope);  // "perTurn", …

// Held by a call at one place, until Release().
struct Reservation {
  bool held = false;
  TurnHandle turn = 0;
  std::string session;
  std::int64_t day = 0;
  Amount amount;
  TokenCounts estimate;
  std::optional<Price> price;  // absent = unknown
};

// Spent in the current UTC day; survives restarts.
struct DaySpend {
  std::int64_t day = 0;  // since 1970-01-01
  Amount spent{};
  friend bool operator==(const DaySpend&, const DaySpend&) = default;
};

class CostBudgets {
 public:
  static constexpr std::size_t kMaxSessions = 1024;

  // What is spent and reserved stays.
  void Configure(CostSettings settings);
  [[nodiscard]] const CostSettings& settings() const { return settings_; }
  // What an order allows a turn at most, beside the settings; empty: no order. It holds for what is
  // reserved from now on, in running turns too, whose spending stays.
  void LimitTurns(const BudgetLimit& order);

  struct Verdict {
    BudgetScope refused_by = BudgetScope::kNone;
    std::optional<Milliseconds> retry_after;  // kDay: until the day is over
    bool unknown_price = false;
    bool by_order = false;  // kTurn: the settings alone would have let it pass
  };
  // For a call of `turn` (may be 0) at a place. `force`: reserves even what does not fit.
  [[nodiscard]] Verdict Reserve(const CostAsk& ask, TurnHandle turn, std::string_view provider,
                                std::string_view model, bool force, SystemTime now,
                                Reservation& out);

  struct Billed {
    bool any = false;  // something was billed at all
    TokenCounts tokens;
    NanoUsd usd = 0;
    bool estimated = false;      // nobody told the tokens
    bool unknown_price = false;  // `usd` says nothing
  };
  // Books what one attempt was billed; the reservation stays for the next attempt there.
  Billed Book(const Reservation& reservation, const AnswerUsage& usage, SystemTime now);
  // The call leaves the place: gives back what it held there.
  void Release(const Reservation& reservation, SystemTime now);

  // Its spending is forgotten.
  void TurnEnded(TurnHandle turn) { turns_.erase(turn); }
  // The day before this process began, at its start.
  void Restore(const DaySpend& day);

  struct DayView {
    DaySpend spend;
    Amount reserved;
  };
  [[nodiscard]] DayView Day(SystemTime now) const;
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  struct Account {
    Amount spent;
    Amount reserved;
    std::uint64_t used = 0;  // of a session: when, in calls
  };
  [[nodiscard]] static bool Fits(const BudgetLimit& limit, const Account& account,
                                 const Amount& amount, bool priced);
  [[nodiscard]] std::int64_t DayAt(SystemTime now) const;
  void RollDay(SystemTime now);
  Account* SessionOf(const std::string& session, bool make);

  CostSettings settings_;
  BudgetLimit turn_order_;
  BudgetLimit per_turn_;  // of both
  PriceTable prices_;
  std::map<TurnHandle, Account> turns_;
  std::map<std::string, Account> sessions_;
  std::int64_t day_ = 0;
  Account today_;
  std::uint64_t calls_ = 0;
};

}  // namespace reliability::policy
