#include "sidecar/proxy/limits.h"

#include <gtest/gtest.h>

namespace reliability::sidecar::proxy {
namespace {

using policy::TransportEvent;

MonotonicTime At(int ms) { return MonotonicTime{Milliseconds{ms}}; }

TEST(Limits, TheNearestCounts) {
  Limits limits;
  EXPECT_EQ(limits.Nearest().at, MonotonicTime::max());
  limits.Set(Limits::kTotal, At(100), TransportEvent::kTotalTimeout);
  limits.Set(Limits::kConnect, At(10), TransportEvent::kConnectTimeout);
  EXPECT_EQ(limits.NearestKind(), Limits::kConnect);
  limits.Clear(Limits::kConnect);
  EXPECT_EQ(limits.Nearest().event, TransportEvent::kTotalTimeout);
  limits.ClearAll();
  EXPECT_EQ(limits.Nearest().at, MonotonicTime::max());
}

TEST(Limits, ASlowAgentExtendsAllButTheTurn) {
  Limits limits;
  limits.Set(Limits::kIdle, At(100), TransportEvent::kIdleTimeout);
  limits.Extend(Milliseconds{50});
  EXPECT_EQ(limits.Nearest().at, At(150));
  limits.Set(Limits::kTotal, At(120), TransportEvent::kDeadline);
  limits.Extend(Milliseconds{50});
  EXPECT_EQ(limits.Nearest().at, At(120));
}

}  // namespace
}  // namespace reliability::sidecar::proxy
