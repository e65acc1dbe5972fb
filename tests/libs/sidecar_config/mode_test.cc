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
            R"("retryAfterMs":20000,"schema":"1.2","validUntil":"2026-11-25T10:42:10Z"})");
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

TEST(ModeDocument, Errors) {
  const auto error = [](std::string_view json) {
    const auto decoded = DecodeMode(json);
    return decoded ? std::string() : decoded.error().message;
  };
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":1,"generation":1})"), "mode: required");
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":1,"generation":1,"mode":"Frozen"})"),
            "mode: unknown value \"Frozen\"");
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
  EXPECT_EQ(error(R"({"schema":"1.0","leaderEpoch":"1","generation":1,"mode":"Normal"})"),
            "leaderEpoch: expected an integer");
}

}  // namespace
}  // namespace reliability::sidecar_config
