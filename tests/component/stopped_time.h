#pragma once
// A proxy whose time stands still unless the test moves it. It is an hour ahead of the machine's,
// so that the loop's timers, which are the machine's, do not run out within a test: whatever
// happens is caused by bytes and closed sockets alone.
#include "tests/component/proxy_fixture.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::component {

// Its time must be there before the proxy is.
class WithStoppedTime {
 protected:
  fakes::FakeClock stopped_{MakeRealClock()->SystemNow(),
                            MakeRealClock()->MonotonicNow() + std::chrono::hours{1}};
};

class StoppedTime : public WithStoppedTime, public ProxyFixture {
 protected:
  StoppedTime() : ProxyFixture(nullptr, &stopped_) {}
};

}  // namespace reliability::component
