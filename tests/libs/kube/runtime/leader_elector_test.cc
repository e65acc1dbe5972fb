#include "libs/kube/runtime/leader_elector.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "libs/base/duration.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/fake_clock.h"

namespace reliability::kube {
namespace {

using fakes::Fault;
using nlohmann::json;

// One process that runs for leader, with a clock of its own.
struct Candidate {
  Candidate(fakes::FakeApiServer& server, const std::string& name, SystemTime wall,
            std::uint64_t seed)
      : clock(wall), client(fakes::MakeFakeClient(server, clock)) {
    LeaderElectorOptions options;
    options.ns = "system";
    options.name = "operator";
    options.identity = name;
    options.seed = seed;
    elector = std::make_unique<LeaderElector>(
        *client, clock, options,
        LeaderCallbacks{[this](std::int64_t value) { epoch = value; }, [this] { lost = true; },
                        [this](const std::string&) { ++new_leaders; }});
  }
  fakes::FakeClock clock;
  std::unique_ptr<ApiClient> client;
  std::atomic<std::int64_t> epoch{0};
  std::atomic<bool> lost{false};
  std::atomic<int> new_leaders{0};
  std::unique_ptr<LeaderElector> elector;
};

class LeaderElectorTest : public testing::Test {
 protected:
  static constexpr SystemTime kWall{Milliseconds{1'800'000'000'000}};

  template <class Predicate>
  void Eventually(Candidate& who, const Predicate& predicate) {
    while (!predicate()) {
      // Time passes only while the elector waits for it.
      if (who.clock.Waiting() > 0) {
        who.clock.Advance(Milliseconds{50});
      }
      std::this_thread::yield();
    }
  }
  json Spec() { return server_.Get(resources::kLeases, "system", "operator")["spec"]; }

  fakes::FakeApiServer server_;
  Candidate a_{server_, "a", kWall, 1};
  // Two hours ahead: no clock but its own may matter.
  Candidate b_{server_, "b", kWall + Milliseconds{7'200'000}, 2};
};

TEST_F(LeaderElectorTest, TheFirstLeadsAndHandsOverOnStop) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.elector->IsLeader(); });
  EXPECT_EQ(a_.elector->epoch(), 1);
  EXPECT_EQ(Spec()["holderIdentity"], a_.elector->identity());
  EXPECT_EQ(Spec()["leaseDurationSeconds"], 15);
  EXPECT_TRUE(a_.elector->identity().starts_with("a_"));
  b_.elector->Start();
  Eventually(b_, [&] { return b_.elector->holder() == a_.elector->identity(); });
  EXPECT_FALSE(b_.elector->IsLeader());
  a_.elector->Stop();
  EXPECT_FALSE(a_.elector->IsLeader());
  EXPECT_EQ(Spec()["holderIdentity"], "");
  EXPECT_FALSE(a_.lost) << "giving up on purpose is no loss";
  const MonotonicTime before = b_.clock.MonotonicNow();
  Eventually(b_, [&] { return b_.epoch == 2; });
  EXPECT_LE(b_.clock.MonotonicNow() - before, Milliseconds(3'000)) << "released: no waiting";
  EXPECT_EQ(b_.elector->epoch(), 2);
  EXPECT_EQ(b_.epoch, 2);
  EXPECT_EQ(b_.new_leaders, 2);
}

TEST_F(LeaderElectorTest, ARenewedLeaseIsNeverTakenOver) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.elector->IsLeader(); });
  b_.elector->Start();
  Eventually(b_, [&] { return !b_.elector->holder().empty(); });
  for (int round = 0; round < 30; ++round) {
    const std::string renewed = Spec()["renewTime"];
    Eventually(a_, [&] { return Spec()["renewTime"] != renewed; });
    const std::size_t asked = server_.Count("GET", "/leases/operator");
    Eventually(b_, [&] { return server_.Count("GET", "/leases/operator") > asked; });
  }
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_FALSE(b_.elector->IsLeader());
  EXPECT_EQ(Spec()["leaseTransitions"], 1);
}

TEST_F(LeaderElectorTest, ACrashedLeaderIsReplacedAfterTheLeaseAsSeenHere) {
  // A Lease renewed far in the future by its own words.
  server_.Put(resources::kLeases, {{"metadata", {{"namespace", "system"}, {"name", "operator"}}},
                                   {"spec",
                                    {{"holderIdentity", "dead"},
                                     {"leaseDurationSeconds", 15},
                                     {"renewTime", "2099-01-01T00:00:00.000000Z"},
                                     {"leaseTransitions", 6}}}});
  b_.elector->Start();
  b_.clock.AwaitWaiters(1);
  const MonotonicTime seen = b_.clock.MonotonicNow();
  Eventually(b_, [&] { return b_.elector->IsLeader(); });
  EXPECT_GE(b_.clock.MonotonicNow() - seen, Milliseconds(15'000));
  EXPECT_LE(b_.clock.MonotonicNow() - seen, Milliseconds(20'000));
  EXPECT_EQ(b_.elector->epoch(), 7);
}

TEST_F(LeaderElectorTest, ALeaderWithoutTheServerGivesUpInTime) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.elector->IsLeader(); });
  a_.clock.AwaitWaiters(1);
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .times = 1'000});
  const MonotonicTime start = a_.clock.MonotonicNow();
  Eventually(a_, [&] { return a_.lost.load(); });
  EXPECT_LE(a_.clock.MonotonicNow() - start, Milliseconds(15'000));
  EXPECT_FALSE(a_.elector->IsLeader());
}

TEST_F(LeaderElectorTest, AShortOutageIsSurvived) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.elector->IsLeader(); });
  const std::string renewed = Spec()["renewTime"];
  server_.AddFault({.kind = Fault::Kind::kUnreachable, .times = 2});
  Eventually(a_, [&] { return Spec()["renewTime"] != renewed; });
  EXPECT_FALSE(a_.lost);
}

TEST_F(LeaderElectorTest, AWriteWhoseAnswerWasLostIsNoLoss) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.elector->IsLeader(); });
  server_.AddFault({.kind = Fault::Kind::kActedNoAnswer, .method = "PUT"});
  const std::size_t puts = server_.Count("PUT", "/leases/");
  Eventually(a_, [&] { return server_.Count("PUT", "/leases/") >= puts + 4; });
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_EQ(a_.elector->epoch(), 1);
}

TEST_F(LeaderElectorTest, ForeignEditsDoNotMatterAForeignHolderDoes) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.elector->IsLeader(); });
  server_.Merge(resources::kLeases, "system", "operator",
                {{"metadata", {{"labels", {{"x", "y"}}}}}});
  const std::size_t puts = server_.Count("PUT", "/leases/");
  Eventually(a_, [&] { return server_.Count("PUT", "/leases/") >= puts + 3; });
  EXPECT_TRUE(a_.elector->IsLeader());
  EXPECT_EQ(server_.Get(resources::kLeases, "system", "operator")["metadata"]["labels"]["x"], "y");
  server_.Merge(resources::kLeases, "system", "operator",
                {{"spec", {{"holderIdentity", "somebody"}, {"leaseTransitions", 9}}}});
  Eventually(a_, [&] { return a_.lost.load(); });
  EXPECT_EQ(Spec()["holderIdentity"], "somebody");
}

TEST_F(LeaderElectorTest, AnEditedLeaseIsReleasedToo) {
  a_.elector->Start();
  Eventually(a_, [&] { return a_.epoch == 1; });
  a_.clock.AwaitWaiters(1);
  server_.Merge(resources::kLeases, "system", "operator",
                {{"metadata", {{"labels", {{"x", "y"}}}}}});
  a_.elector->Stop();
  EXPECT_EQ(Spec()["holderIdentity"], "");
}

TEST_F(LeaderElectorTest, OfTwoThatStartTogetherOneLeads) {
  a_.elector->Start();
  b_.elector->Start();
  while (!a_.elector->IsLeader() && !b_.elector->IsLeader()) {
    a_.clock.Advance(Milliseconds{100});
    b_.clock.Advance(Milliseconds{100});
    std::this_thread::yield();
  }
  EXPECT_NE(a_.elector->IsLeader(), b_.elector->IsLeader());
}

}  // namespace
}  // namespace reliability::kube
