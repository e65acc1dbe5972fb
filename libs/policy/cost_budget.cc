#include "libs/policy/cost_budget.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace reliability::policy {
namespace {

constexpr std::int64_t kTokensPerMedia = 1500;
constexpr std::chrono::hours kDayLength{24};

// 3.5 bytes a token, rounded up.
std::int64_t TokensOf(std::int64_t bytes) { return (std::max<std::int64_t>(0, bytes) * 2 + 6) / 7; }

std::int64_t Clamped(std::int64_t tokens) {
  return std::clamp<std::int64_t>(tokens, 0, kMaxTokens);
}

TokenCounts Clamped(const TokenCounts& tokens) {
  return {Clamped(tokens.input), Clamped(tokens.cached_input), Clamped(tokens.cache_write),
          Clamped(tokens.output)};
}

Amount AmountOf(const std::optional<Price>& price, const TokenCounts& tokens) {
  return {tokens.total(), price.has_value() ? CostOf(*price, tokens) : 0};
}

}  // namespace

Amount& Amount::operator+=(const Amount& other) {
  tokens += other.tokens;
  usd += other.usd;
  return *this;
}

Amount& Amount::operator-=(const Amount& other) {
  tokens -= other.tokens;
  usd -= other.usd;
  return *this;
}

std::string_view BudgetScopeName(BudgetScope scope) {
  switch (scope) {
    case BudgetScope::kTurn:
      return "perTurn";
    case BudgetScope::kSession:
      return "perSession";
    case BudgetScope::kDay:
      return "perDay";
    case BudgetScope::kPrice:
      return "onUnknownCost";
    case BudgetScope::kNone:
      break;
  }
  return "none";
}

TokenCounts EstimateTokens(const RequestSize& size, std::int64_t assumed_output) {
  const std::int64_t answers = std::clamp<std::int64_t>(size.answers, 1, 1000);
  const std::int64_t output = Clamped(size.max_output.value_or(assumed_output));
  TokenCounts tokens;
  tokens.input = Clamped(TokensOf(size.text_bytes) + Clamped(size.media_parts) * kTokensPerMedia);
  tokens.output = Clamped(output * answers);
  return tokens;
}

void CostBudgets::Configure(CostSettings settings) {
  prices_ = PriceTable(settings.prices);
  settings_ = std::move(settings);
  per_turn_ = Narrower(settings_.per_turn, turn_order_);
}

void CostBudgets::LimitTurns(const BudgetLimit& order) {
  turn_order_ = order;
  per_turn_ = Narrower(settings_.per_turn, turn_order_);
}

bool CostBudgets::Fits(const BudgetLimit& limit, const Account& account, const Amount& amount,
                       bool priced) {
  const auto within = [](std::int64_t most, std::int64_t used, std::int64_t more) {
    return used + more <= most;
  };
  // Money of a call without a price is not known; its tokens are.
  return (!limit.tokens.has_value() ||
          within(*limit.tokens, account.spent.tokens + account.reserved.tokens, amount.tokens)) &&
         (!limit.usd.has_value() || !priced ||
          within(*limit.usd, account.spent.usd + account.reserved.usd, amount.usd));
}

std::int64_t CostBudgets::DayAt(SystemTime now) const {
  const auto day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
  return std::max<std::int64_t>(day_, day);
}

void CostBudgets::RollDay(SystemTime now) {
  const std::int64_t day = DayAt(now);
  if (day != day_) {
    day_ = day;
    today_ = Account{};
  }
}

CostBudgets::Account* CostBudgets::SessionOf(const std::string& session, bool make) {
  if (session.empty()) {
    return nullptr;
  }
  if (const auto found = sessions_.find(session); found != sessions_.end() || !make) {
    return found == sessions_.end() ? nullptr : &found->second;
  }
  if (sessions_.size() >= kMaxSessions) {
    const auto oldest = std::min_element(
        sessions_.begin(), sessions_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    sessions_.erase(oldest);
  }
  return &sessions_[session];
}

CostBudgets::Verdict CostBudgets::Reserve(const CostAsk& ask, TurnHandle turn,
                                          std::string_view provider, std::string_view model,
                                          bool force, SystemTime now, Reservation& out) {
  Verdict verdict;
  RollDay(now);
  const Price* price = prices_.Find(provider, model);
  verdict.unknown_price = price == nullptr;
  Reservation next;
  next.turn = turn;
  next.day = day_;
  next.estimate = Clamped(ask.estimate);
  if (price != nullptr) {
    next.price = *price;
  }
  next.amount = AmountOf(next.price, next.estimate);
  const bool priced = price != nullptr;
  const Account none;
  const auto turn_account = turns_.find(turn);
  const Account& of_turn = turn_account == turns_.end() ? none : turn_account->second;
  Account* session = settings_.per_session.any() ? SessionOf(ask.session, true) : nullptr;
  if (turn != 0 && !Fits(per_turn_, of_turn, next.amount, priced)) {
    verdict.refused_by = BudgetScope::kTurn;
    verdict.by_order = Fits(settings_.per_turn, of_turn, next.amount, priced);
  } else if (session != nullptr && !Fits(settings_.per_session, *session, next.amount, priced)) {
    verdict.refused_by = BudgetScope::kSession;
  } else if (!Fits(settings_.per_day, today_, next.amount, priced)) {
    verdict.refused_by = BudgetScope::kDay;
    const auto end = SystemTime(std::chrono::days{day_ + 1});
    verdict.retry_after = std::clamp(std::chrono::ceil<Milliseconds>(end - now), Milliseconds{1000},
                                     std::chrono::duration_cast<Milliseconds>(kDayLength));
  } else if (!priced && settings_.reject_unknown) {
    verdict.refused_by = BudgetScope::kPrice;
  }
  if (verdict.refused_by != BudgetScope::kNone && !force) {
    return verdict;
  }
  next.held = true;
  if (turn != 0) {  // with or without a limit: an order may set one while the turn runs
    turns_[turn].reserved += next.amount;
  }
  if (session != nullptr) {
    session->reserved += next.amount;
    session->used = ++calls_;
    next.session = ask.session;
  }
  today_.reserved += next.amount;
  out = std::move(next);
  return verdict;
}

CostBudgets::Billed CostBudgets::Book(const Reservation& reservation, const AnswerUsage& usage,
                                      SystemTime now) {
  Billed billed;
  if (!reservation.held || usage.kind == UsageKind::kNone) {
    return billed;
  }
  RollDay(now);
  billed.any = true;
  billed.estimated = usage.kind != UsageKind::kReported;
  billed.unknown_price =
      !reservation.price.has_value() && (settings_.money() || turn_order_.usd.has_value());
  switch (usage.kind) {
    case UsageKind::kReported:
      billed.tokens = Clamped(usage.counts);
      break;
    case UsageKind::kPartial:
      billed.tokens = usage.counts.prompt() > 0 ? Clamped(usage.counts) : reservation.estimate;
      billed.tokens.output = Clamped(std::max(usage.counts.output, TokensOf(usage.output_bytes)));
      break;
    case UsageKind::kUnread:
      billed.tokens = reservation.estimate;  // at most this
      break;
    case UsageKind::kNone:
      break;
  }
  const Amount amount = AmountOf(reservation.price, billed.tokens);
  billed.usd = amount.usd;
  if (const auto turn = turns_.find(reservation.turn); turn != turns_.end()) {
    turn->second.spent += amount;
  }
  if (Account* session = SessionOf(reservation.session, false)) {
    session->spent += amount;
  }
  if (reservation.day == day_) {
    today_.spent += amount;
  }
  return billed;
}

void CostBudgets::Release(const Reservation& reservation, SystemTime now) {
  if (!reservation.held) {
    return;
  }
  RollDay(now);
  // An account may have been dropped and made anew in between: it owes nothing then.
  const auto give_back = [&](Account& account) {
    account.reserved -= reservation.amount;
    account.reserved.tokens = std::max<std::int64_t>(0, account.reserved.tokens);
    account.reserved.usd = std::max<NanoUsd>(0, account.reserved.usd);
  };
  if (const auto turn = turns_.find(reservation.turn); turn != turns_.end()) {
    give_back(turn->second);
  }
  if (Account* session = SessionOf(reservation.session, false)) {
    give_back(*session);
  }
  if (reservation.day == day_) {
    give_back(today_);
  }
}

void CostBudgets::Restore(const DaySpend& day) {
  if (day.day >= day_) {
    day_ = day.day;
    today_.spent = day.spent;
  }
}

CostBudgets::DayView CostBudgets::Day(SystemTime now) const {
  const std::int64_t day = DayAt(now);
  if (day != day_) {
    return {{day, {}}, {}};
  }
  return {{day_, today_.spent}, today_.reserved};
}

}  // namespace reliability::policy
