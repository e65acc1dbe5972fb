#pragma once
// The API server that $KUBECONFIG names, and a namespace of our own in it.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "libs/base/rng.h"
#include "libs/http/cpprest_transport.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/client/credentials.h"

namespace reliability::kube {

using nlohmann::json;

class ConformanceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static const bool once = (http::InitPool(8), true);
    static_cast<void>(once);
  }

  void SetUp() override {
    auto credentials = LoadCredentials(*clock_, ProcessEnvironment(), "");
    ASSERT_TRUE(credentials.has_value()) << ToString(credentials.error());
    credentials_ = *std::move(credentials);
    transport_ = http::MakeCpprestTransport({.tls = [this] { return credentials_->Tls(); }});
    ApiClientOptions options;
    options.requests_per_second = 0;
    client_ = MakeApiClient(*transport_, *credentials_, *clock_, options);
    ns_ = "kube-conformance-" + std::to_string(MakeRng(0)->Next() % 1'000'000);
    const auto created = client_->Create(
        resources::kNamespaces, "",
        json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns_}}}}.dump());
    ASSERT_TRUE(created.has_value()) << ToString(created.error());
  }
  void TearDown() override {
    if (client_ != nullptr) {
      static_cast<void>(client_->Delete({resources::kNamespaces, "", ns_}));
    }
  }

  json ConfigMap(const std::string& name, const json& data) const {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}, {"namespace", ns_}}},
            {"data", data}};
  }
  json Deployment(const std::string& name) const {
    return {{"apiVersion", "apps/v1"},
            {"kind", "Deployment"},
            {"metadata", {{"name", name}, {"namespace", ns_}}},
            {"spec",
             {{"replicas", 0},
              {"selector", {{"matchLabels", {{"app", name}}}}},
              {"template",
               {{"metadata", {{"labels", {{"app", name}}}}},
                {"spec",
                 {{"containers",
                   json::array({json{{"name", "c"}, {"image", "none.invalid/none"}}})}}}}}}}};
  }
  // The parsed body; the test ends if there is none.
  static json Must(const Result<std::string>& body) {
    if (!body) {
      throw std::runtime_error(ToString(body.error()));
    }
    return json::parse(*body);
  }
  std::string NewestVersion(const Resource& resource) {
    return Must(client_->List(resource, ns_))["metadata"]["resourceVersion"];
  }
  ObjectRef Ref(const Resource& resource, const std::string& name) const {
    return {resource, ns_, name};
  }

  const std::unique_ptr<Clock> clock_ = MakeRealClock();
  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<http::Transport> transport_;
  std::unique_ptr<ApiClient> client_;
  std::string ns_;
};

}  // namespace reliability::kube
