// The enforcement controller against a real API server and the real Deployment controller, killed
// before and after every write of pause -> scale-down -> restore. Sidecars are scripted. Needs
// KUBECONFIG with the CRDs installed; run.py starts an API-only cluster for it.
#include <gtest/gtest.h>

#include <stdexcept>

#include "libs/base/log.h"
#include "libs/base/rng.h"
#include "libs/http/cpprest_transport.h"
#include "libs/kube/client/credentials.h"
#include "tests/controllers/enforcement/cluster_story.h"

namespace reliability::controllers::enforcement {
namespace {

// A namespace of its own per story. A failed call of the cluster's side ends the test.
class RealBackend final : public Backend {
 public:
  explicit RealBackend(kube::Credentials& credentials)
      : credentials_(credentials),
        transport_(http::MakeCpprestTransport({.tls = [this] { return credentials_.Tls(); }})),
        users_(MakeClient(*transport_, *clock_)),
        ns_("kills-" + std::to_string(MakeRng(0)->Next() % 100'000'000)) {
    Must(users_->Create(
        kube::resources::kNamespaces, "",
        json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns_}}}}.dump()));
  }
  ~RealBackend() override {
    static_cast<void>(users_->Delete({kube::resources::kNamespaces, "", ns_}));
  }

  std::string ns() const override { return ns_; }
  SystemTime start() const override { return clock_->SystemNow(); }
  http::Transport& transport() override { return *transport_; }
  std::unique_ptr<kube::ApiClient> MakeClient(http::Transport& transport, Clock&) override {
    kube::ApiClientOptions options;
    options.requests_per_second = 0;
    return kube::MakeApiClient(transport, credentials_, *clock_, options);
  }
  void Put(const kube::Resource& resource, json object) override {
    object["apiVersion"] = resource.ApiVersion();
    object["kind"] = std::string(resource.kind);
    Must(users_->Create(resource, ns_, object.dump()));
  }
  json Get(const kube::Resource& resource, const std::string& name) override {
    const auto body = Patiently([&] { return users_->Get({resource, ns_, name}); });
    if (!body && body.error().code == Code::kNotFound) {
      return nullptr;
    }
    return Must(body);
  }
  std::vector<json> List(const kube::Resource& resource) override {
    return Must(Patiently([&] { return users_->List(resource, ns_); }))["items"]
        .get<std::vector<json>>();
  }
  // The Deployment controller makes and removes pods; without kubelets we say that they run.
  void RunPods(std::size_t wanted) override {
    const MonotonicTime end = clock_->MonotonicNow() + seconds{30};
    std::vector<json> pods = List(kube::resources::kPods);
    while (pods.size() != wanted) {
      if (clock_->MonotonicNow() >= end) {
        throw std::runtime_error("the Deployment controller does not come to " +
                                 std::to_string(wanted) + " pods");
      }
      clock_->WaitFor(Milliseconds{20}, {});
      pods = List(kube::resources::kPods);
    }
    for (const json& pod : pods) {
      if (pod["status"].value("phase", "") == "Running") {
        continue;
      }
      kube::WriteOptions status;
      status.subresource = kube::Subresource::kStatus;
      const json ready{{"type", "Ready"}, {"status", "True"}};
      Must(users_->MergePatch(
          {kube::resources::kPods, ns_, pod["metadata"]["name"]},
          json{
              {"status",
               {{"phase", "Running"}, {"podIP", "10.0.0.1"}, {"conditions", json::array({ready})}}}}
              .dump(),
          status));
    }
  }

 private:
  // A new CRD's storage answers 429 for a moment.
  Result<std::string> Patiently(const std::function<Result<std::string>()>& call) {
    for (int i = 0; i < 100; ++i) {
      Result<std::string> body = call();
      if (body || body.error().code != Code::kExhausted) {
        return body;
      }
      clock_->WaitFor(Milliseconds{100}, {});
    }
    return call();
  }
  static json Must(const Result<std::string>& body) {
    if (!body) {
      throw std::runtime_error(ToString(body.error()));
    }
    return json::parse(*body);
  }

  kube::Credentials& credentials_;
  const std::unique_ptr<Clock> clock_ = MakeRealClock();
  const std::unique_ptr<http::Transport> transport_;
  const std::unique_ptr<kube::ApiClient> users_;
  const std::string ns_;
};

TEST(EnforcementKills, AtEveryWriteOnARealApiServer) {
  http::InitPool(8);
  log::Options quiet;
  quiet.level = log::Level::kError;
  log::Init(quiet);
  const auto clock = MakeRealClock();
  const auto credentials = kube::LoadCredentials(*clock, kube::ProcessEnvironment(), "");
  ASSERT_TRUE(credentials.has_value()) << ToString(credentials.error());
  DieAtEveryWrite([&] {
    return std::make_unique<ClusterStory>(std::make_unique<RealBackend>(**credentials), "5s", "20s",
                                          "20s");
  });
}

}  // namespace
}  // namespace reliability::controllers::enforcement
