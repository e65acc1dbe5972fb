// Budgets of tokens and money over real sockets: what is refused before anything is sent, what is
// booked for which answer. data-plane.md 2.12, data-plane rulings 8, 39, 40 and 46.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kClaude = "/llm/claude/v1/messages";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kTurn = "x-agent-turn-id: t1\r\n";
constexpr const char* kWould = R"(agent_reliability_would_reject_total{class="budget_exhausted"})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// 21 bytes of text at most: 6 tokens; with `most` output tokens.
std::string Ask(int most, bool stream = false, const std::string& model = "m") {
  return R"({"model":")" + model + R"(","max_tokens":)" + std::to_string(most) + R"(,"stream":)" +
         (stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":"12345678901234567"}]})";
}

std::string Usage(int input, int output) {
  return R"("usage":{"prompt_tokens":)" + std::to_string(input) + R"(,"completion_tokens":)" +
         std::to_string(output) + "}";
}

FakeUpstream::Script Answer200(int input, int output) {
  return [=](FakeUpstream::Connection& c, const SeenRequest&) {
    c.Respond(200, "application/json",
              R"({"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
              R"("content":"hi"},"finish_reason":"stop"}],)" +
                  Usage(input, output) + "}");
  };
}

// A dollar for a million tokens of model m, a tenth of it for model small.
constexpr const char* kPrices =
    R"(,"prices":[{"provider":"openai","model":"m","input":"1","output":"1"},)"
    R"({"provider":"claude","model":"m","input":"1","output":"1"},)"
    R"({"provider":"backup","model":"small","input":"0.1","output":"0.1"}])";

PolicyTweaks With(const std::string& cost, const char* prices = kPrices) {
  PolicyTweaks tweaks;
  tweaks.cost = R"(,"cost":)" + cost + prices;
  return tweaks;
}

class CostTest : public ProxyFixture {
 protected:
  [[nodiscard]] policy::Amount Spent() const {
    const auto spent = decisions_.LedgerView().spent;
    return spent.has_value() ? spent->spent : policy::Amount{};
  }
  // A call is settled when its answer was delivered. False after 10 s.
  [[nodiscard]] bool AwaitSpent(std::int64_t tokens) const {
    const std::stop_source stop;
    for (int i = 0; i < 1000 && Spent().tokens != tokens; ++i) {
      clock_->WaitFor(Milliseconds{10}, stop.get_token());
    }
    EXPECT_EQ(Spent().tokens, tokens);
    return Spent().tokens == tokens;
  }
};

TEST_F(CostTest, ACallThatCannotFitIsRefusedInTheCallersFormatAndNothingIsSent) {
  FakeUpstream upstream(Answer200(6, 1));
  Start(MakePolicy(upstream.url(), With(R"({"perTurn":{"tokens":100}})")));
  Agent agent(port());
  const Answer openai = agent.Post(kOpenAi, Ask(95));
  EXPECT_EQ(openai.status, 429);
  EXPECT_TRUE(Has(openai.body, R"("type":"insufficient_quota")")) << openai.body;
  EXPECT_TRUE(Has(openai.body, R"("code":"budget_exhausted")"));
  EXPECT_TRUE(Has(openai.body, "cost.perTurn: budget_exhausted"));
  EXPECT_EQ(openai.headers.at("x-should-retry"), "false");
  EXPECT_EQ(openai.headers.at("x-agent-error-class"), "budget_exhausted");
  const Answer claude = agent.Post(kClaude, Ask(95));
  EXPECT_EQ(claude.status, 402);
  EXPECT_TRUE(Has(claude.body, R"("type":"billing_error")")) << claude.body;
  EXPECT_EQ(upstream.count(), 0U);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(94)).status, 200);
}

TEST_F(CostTest, ATurnSettlesOnTheUsageOfItsAnswers) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), With(R"({"perTurn":{"usd":"0.0001"}})")));  // 100 tokens
  Agent agent(port());
  // Each call reserves 36 tokens and takes 30; the fourth one does not fit.
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 200);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 200);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 200);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 429);
  // Another turn has a budget of its own.
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), "x-agent-turn-id: t2\r\n").status, 200);
  ASSERT_TRUE(AwaitSpent(120));
  EXPECT_EQ(Spent().usd, 120'000);
  EXPECT_EQ(Metric(R"(agent_reliability_tokens_total{direction="input"})"), 24);
  EXPECT_EQ(Metric(R"(agent_reliability_tokens_total{direction="output"})"), 96);
  EXPECT_DOUBLE_EQ(Metric("agent_reliability_cost_usd_total"), 0.00012);
  EXPECT_EQ(Metric("agent_reliability_cost_unknown_total"), 0);
  EXPECT_EQ(Metric("agent_reliability_usage_estimated_total"), 0);
}

TEST_F(CostTest, ASessionIsWhatTheAgentSaysItIs) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), With(R"({"perSession":{"tokens":40}})")));
  Agent agent(port());
  const std::string session = "x-agent-session-id: s1\r\n";
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), session + "x-agent-turn-id: t1\r\n").status, 200);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), session + "x-agent-turn-id: t2\r\n").status, 429);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), "x-agent-session-id: s2\r\n").status, 200);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30)).status, 200);  // no session, no budget
}

TEST_F(CostTest, TheDaysBudgetNamesTheTimeLeftAndIsKeptForTheNextProcess) {
  FakeUpstream upstream(Answer200(6, 24));
  const std::string policy = MakePolicy(upstream.url(), With(R"({"perDay":{"tokens":40}})"));
  Start(policy);
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30)).status, 200);
  const Answer refused = agent.Post(kOpenAi, Ask(30));
  EXPECT_EQ(refused.status, 429);
  EXPECT_LE(std::stoi(refused.headers.at("retry-after")), 86'400);
  EXPECT_TRUE(decisions_.LedgerChanged());
  // As after a restart of the container.
  const auto earlier =
      sidecar::telemetry::Ledger::EarlierFrom(decisions_.LedgerFileText(), "pod-1");
  ASSERT_TRUE(earlier.has_value()) << earlier.error().message;
  const sidecar::proxy::Decisions next(*clock_, metrics_, MakeRng(1), "pod-1",
                                       sidecar::telemetry::Ledger("pod-1", "e2", *earlier));
  EXPECT_EQ(next.Cost().day.spend.spent.tokens, 30);
}

TEST_F(CostTest, OnlyAttemptsThatWereBilledCount) {
  std::atomic<int> calls{0};
  FakeUpstream upstream([&calls, good = Answer200(6, 2)](auto& c, const SeenRequest& r) {
    if (calls++ == 0) {
      c.Respond(503, "application/json", "{}");
    } else {
      good(c, r);
    }
  });
  PolicyTweaks tweaks = With(R"({"perDay":{"tokens":1000}})");
  tweaks.max_retries = 1;
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30)).status, 200);
  EXPECT_EQ(upstream.count(), 2U);
  EXPECT_TRUE(AwaitSpent(8));
  EXPECT_EQ(decisions_.Cost().day.reserved, policy::Amount{});
}

TEST_F(CostTest, AStreamThatDoesNotTellItsUsageSettlesOnItsBytes) {
  FakeUpstream upstream([](auto& c, const SeenRequest& request) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("1234567"));
    if (Has(request.body, "cut")) {
      c.Close();
      return;
    }
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), With(R"({"perDay":{"tokens":1000}})")));
  Agent agent(port());
  // 6 tokens as reserved, and 7 bytes of answer.
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30, true)).status, 200);
  EXPECT_TRUE(AwaitSpent(8));
  EXPECT_EQ(Metric("agent_reliability_usage_estimated_total"), 1);
  std::string cut = Ask(30, true);
  cut.insert(1, R"("user":"cut",)");
  (void)agent.Post(kOpenAi, cut);
  EXPECT_TRUE(AwaitMetric("agent_reliability_usage_estimated_total", 2));
  EXPECT_TRUE(AwaitSpent(8 + 8));
  EXPECT_EQ(decisions_.Cost().day.reserved, policy::Amount{});
}

TEST_F(CostTest, AStreamIsAskedForItsUsageAndTheAgentGetsItOnlyIfItAsked) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("1234567"));
    c.Chunk(kStopEvent);
    c.Chunk("data: {\"id\":\"c\",\"choices\":[]," + Usage(6, 4) + "}\n\n");
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  Start(MakePolicy(upstream.url(), With(R"({"perDay":{"tokens":1000}})")));
  Agent agent(port());
  const Answer quiet = agent.Post(kOpenAi, Ask(30, true));
  EXPECT_TRUE(Has(upstream.seen()[0].body, R"("stream_options":{"include_usage":true})"));
  EXPECT_FALSE(Has(quiet.body, "prompt_tokens")) << quiet.body;
  EXPECT_TRUE(Has(quiet.body, "1234567"));
  EXPECT_TRUE(Has(quiet.body, "[DONE]"));
  std::string asked = Ask(30, true);
  asked.insert(1, R"("stream_options":{"include_usage":true},)");
  EXPECT_TRUE(Has(agent.Post(kOpenAi, asked).body, "prompt_tokens"));
  EXPECT_EQ(upstream.seen()[1].body, asked);
  EXPECT_TRUE(AwaitSpent(20));
  EXPECT_EQ(Metric("agent_reliability_usage_estimated_total"), 0);
}

TEST_F(CostTest, ObserveChangesNoRequestAndEstimates) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("1234567"));
    c.Chunk(kStopEvent);
    c.Chunk(kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  PolicyTweaks tweaks = With(R"({"perDay":{"tokens":1000}})");
  tweaks.enforce = false;
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30, true)).status, 200);
  EXPECT_EQ(upstream.seen()[0].body, Ask(30, true));
  EXPECT_TRUE(AwaitSpent(8));
  EXPECT_EQ(Metric("agent_reliability_usage_estimated_total"), 1);
}

TEST_F(CostTest, ResponsesAreCountedToo) {
  FakeUpstream upstream([](auto& c, const SeenRequest&) {
    c.Respond(200, "application/json",
              R"({"id":"r","status":"completed","output":[],)"
              R"("usage":{"input_tokens":6,"output_tokens":24}})");
  });
  Start(MakePolicy(upstream.url(), With(R"({"perDay":{"tokens":40}})")));
  Agent agent(port());
  const std::string body = R"({"model":"m","input":"123456789","max_output_tokens":30})";
  EXPECT_EQ(agent.Post(kResponses, body).status, 200);
  EXPECT_TRUE(AwaitSpent(30));
  EXPECT_EQ(agent.Post(kResponses, body).status, 429);
}

TEST_F(CostTest, AnUnknownPriceIsAdmittedAndFlagged) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), With(R"({"perDay":{"usd":"0.000001"}})")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30, false, "m")).status, 429);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30, false, "new-model")).status, 200);
  EXPECT_TRUE(AwaitMetric("agent_reliability_cost_unknown_total", 1));
  EXPECT_EQ(Metric("agent_reliability_cost_usd_total"), 0);
  Load(MakePolicy(upstream.url(), With(R"({"onUnknownCost":"Reject"})")));
  Agent second(port());
  const Answer refused = second.Post(kOpenAi, Ask(30, false, "new-model"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(Has(refused.body, "cost.onUnknownCost")) << refused.body;
  EXPECT_EQ(second.Post(kOpenAi, Ask(30, false, "m")).status, 200);
}

TEST_F(CostTest, ObserveRefusesNothingAndCountsWhatEnforceWouldHaveRefused) {
  FakeUpstream upstream(Answer200(6, 24));
  PolicyTweaks tweaks = With(R"({"perTurn":{"tokens":10}})");
  tweaks.enforce = false;
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30)).status, 200);
  EXPECT_EQ(Metric(kWould), 1);
  EXPECT_TRUE(AwaitSpent(30));
}

TEST_F(CostTest, WithoutPricesAndBudgetsTokensAreCountedAsTheyWereTold) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url()));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30)).status, 200);
  EXPECT_TRUE(AwaitMetric(R"(agent_reliability_tokens_total{direction="output"})", 24));
  EXPECT_FALSE(decisions_.LedgerView().spent.has_value());
  EXPECT_EQ(Metric(R"(agent_reliability_budget_spent{scope="day",unit="tokens"})"), -1);
}

TEST_F(CostTest, GaugesShowTheDay) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), With(R"({"perDay":{"tokens":100,"usd":"1"}})")));
  metrics_.OnCollect([this] {
    const auto cost = decisions_.Cost();
    sidecar::telemetry::Metrics::Gauges gauges;
    gauges.budgets = cost.active;
    gauges.day_limit = cost.limit;
    gauges.day = cost.day;
    return gauges;
  });
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30)).status, 200);
  EXPECT_TRUE(AwaitSpent(30));
  EXPECT_EQ(Metric(R"(agent_reliability_budget_spent{scope="day",unit="tokens"})"), 30);
  EXPECT_EQ(Metric(R"(agent_reliability_budget_reserved{scope="day",unit="tokens"})"), 0);
  EXPECT_EQ(Metric(R"(agent_reliability_budget_remaining{scope="day",unit="tokens"})"), 70);
  EXPECT_DOUBLE_EQ(Metric(R"(agent_reliability_budget_remaining{scope="day",unit="usd"})"),
                   0.99997);
}

std::string Degraded(const std::string& degrade, int generation = 1) {
  return R"({"schema":"1.5","leaderEpoch":1,"generation":)" + std::to_string(generation) +
         R"(,"mode":"Degraded","cause":"tasks/slow","validUntil":"2100-01-01T00:00:00Z",)"
         R"("degrade":)" +
         degrade + "}";
}

constexpr const char* kNormal =
    R"({"schema":"1.5","leaderEpoch":1,"generation":9,"mode":"Normal"})";

TEST_F(CostTest, DegradedNarrowsWhatATurnMayUse) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), With(R"({"perTurn":{"tokens":100}})")));
  Agent agent(port());
  const std::string running = "x-agent-turn-id: running\r\n";
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), running).status, 200);
  ASSERT_TRUE(AwaitSpent(30));
  Order(Degraded(R"({"maxTokensPerTurn":40})"));
  EXPECT_EQ(agent.Post(kOpenAi, Ask(34), kTurn).status, 200);
  const Answer refused = agent.Post(kOpenAi, Ask(35), "x-agent-turn-id: t2\r\n");
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(Has(refused.body, "degrade.perTurn: budget_exhausted")) << refused.body;
  // What the running turn used before counts; it is not stopped before it asks for more.
  EXPECT_EQ(agent.Post(kOpenAi, Ask(5), running).status, 429);
  EXPECT_EQ(upstream.count(), 2U);
  // An order with more than the policy allows changes nothing.
  Order(Degraded(R"({"maxTokensPerTurn":4000,"maxCostPerTurn":"1"})", 2));
  EXPECT_EQ(agent.Post(kOpenAi, Ask(94), "x-agent-turn-id: t3\r\n").status, 200);
  const Answer over = agent.Post(kOpenAi, Ask(95), "x-agent-turn-id: t4\r\n");
  EXPECT_EQ(over.status, 429);
  EXPECT_TRUE(Has(over.body, "cost.perTurn: budget_exhausted")) << over.body;
  Order(kNormal);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), running).status, 200);
}

TEST_F(CostTest, DegradedBoundsTurnsOfAPolicyWithoutBudgets) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url()));
  Order(Degraded(R"({"maxTokensPerTurn":40})"));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 200);
  const Answer refused = agent.Post(kOpenAi, Ask(30), kTurn);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("x-agent-error-class"), "budget_exhausted");
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), "x-agent-turn-id: t2\r\n").status, 200);
  EXPECT_EQ(Metric("agent_reliability_cost_unknown_total"), 0);
  Order(kNormal);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(3000), kTurn).status, 200);
}

TEST_F(CostTest, DegradedMoneyCountsAtThePolicysPrices) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), With("{}")));
  Order(Degraded(R"({"maxCostPerTurn":"0.00004"})"));  // 40 tokens of model m
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(34), kTurn).status, 200);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(35), "x-agent-turn-id: t2\r\n").status, 429);
  // Without a price the cost is unknown, not zero: it passes, flagged, as the policy says.
  EXPECT_EQ(agent.Post(kOpenAi, Ask(35, false, "new-model"), "x-agent-turn-id: t3\r\n").status,
            200);
  EXPECT_TRUE(AwaitMetric("agent_reliability_cost_unknown_total", 1));
}

TEST_F(CostTest, ObserveCountsWhatADegradedBudgetWouldRefuse) {
  FakeUpstream upstream(Answer200(6, 24));
  PolicyTweaks tweaks;
  tweaks.enforce = false;
  Start(MakePolicy(upstream.url(), tweaks));
  Order(Degraded(R"({"maxTokensPerTurn":40})"));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 200);
  EXPECT_EQ(Metric(kWould), 0);
  EXPECT_EQ(agent.Post(kOpenAi, Ask(30), kTurn).status, 200);
  EXPECT_EQ(Metric(kWould), 1);
}

// openai, then backup with a cheaper model of its own; then a template.
PolicyTweaks WithChain(const std::string& url, const std::string& cost) {
  PolicyTweaks tweaks = With(cost);
  tweaks.more_upstreams =
      R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + url + "/v1\"}";
  tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},{"name":"second",)"
                 R"("upstream":"backup","model":"small"}],"terminal":{"type":"StaticResponse",)"
                 R"("text":"sorry: {{.reason}}"}})";
  return tweaks;
}

TEST_F(CostTest, DegradeGoesToATierThatFitsThenToTheTemplate) {
  FakeUpstream upstream(Answer200(6, 24));
  // A call of 36 tokens at most: 36,000 nano-USD at openai, 3,600 at backup, where 30 cost 3,000.
  Start(MakePolicy(
      upstream.url(),
      WithChain(upstream.url(), R"({"perTurn":{"usd":"0.000008"},"onExceed":"Degrade"})")));
  Agent agent(port());
  for (int i = 0; i < 2; ++i) {
    const Answer answer = agent.Post(kOpenAi, Ask(30), kTurn);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
    EXPECT_EQ(answer.headers.at("x-agent-degraded"), "fallback");
  }
  const Answer last = agent.Post(kOpenAi, Ask(30), kTurn);
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("x-agent-degraded"), "template");
  EXPECT_TRUE(Has(last.body, "sorry: budget_exhausted")) << last.body;
  EXPECT_EQ(upstream.count(), 2U);
  ASSERT_TRUE(AwaitSpent(60));
  EXPECT_EQ(Spent().usd, 6'000);
  EXPECT_EQ(Metric(R"(agent_reliability_fallback_total{class="budget_exhausted"})"), 2);
  EXPECT_EQ(decisions_.Cost().day.reserved, policy::Amount{});
}

TEST_F(CostTest, ADegradedBudgetIsExceededAsThePolicySays) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(upstream.url(), WithChain(upstream.url(), R"({"onExceed":"Degrade"})")));
  Order(Degraded(R"({"maxCostPerTurn":"0.000008"})"));
  Agent agent(port());
  const Answer cheaper = agent.Post(kOpenAi, Ask(30), kTurn);
  EXPECT_EQ(cheaper.headers.at("x-agent-served-by"), "second");
  Load(MakePolicy(upstream.url(), WithChain(upstream.url(), R"({"onExceed":"Template"})")));
  Agent second(port());
  const Answer last = second.Post(kOpenAi, Ask(30), "x-agent-turn-id: t2\r\n");
  EXPECT_EQ(last.status, 200);
  EXPECT_EQ(last.headers.at("x-agent-degraded"), "template");
  EXPECT_EQ(upstream.count(), 1U);
}

TEST_F(CostTest, TemplateSkipsTheOtherTiersAndRejectTheTemplate) {
  FakeUpstream upstream(Answer200(6, 24));
  Start(MakePolicy(
      upstream.url(),
      WithChain(upstream.url(), R"({"perTurn":{"usd":"0.000008"},"onExceed":"Template"})")));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Ask(30));
  EXPECT_EQ(answer.headers.at("x-agent-degraded"), "template");
  Load(MakePolicy(upstream.url(), WithChain(upstream.url(), R"({"perTurn":{"usd":"0.000008"}})")));
  Agent second(port());
  EXPECT_EQ(second.Post(kOpenAi, Ask(30)).status, 429);
  EXPECT_EQ(upstream.count(), 0U);
}

TEST_F(CostTest, AFailedTierGivesBackWhatItHeldAndTheNextOneReservesItsOwn) {
  FakeUpstream upstream([good = Answer200(6, 24)](auto& c, const SeenRequest& request) {
    if (Has(request.body, "small")) {
      good(c, request);
    } else {
      c.Respond(503, "application/json", "{}");
    }
  });
  // Both reservations together would not fit: 36,000 + 3,600 nano-USD.
  Start(MakePolicy(upstream.url(), WithChain(upstream.url(), R"({"perTurn":{"usd":"0.000037"}})")));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Ask(30), kTurn);
  EXPECT_EQ(answer.status, 200) << answer.body;
  ASSERT_TRUE(AwaitSpent(30));
  EXPECT_EQ(Spent().usd, 3'000);
}

}  // namespace
}  // namespace reliability::component
