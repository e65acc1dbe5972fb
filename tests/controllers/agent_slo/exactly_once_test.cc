// Each outcome counts once, whatever dies and whenever (operator rulings 18 to 20).
#include <functional>
#include <iostream>

#include "libs/base/rng.h"
#include "tests/controllers/agent_slo/slo_world.h"

namespace reliability::controllers::agent_slo {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Steps = std::vector<std::function<void(World&)>>;

// Traffic, container restarts, a rolling update and quiet times, on two pods and their heirs.
Steps Story() {
  const auto turns = [](const char* pod, std::uint64_t good, std::uint64_t bad) {
    return [=](World& world) { world.Turns(pod, good, bad); };
  };
  const auto tick = [](World& world) { world.Tick(); };
  return {
      [](World& world) { world.AddPod("a"); },
      [](World& world) { world.AddPod("b"); },
      tick,
      turns("a", 20, 1),
      turns("b", 7, 0),
      tick,
      [](World& world) { world.RestartSidecar("a"); },
      turns("a", 3, 2),
      tick,
      turns("b", 1, 1),
      [](World& world) { world.RestartSidecar("b"); },
      [](World& world) { world.RestartSidecar("b"); },
      turns("b", 4, 0),
      [](World& world) { world.Tick(minutes{1}); },
      [](World& world) { world.AddPod("c"); },
      turns("a", 11, 3),
      turns("c", 2, 0),
      [](World& world) { world.EndPod("a"); },
      [](World& world) { world.Tick(seconds{1}); },
      [](World& world) { world.VanishPod("a"); },
      turns("c", 5, 5),
      tick,
      [](World& world) { world.EndPod("b"); },
      [](World& world) { world.Tick(seconds{1}); },
      [](World& world) { world.Tick(seconds{2}); },
      [](World& world) { world.VanishPod("b"); },
      [](World& world) { world.Tick(minutes{5}); },
      turns("c", 1, 1),
      tick,
  };
}

void ExpectExact(World& world) {
  world.Tick(minutes{1});
  EXPECT_EQ(world.Assessment().total, world.truth);
  // The window holds them all, too: nothing is old enough to have left it.
  EXPECT_EQ(world.Assessment().budget.counts(), world.truth);
  // So does a successor that only has the history.
  world.process->controller->Stop();
  world.Kill();
  static_cast<void>(world.Reconcile());
  EXPECT_EQ(world.Assessment().total, world.truth);
}

TEST(ExactlyOnce, WithoutAnyFault) {
  World world;
  for (const auto& step : Story()) {
    step(world);
  }
  EXPECT_EQ(world.truth, (policy::EventCounts{67, 13}));
  ExpectExact(world);
}

TEST(ExactlyOnce, KilledAfterEachStep) {
  const Steps story = Story();
  for (std::size_t kill = 0; kill < story.size(); ++kill) {
    SCOPED_TRACE("killed after step " + std::to_string(kill));
    World world;
    for (std::size_t i = 0; i < story.size(); ++i) {
      story[i](world);
      if (i == kill) {
        world.Kill();
      }
    }
    ExpectExact(world);
  }
}

TEST(ExactlyOnce, KilledAfterEveryStep) {
  World world;
  for (const auto& step : Story()) {
    step(world);
    world.Kill();
  }
  ExpectExact(world);
}

// The process dies in the middle of a write: it was done or not, nobody heard.
TEST(ExactlyOnce, KilledInTheMiddleOfEachWrite) {
  const Steps story = Story();
  for (const auto kind : {fakes::Fault::Kind::kUnreachable, fakes::Fault::Kind::kActedNoAnswer}) {
    for (std::size_t kill = 0; kill < story.size(); ++kill) {
      SCOPED_TRACE("killed in step " + std::to_string(kill));
      World world;
      for (std::size_t i = 0; i < story.size(); ++i) {
        if (i == kill) {
          fakes::Fault fault;
          fault.kind = kind;
          fault.target = "configmaps";
          fault.times = 2;
          world.server.AddFault(fault);
        }
        story[i](world);
        if (i == kill) {
          world.Kill();
          for (int again = 0; again < 3; ++again) {
            world.Tick(seconds{2});
          }
        }
      }
      ExpectExact(world);
    }
  }
}

// Stale reads, kills, restarts and new pods in any order.
TEST(ExactlyOnce, RandomStories) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto rng = MakeRng(seed);
    World world(seed % 2 == 0 ? "30d" : "1d");
    int made = 0;
    world.AddPod("pod-0");
    for (int i = 0; i < 150; ++i) {
      auto it = world.sidecars.begin();
      std::advance(it, static_cast<long>(rng->Next() % world.sidecars.size()));
      const std::string pod = it->first;
      switch (rng->Next() % 12) {
        case 0:
          world.RestartSidecar(pod);
          break;
        case 1:
          if (world.sidecars.size() < 5) {
            world.AddPod("pod-" + std::to_string(++made));
          }
          break;
        case 2:
          if (world.sidecars.size() > 1) {
            world.EndPod(pod);
            if (rng->Next() % 2 == 0) {
              world.Kill();
            }
            world.Tick(seconds{1});
            world.VanishPod(pod);
          }
          break;
        case 3:
          world.Kill();
          break;
        case 4:
          world.process->controller->Stop();
          world.Kill();
          break;
        case 5:
        case 6:
        case 7:
          world.Tick(Milliseconds{static_cast<std::int64_t>(1000 + rng->Next() % 30'000)});
          break;
        default:
          world.Turns(pod, rng->Next() % 20, rng->Next() % 3);
      }
    }
    ExpectExact(world);
  }
}

}  // namespace
}  // namespace reliability::controllers::agent_slo
