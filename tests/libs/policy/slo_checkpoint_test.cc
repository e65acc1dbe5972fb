#include "libs/policy/slo_checkpoint.h"

#include "tests/libs/policy/slo_test_support.h"

namespace reliability::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class SloCheckpointTest : public SloStateTest {};

TEST_F(SloCheckpointTest, ACheckpointRestoresEverything) {
  SloState state(Settings("95"), kStart);
  Run(state, {3, 0}, hours{3});
  Run(state, {3, 2}, minutes{3});
  state.counters().Merge("pod", "epoch", 100, 7, kStart, now_);
  const CheckpointHeader header{7, "uid/12345678", now_};
  const std::string bytes = EncodeCheckpoint(header, state).bytes;
  EXPECT_LT(bytes.size(), 10'000U);

  const auto read = DecodeCheckpointHeader(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->leader_epoch, 7);
  EXPECT_EQ(read->slo_key, "uid/12345678");
  EXPECT_EQ(read->written, now_);

  SloState loaded(Settings("95"), now_);
  ASSERT_TRUE(RestoreCheckpoint(bytes, loaded).has_value());
  EXPECT_EQ(EncodeCheckpoint(header, loaded).bytes, bytes);
  EXPECT_FALSE(loaded.dirty());
  EXPECT_EQ(loaded.counters().Merge("pod", "epoch", 100, 7, kStart, now_).counts, EventCounts{});
  // Both go on alike.
  const SystemTime fork = now_;
  Run(state, {3, 3}, minutes{1});
  now_ = fork;
  Run(loaded, {3, 3}, minutes{1});
  EXPECT_EQ(EncodeCheckpoint(header, loaded).bytes, EncodeCheckpoint(header, state).bytes);
  EXPECT_EQ(loaded.assessment().burn_state, state.assessment().burn_state);
  EXPECT_EQ(loaded.assessment().evidence.e, state.assessment().evidence.e);

  SloState stricter(Settings("99"), now_);
  ASSERT_TRUE(RestoreCheckpoint(bytes, stricter).has_value());
  (void)stricter.Tick(now_);
  EXPECT_EQ(stricter.assessment().evidence.e, 0);
  EXPECT_GT(stricter.assessment().budget.counts().events, 0U);
}

TEST_F(SloCheckpointTest, ADamagedCheckpointIsRefused) {
  SloState state(Settings("95"), kStart);
  Run(state, {3, 1}, minutes{3});
  const std::string bytes = EncodeCheckpoint({1, "k", now_}, state).bytes;
  SloState target(Settings("95"), now_);
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{5}, std::size_t{20}, bytes.size() - 1}) {
    EXPECT_FALSE(RestoreCheckpoint(bytes.substr(0, length), target).has_value());
  }
  for (std::size_t at = 0; at < bytes.size(); at += 37) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    EXPECT_FALSE(RestoreCheckpoint(flipped, target).has_value()) << at;
  }
  std::string newer = bytes;
  newer[6] = 3;
  EXPECT_EQ(DecodeCheckpointHeader(newer).error().code, Code::kUnsupported);
  SloState other_window(Settings("95", SloWindow::k1h), now_);
  EXPECT_FALSE(RestoreCheckpoint(bytes, other_window).has_value());
}

TEST_F(SloCheckpointTest, ACheckpointNeverGrowsBeyond64KiB) {
  SloState state(Settings("95"), kStart);
  Run(state, {30, 3}, minutes{10});
  for (int i = 0; i < 3000; ++i) {
    state.counters().Merge("0d9e6d6c-7f1f-4f0e-9f1a-00000000" + std::to_string(1000 + i),
                           "1800000000000-0123456789abcdef", 1'000'000, 50'000, kStart, now_);
  }
  const auto [bytes, left_out] = EncodeCheckpoint({1, "k", now_}, state);
  EXPECT_GT(left_out, 0U);
  EXPECT_LE(bytes.size(), kCheckpointMaxBytes);
  EXPECT_GT(bytes.size(), kCheckpointMaxBytes / 2);
  SloState loaded(Settings("95"), now_);
  EXPECT_TRUE(RestoreCheckpoint(bytes, loaded).has_value());
  EXPECT_EQ(loaded.counters().pods(), state.counters().pods() - left_out);
}

}  // namespace
}  // namespace reliability::policy
