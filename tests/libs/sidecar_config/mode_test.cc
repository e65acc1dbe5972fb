#include <gtest/gtest.h>

#include "libs/base/duration.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"

namespace reliability::sidecar_config {
namespace {

ModeDocument HalfOpen() {
  ModeDocument document;
  document.leader_epoch = 4;
  document.generation = 17;
  document.mode = Mode::kHalfOpen;
  document.cause = "refunds-completed/stop";
  document.retry_after = Milliseconds{20'000};
  document.valid_until = ParseRfc3339("2026-11-25T10:42:10Z").value();
  document.half_open = HalfOpenOrder{2, {"uid-1"}};
  return document;
}

TEST(ModeDocument, EncodingIsCanonical) {
  EXPECT_EQ(EncodeMode(HalfOpen()),
            R"({"cause":"refunds-completed/stop","generation":17,)"
            R"("halfOpen":{"maxProbes":2,"podUIDs":["uid-1"]},"leaderEpoch":4,"mode":"HalfOpen",)"
            R"("retryAfterMs":20000,"schema":"1.5","validUntil":"2026-11-25T10:42:10Z"})");
}

TEST(ModeDocument, RoundTrips) {
  const auto decoded = DecodeMode(EncodeMode(HalfOpen()));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(EncodeMode(decoded->document), EncodeMode(HalfOpen()));
  EXPECT_EQ(decoded->document.half_open->pod_uids, std::vector<std::string>{"uid-1"});
  EXPECT_EQ(decoded->document.valid_until, HalfOpen().valid_until);
}

TEST(ModeDocument, ThrottleObjectiveIsADecimalString) {
  ModeDocument document;
  document.mode = Mode::kThrottled;
  document.throttle = ThrottleOrder{0.95, 70, 12};
  const std::string text = EncodeMode(document);
  EXPECT_NE(text.find(R"("throttle":{"maxRejectPercent":70,"minEvents":12,"objective":"0.95"})"),
            std::string::npos)
      << text;
  const auto decoded = DecodeMode(text);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->document.throttle->objective, 0.95);
  EXPECT_EQ(decoded->document.throttle->min_events, 12);
}

TEST(ModeDocument, DegradeAndRampRoundTrip) {
  ModeDocument document;
  document.mode = Mode::kDegraded;
  document.degrade = DegradeOrder{"haiku", Milliseconds{8000}};
  const std::string degraded = EncodeMode(document);
  EXPECT_NE(degraded.find(R"("degrade":{"fallbackTier":"haiku","turnTimeoutMs":8000})"),
            std::string::npos)
      << degraded;
  const auto read = DecodeMode(degraded);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->document.mode, Mode::kDegraded);
  EXPECT_EQ(read->document.degrade->fallback_tier, "haiku");
  EXPECT_EQ(read->document.degrade->turn_timeout, Milliseconds{8000});
  EXPECT_FALSE(read->document.degrade->turn_budget.any());
  document.mode = Mode::kRamping;
  document.degrade.reset();
  document.ramp = RampOrder{"incident-7", 25};
  const std::string ramping = EncodeMode(document);
  EXPECT_NE(ramping.find(R"("ramp":{"id":"incident-7","percent":25})"), std::string::npos);
  EXPECT_EQ(EncodeMode(DecodeMode(ramping)->document), ramping);
}

TEST(ModeDocument, BudgetsOfDegradedStandAsThoseOfThePolicy) {
  ModeDocument document;
  document.mode = Mode::kDegraded;
  document.degrade = DegradeOrder{"", {}, {.tokens = 20'000, .usd = 50'000'000}};
  const std::string text = EncodeMode(document);
  EXPECT_NE(text.find(R"("degrade":{"fallbackTier":"","maxCostPerTurn":"0.05",)"
                      R"("maxTokensPerTurn":20000})"),
            std::string::npos)
      << text;
  const auto read = DecodeMode(text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->document.degrade->turn_budget, document.degrade->turn_budget);
  EXPECT_EQ(EncodeMode(read->document), text);
}

TEST(ModeDocument, WordsThatASidecarReadsAsOthers) {
  const auto mode = [](const char* word) {
    return DecodeMode(R"({"schema":"1.3","leaderEpoch":1,"generation":1,"mode":")" +
                      std::string(word) + "\"}")
        ->document.mode;
  };
  EXPECT_EQ(mode("Frozen"), Mode::kNormal);
  EXPECT_EQ(mode("ScaledDown"), Mode::kPaused);
  EXPECT_EQ(Name(Mode::kNormal), "Normal");
  EXPECT_EQ(Name(Mode::kPaused), "Paused");
}

TEST(ModeDocument, Errors) {
  const auto error = [](std::string_view json) {
    const auto decoded = DecodeMode(json);
    return decoded ? std::string() : decoded.error().message;
  };
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":1,"generation":1})"), "mode: required");
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":1,"generation":1,"mode":"Sleepy"})"),
            "mode: unknown value \"Sleepy\"");
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":1,"generation":1,"mode":"Paused",)"
                  R"("validUntil":"soon"})"),
            "validUntil: expected an RFC 3339 time");
  for (const char* objective : {"\"x\"", "\"\"", "\"-0.5\"", "\"1e400\"", "\"nan\""}) {
    EXPECT_EQ(error(std::string(R"({"schema":"1.0","leaderEpoch":1,"generation":1,)"
                                R"("mode":"Throttled","throttle":{"objective":)") +
                    objective + "}}"),
              "throttle.objective: expected a decimal number as a string")
        << objective;
  }
  const auto degraded = [&error](const char* fields) {
    return error(R"({"schema":"1.5","leaderEpoch":1,"generation":1,"mode":"Degraded",)"
                 R"("degrade":{)" +
                 std::string(fields) + "}}");
  };
  EXPECT_EQ(degraded(R"("maxTokensPerTurn":"20000")"),
            "degrade.maxTokensPerTurn: expected an integer");
  EXPECT_EQ(degraded(R"("maxTokensPerTurn":1.5)"), "degrade.maxTokensPerTurn: expected an integer");
  EXPECT_EQ(degraded(R"("maxCostPerTurn":0.05)"), "degrade.maxCostPerTurn: expected a string");
  EXPECT_TRUE(degraded(R"("maxCostPerTurn":"5 cents")").starts_with("degrade.maxCostPerTurn: "));
  EXPECT_TRUE(degraded(R"("maxCostPerTurn":"-1")").starts_with("degrade.maxCostPerTurn: "));
  EXPECT_EQ(degraded(R"("maxUsdPerTurn":"1")"), "degrade.maxUsdPerTurn: unknown field");
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":"1","generation":1,"mode":"Normal"})"),
            "leaderEpoch: expected an integer");
}

}  // namespace
}  // namespace reliability::sidecar_config
