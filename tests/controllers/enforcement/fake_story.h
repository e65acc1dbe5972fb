#pragma once
// A story on the fake API server.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/controllers/enforcement/cluster_story.h"
#include "tests/fakes/fake_api_server.h"

namespace reliability::controllers::enforcement {

// Soon after the fake API server's creationTimestamps: an override counts from its creation.
inline constexpr SystemTime kClusterStart{Milliseconds{1'767'254'400'000}};  // 2026-01-01T08:00:00Z

class FakeBackend final : public Backend {
 public:
  std::string ns() const override { return "support"; }
  SystemTime start() const override { return kClusterStart; }
  http::Transport& transport() override { return server; }
  std::unique_ptr<kube::ApiClient> MakeClient(http::Transport& transport, Clock& clock) override {
    return fakes::MakeFakeClient(transport, clock);
  }
  void Put(const kube::Resource& resource, json object) override {
    server.Put(resource, std::move(object));
  }
  json Get(const kube::Resource& resource, const std::string& name) override {
    return server.Get(resource, ns(), name);
  }
  std::vector<json> List(const kube::Resource& resource) override { return server.List(resource); }
  void RunPods(std::size_t wanted) override {
    for (; pods_.size() > wanted; pods_.pop_back()) {
      server.Remove(kube::resources::kPods, ns(), pods_.back());
    }
    while (pods_.size() < wanted) {
      pods_.push_back("refunds-agent-7c9f-p" + std::to_string(++made_));
      const json owner{{"apiVersion", "apps/v1"},
                       {"kind", "ReplicaSet"},
                       {"name", "refunds-agent-7c9f"},
                       {"uid", "rs"},
                       {"controller", true}};
      Put(kube::resources::kPods,
          {{"metadata",
            {{"name", pods_.back()},
             {"namespace", ns()},
             {"labels", {{"app", "r"}, {"pod-template-hash", "7c9f"}}},
             {"ownerReferences", json::array({owner})}}},
           {"spec",
            {{"initContainers", json::array({json{{"name", std::string(api::kSidecarContainer)}}})},
             {"containers", json::array({json{{"name", "agent"}}})}}},
           {"status",
            {{"phase", "Running"},
             {"podIP", "10.0.0.1"},
             {"conditions", json::array({json{{"type", "Ready"}, {"status", "True"}}})}}}});
    }
  }

  fakes::FakeApiServer server;

 private:
  std::vector<std::string> pods_;
  int made_ = 0;
};

class FakeStory : public ClusterStory {
 public:
  explicit FakeStory(const std::string& held_for = "1m", const std::string& scale_after = "5m",
                     const std::string& open_for = "5m")
      : ClusterStory(std::make_unique<FakeBackend>(), held_for, scale_after, open_for),
        server(static_cast<FakeBackend&>(*backend).server) {}

  fakes::FakeApiServer& server;
};

}  // namespace reliability::controllers::enforcement
