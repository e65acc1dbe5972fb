#include "libs/policy/retry.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

namespace reliability::policy {
namespace {

using enum ErrorClass;
using std::chrono::seconds;

// A failure that everything speaks for repeating.
RetryFacts Good(ErrorClass error_class = kServerError) {
  RetryFacts facts;
  facts.error_class = error_class;
  facts.replayable = true;
  facts.took = Milliseconds{50};
  facts.time_left = seconds{10};
  facts.attempt_limit = seconds{10};
  return facts;
}

RetryDecision Decide(const RetryFacts& facts, const RetrySettings& settings = {}) {
  return DecideRetry(settings, facts, 0.5).decision;
}

TEST(Retry, SameTargetAgainIsTheColumnOfTheReference) {
  const std::set<ErrorClass> again = {kConnect,    kResetBeforeHeaders, kRateLimited,
                                      kOverloaded, kServerError,        kStreamTruncated,
                                      kMalformed,  kToolErrorTransient};
  for (int i = 0; i < kErrorClassCount; ++i) {
    const auto error_class = static_cast<ErrorClass>(i);
    EXPECT_EQ(Decide(Good(error_class)) == RetryDecision::kRetry, again.contains(error_class))
        << ErrorClassName(error_class);
  }
}

TEST(Retry, EachRuleCanSpeakAgainstIt) {
  struct Case {
    RetryDecision expected;
    std::function<void(RetryFacts&)> change;
  };
  const Case cases[] = {
      {RetryDecision::kRetry, [](RetryFacts&) {}},
      {RetryDecision::kClass, [](RetryFacts& f) { f.error_class = kQuotaExhausted; }},
      {RetryDecision::kClass, [](RetryFacts& f) { f.error_class = kTimeoutTotal; }},
      {RetryDecision::kNotReplayable, [](RetryFacts& f) { f.replayable = false; }},
      // Not a byte left us: nothing can have happened.
      {RetryDecision::kRetry,
       [](RetryFacts& f) {
         f.replayable = false;
         f.sent = false;
       }},
      {RetryDecision::kProbe, [](RetryFacts& f) { f.probe = true; }},
      {RetryDecision::kUpstreamForbids, [](RetryFacts& f) { f.upstream_forbids = true; }},
      {RetryDecision::kRetry, [](RetryFacts& f) { f.retries_done = 1; }},
      {RetryDecision::kNoneLeft, [](RetryFacts& f) { f.retries_done = 2; }},
      {RetryDecision::kCommitted, [](RetryFacts& f) { f.committed = true; }},
      {RetryDecision::kRetry, [](RetryFacts& f) { f.took = Milliseconds{3000}; }},
      {RetryDecision::kSlow, [](RetryFacts& f) { f.took = Milliseconds{3001}; }},
      {RetryDecision::kRetry, [](RetryFacts& f) { f.retry_after = seconds{3}; }},
      {RetryDecision::kWaitTooLong, [](RetryFacts& f) { f.retry_after = Milliseconds{3001}; }},
      {RetryDecision::kNoTime, [](RetryFacts& f) { f.time_left = Milliseconds{1000}; }},
      {RetryDecision::kRetry, [](RetryFacts& f) { f.time_left = Milliseconds{1100}; }},
      {RetryDecision::kRetry, [](RetryFacts& f) { f.time_left.reset(); }},
      // The wait fits, wait and attempt do not.
      {RetryDecision::kNoTime,
       [](RetryFacts& f) {
         f.retry_after = seconds{2};
         f.time_left = Milliseconds{2900};
       }},
      {RetryDecision::kRetry,
       [](RetryFacts& f) {
         f.attempt_limit = Milliseconds{100};
         f.time_left = Milliseconds{250};
       }},
  };
  int row = 0;
  for (const Case& c : cases) {
    RetryFacts facts = Good();
    c.change(facts);
    EXPECT_EQ(Decide(facts), c.expected) << "row " << row;
    ++row;
  }
}

TEST(Retry, RetriesOfTheClientCountAgainstOurs) {
  RetryFacts facts = Good();
  facts.client_retries = 1;
  EXPECT_EQ(Decide(facts), RetryDecision::kRetry);
  facts.retries_done = 1;
  EXPECT_EQ(Decide(facts), RetryDecision::kNoneLeft);
  facts.retries_done = 0;
  facts.client_retries = 2;
  EXPECT_EQ(Decide(facts), RetryDecision::kNoneLeft);
  facts.client_retries = 7;
  EXPECT_EQ(Decide(facts), RetryDecision::kNoneLeft);
}

TEST(Retry, ThePolicyMayNarrowTheClasses) {
  RetrySettings settings;
  settings.retry_on = {kConnect, kTimeoutTotal};
  EXPECT_EQ(Decide(Good(kConnect), settings), RetryDecision::kRetry);
  EXPECT_EQ(Decide(Good(kServerError), settings), RetryDecision::kClass);
  // What does not pass by waiting cannot be chosen.
  EXPECT_EQ(Decide(Good(kTimeoutTotal), settings), RetryDecision::kClass);
  settings.max_retries = 0;
  EXPECT_EQ(Decide(Good(kConnect), settings), RetryDecision::kNoneLeft);
}

TEST(Retry, FullJitterDoublesItsCeilingUpToTheMaximum) {
  const RetrySettings settings;
  const int ceilings[] = {200, 400, 800, 1600, 2000, 2000};
  int retries = 0;
  for (const int ceiling : ceilings) {
    EXPECT_EQ(Backoff(settings, retries, std::nullopt, 0.0), Milliseconds{0});
    EXPECT_EQ(Backoff(settings, retries, std::nullopt, 0.5), Milliseconds{ceiling / 2});
    EXPECT_LE(Backoff(settings, retries, std::nullopt, 0.999), Milliseconds{ceiling});
    ++retries;
  }
  EXPECT_EQ(Backoff(settings, 1000, std::nullopt, 0.5), Milliseconds{1000});
}

TEST(Retry, JitterNeverShortensANamedWait) {
  const RetrySettings settings;
  EXPECT_EQ(Backoff(settings, 0, seconds{2}, 0.0), seconds{2});
  EXPECT_EQ(Backoff(settings, 0, seconds{2}, 0.5), Milliseconds{2100});
  RetryFacts facts = Good(kRateLimited);
  facts.retry_after = seconds{2};
  EXPECT_GE(DecideRetry(settings, facts, 0.0).wait, seconds{2});
}

TEST(Retry, NamedWaitsCanBeIgnored) {
  RetrySettings settings;
  settings.honor_retry_after = false;
  RetryFacts facts = Good(kRateLimited);
  facts.retry_after = seconds{60};
  const RetryVerdict verdict = DecideRetry(settings, facts, 0.5);
  EXPECT_EQ(verdict.decision, RetryDecision::kRetry);
  EXPECT_EQ(verdict.wait, Milliseconds{100});
}

TEST(Retry, DecisionsHaveDistinctNames) {
  std::set<std::string> names;
  for (int i = 0; i < kRetryDecisionCount; ++i) {
    const std::string name(RetryDecisionName(static_cast<RetryDecision>(i)));
    EXPECT_FALSE(name.empty());
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace reliability::policy
