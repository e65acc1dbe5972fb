#include "libs/net/frame_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "libs/net/task.h"

namespace reliability::net {
namespace {

// With sanitizers nothing is kept.
bool Keeps() {
  FrameCache::Clear();
  FrameCache::Give(FrameCache::Take(64), 64);
  const bool keeps = FrameCache::kept() > 0;
  FrameCache::Clear();
  return keeps;
}

TEST(FrameCache, HandsOutWhatWasGivenBackAtThatSize) {
  if (!Keeps()) {
    GTEST_SKIP() << "sanitized";
  }
  void* const frame = FrameCache::Take(700);
  FrameCache::Give(frame, 700);
  void* const larger = FrameCache::Take(800);
  EXPECT_NE(larger, frame);
  EXPECT_EQ(FrameCache::Take(690), frame);  // the same step of sizes
  EXPECT_EQ(FrameCache::kept(), 0U);
  FrameCache::Give(frame, 690);
  FrameCache::Give(larger, 800);
  FrameCache::Clear();
  EXPECT_EQ(FrameCache::kept(), 0U);
}

TEST(FrameCache, FramesAreWritableToTheirLastByte) {
  for (std::size_t bytes = 1; bytes <= FrameCache::kMaxFrame + 1; bytes += 63) {
    void* const frame = FrameCache::Take(bytes);
    std::memset(frame, 0x5a, bytes);
    FrameCache::Give(frame, bytes);
  }
  FrameCache::Clear();
}

TEST(FrameCache, KeepsNoMoreThanItsBoundAndNothingLarge) {
  FrameCache::Clear();
  std::vector<void*> frames;
  for (std::size_t i = 0; i < 2 * FrameCache::kMaxKept / 4096; ++i) {
    frames.push_back(FrameCache::Take(4096));
  }
  for (void* const frame : frames) {
    FrameCache::Give(frame, 4096);
  }
  EXPECT_LE(FrameCache::kept(), FrameCache::kMaxKept);
  FrameCache::Clear();
  FrameCache::Give(FrameCache::Take(FrameCache::kMaxFrame + 1), FrameCache::kMaxFrame + 1);
  EXPECT_EQ(FrameCache::kept(), 0U);
}

TEST(FrameCache, EachThreadHasItsOwn) {
  FrameCache::Clear();
  void* const frame = FrameCache::Take(128);
  std::thread other([frame] {
    FrameCache::Give(frame, 128);  // its end frees it
  });
  other.join();
  EXPECT_EQ(FrameCache::kept(), 0U);
}

Task<int> Inner(int value) { co_return value + 1; }
Task<> Outer(int& sum) {
  for (int i = 0; i < 10; ++i) {
    const int got = co_await Inner(i);
    sum += got;
  }
}

TEST(FrameCache, TasksUseIt) {
  if (!Keeps()) {
    GTEST_SKIP() << "sanitized";
  }
  IoContext loop;
  int sum = 0;
  Spawn(loop.get_executor(), Outer(sum), [] {});
  loop.run();
  EXPECT_EQ(sum, 55);
  EXPECT_GT(FrameCache::kept(), 0U);
  FrameCache::Clear();
}

}  // namespace
}  // namespace reliability::net
