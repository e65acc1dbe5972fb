#include <gtest/gtest.h>

#include <string>

#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/encode.h"

namespace reliability::sidecar_config {
namespace {

LedgerDocument Sample() {
  LedgerDocument document;
  document.pod_uid = "pod-1";
  document.current = {"1800-ab", {{"uid/1", {12, 3}}, {"uid/2", {0, 0}}}};
  document.closed = {{"1700-cd", {{"uid/1", {18446744073709551615ULL, 1}}}}};
  document.config_hash = "abc";
  document.config_error = "turn: expected an object";
  document.mode_leader_epoch = 4;
  document.mode_generation = 9;
  document.mode = "Paused";
  document.mode_stale = true;
  document.turns_running = 2;
  document.traffic = {{"mcp:orders", {.calls = 4, .attempts = 5}}};
  return document;
}

TEST(LedgerDocument, EncodingIsCanonical) {
  EXPECT_EQ(EncodeLedger(Sample()),
            R"({"closed":[{"epoch":"1700-cd","slos":{"uid/1":{"bad":1,)"
            R"("good":18446744073709551615}}}],"configError":"turn: expected an object",)"
            R"("configHash":"abc","epoch":"1800-ab","mode":"Paused","modeGeneration":9,)"
            R"("modeLeaderEpoch":4,"modeStale":true,"podUID":"pod-1","schema":"1.5",)"
            R"("slos":{"uid/1":{"bad":3,"good":12},"uid/2":{"bad":0,"good":0}},)"
            R"("traffic":{"mcp:orders":{"attempts":5,"calls":4}},"turnsRunning":2})");
}

TEST(LedgerDocument, RoundTrips) {
  const auto decoded = DecodeLedger(EncodeLedger(Sample()));
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_EQ(EncodeLedger(decoded->document), EncodeLedger(Sample()));
  EXPECT_EQ(decoded->document.traffic.at("mcp:orders").attempts, 5U);
  EXPECT_EQ(decoded->document.current.slos.at("uid/1"), (SloCounts{12, 3}));
}

TEST(LedgerDocument, Errors) {
  const auto error = [](std::string_view json) {
    const auto decoded = DecodeLedger(json);
    return decoded ? std::string() : decoded.error().message;
  };
  EXPECT_EQ(error(R"({"schema":"1.0","podUID":"p"})"), "epoch: required");
  EXPECT_EQ(error(R"({"schema":"1.0","podUID":"p","epoch":"e","slos":{"k":{"good":-1}}})"),
            "slos[\"k\"].good: expected an integer >= 0");
  EXPECT_EQ(error(R"({"schema":"1.0","podUID":"p","epoch":"e","slos":[]})"),
            "slos: expected an object");
  EXPECT_EQ(error(R"({"schema":"1.0","podUID":"p","epoch":"e","closed":[{}]})"),
            "closed[0].epoch: required");
  EXPECT_EQ(error(R"({"schema":"1.0","podUID":"p","epoch":"e","modeStale":1})"),
            "modeStale: expected true or false");
}

TEST(LastWords, RoundTrip) {
  const LedgerEpoch epoch{"1800-ab", {{"uid/1", {12, 3}}, {"uid/2", {0, 0}}}};
  const std::string text = EncodeLastWords("pod-1", epoch);
  EXPECT_EQ(text, R"({"e":"1800-ab","s":{"uid/1":[12,3],"uid/2":[0,0]},"u":"pod-1"})");
  const auto words = DecodeLastWords(text);
  ASSERT_TRUE(words.has_value()) << words.error().message;
  EXPECT_EQ(words->pod_uid, "pod-1");
  EXPECT_EQ(words->epoch.epoch, "1800-ab");
  EXPECT_EQ(words->epoch.slos, epoch.slos);
  EXPECT_FALSE(words->truncated);
}

TEST(LastWords, KeepTheBusiestSlosWithinTheLimit) {
  LedgerEpoch epoch{"1800000000000-0123456789abcdef", {}};
  for (std::uint64_t i = 0; i < 60; ++i) {
    epoch.slos["0b0e4fcc-1c1d-4c39-8a2c-00000000" + std::to_string(1000 + i) + "/1a2b3c4d"] =
        SloCounts{i * 1000, i};
  }
  const std::string text = EncodeLastWords("0b0e4fcc-1c1d-4c39-8a2c-000000000000", epoch);
  EXPECT_LE(text.size(), kLastWordsBytes);
  const auto words = DecodeLastWords(text);
  ASSERT_TRUE(words.has_value());
  EXPECT_TRUE(words->truncated);
  EXPECT_GE(words->epoch.slos.size(), 12U);
  for (const auto& [key, counts] : words->epoch.slos) {
    EXPECT_GT(counts.bad, 59 - words->epoch.slos.size()) << key;
  }
}

TEST(LastWords, Errors) {
  EXPECT_FALSE(DecodeLastWords("").has_value());
  EXPECT_FALSE(DecodeLastWords("Error").has_value());
  EXPECT_FALSE(DecodeLastWords(R"({"u":"p","e":"x"})").has_value());
  EXPECT_FALSE(DecodeLastWords(R"({"u":"p","e":"x","s":{"k":[1]}})").has_value());
  EXPECT_FALSE(DecodeLastWords(R"({"u":"p","e":"x","s":{"k":[1,-2]}})").has_value());
  EXPECT_FALSE(DecodeLastWords(R"({"e":"x","s":{}})").has_value());
}

}  // namespace
}  // namespace reliability::sidecar_config
