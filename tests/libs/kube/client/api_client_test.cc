#include "libs/kube/client/api_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "libs/kube/client/credentials.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace reliability::kube {
namespace {

class StubCredentials final : public Credentials {
 public:
  const std::string& server() const override { return server_; }
  const std::string& tls_server_name() const override { return name_; }
  const std::string& default_namespace() const override { return ns_; }
  std::string Token() const override { return invalidated ? "new" : "old"; }
  std::shared_ptr<const http::TlsMaterial> Tls() const override { return nullptr; }
  void Invalidate() const override { invalidated = true; }

  std::string server_ = "https://10.0.0.1:443";
  std::string name_ = "kubernetes.default.svc";
  std::string ns_ = "default";
  mutable bool invalidated = false;
};

class ApiClientTest : public testing::Test {
 protected:
  std::string HeaderOf(std::size_t request, const std::string& name) const {
    const auto requests = transport_.requests();
    for (const http::Header& header : requests.at(request).headers) {
      if (header.name == name) {
        return header.value;
      }
    }
    return "";
  }

  fakes::FakeClock clock_;
  fakes::FakeTransport transport_;
  StubCredentials credentials_;
  std::unique_ptr<ApiClient> client_ = MakeApiClient(transport_, credentials_, clock_);
  const ObjectRef pod_{resources::kPods, "shop", "web"};
};

TEST_F(ApiClientTest, AddsServerCredentialsAndLimits) {
  transport_.Answer(200, "{}");
  EXPECT_EQ(client_->Get(pod_).value(), "{}");
  const auto requests = transport_.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].url, "https://10.0.0.1:443/api/v1/namespaces/shop/pods/web");
  EXPECT_EQ(HeaderOf(0, "Authorization"), "Bearer old");
  EXPECT_EQ(HeaderOf(0, "Host"), "kubernetes.default.svc");
  EXPECT_EQ(HeaderOf(0, "Accept"), "application/json");
  EXPECT_EQ(HeaderOf(0, "User-Agent"), "agent-reliability-operator");
  EXPECT_EQ(HeaderOf(0, "Content-Type"), "");
  EXPECT_EQ(transport_.last_deadline(), Milliseconds(10'000));
  transport_.Answer(200, "{}");
  ListOptions page;
  page.limit = 500;
  EXPECT_TRUE(client_->List(resources::kPods, "", page).has_value());
  EXPECT_EQ(transport_.last_deadline(), Milliseconds(60'000));
  ApiRequest own = BuildGet(pod_);
  own.deadline = Milliseconds{1'500};
  transport_.Answer(200, "{}");
  EXPECT_TRUE(client_->Call(own).has_value());
  EXPECT_EQ(transport_.last_deadline(), Milliseconds(1'500));
}

TEST_F(ApiClientTest, EveryVerbIsSent) {
  for (int i = 0; i < 7; ++i) {
    transport_.Answer(200, "{}");
  }
  EXPECT_TRUE(client_->Create(resources::kPods, "shop", "{}").has_value());
  EXPECT_TRUE(client_->Replace(pod_, "{}").has_value());
  EXPECT_TRUE(client_->Delete(pod_).has_value());
  EXPECT_TRUE(client_->MergePatch(pod_, "{}").has_value());
  EXPECT_TRUE(client_->JsonPatch(pod_, "[]").has_value());
  EXPECT_TRUE(client_->Apply(pod_, "{}", {Subresource::kNone, "m", false, false}).has_value());
  EXPECT_TRUE(client_->Scale({resources::kDeployments, "shop", "a"}, 2).has_value());
  std::vector<std::string> methods;
  for (const auto& request : transport_.requests()) {
    methods.push_back(request.method);
  }
  EXPECT_EQ(methods, (std::vector<std::string>{"POST", "PUT", "DELETE", "PATCH", "PATCH", "PATCH",
                                               "PATCH"}));
  EXPECT_EQ(HeaderOf(5, "Content-Type"), "application/apply-patch+yaml");
  const auto refused = client_->Apply(pod_, "{}", {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kInvalid);
}

TEST_F(ApiClientTest, ErrorsAreTypedAndNameTheRequest) {
  transport_.Answer(409, R"({"message":"modified","reason":"Conflict","code":409})");
  const auto conflict = client_->MergePatch(pod_, "{}", {Subresource::kNone, "m", false, false});
  ASSERT_FALSE(conflict.has_value());
  EXPECT_EQ(conflict.error().code, Code::kConflict);
  EXPECT_EQ(conflict.error().reason, "Conflict");
  EXPECT_EQ(conflict.error().message, "PATCH /api/v1/namespaces/shop/pods/web: modified");
  transport_.Answer(429, "{}", {{"retry-after", "3"}});
  const auto slow = client_->Get(pod_);
  ASSERT_FALSE(slow.has_value());
  EXPECT_EQ(slow.error().code, Code::kExhausted);
  EXPECT_EQ(slow.error().retry_after, Milliseconds(3'000));
  EXPECT_EQ(transport_.requests().size(), 2U) << "a 429 is not retried here";
  transport_.Fail(Error{Code::kUnavailable, "refused", std::nullopt, {}});
  EXPECT_EQ(client_->Get(pod_).error().code, Code::kUnavailable);
}

TEST_F(ApiClientTest, ARotatedTokenIsReadOnce) {
  transport_.Answer(401, "{}");
  transport_.Answer(200, "{}");
  EXPECT_TRUE(client_->Get(pod_).has_value());
  EXPECT_EQ(HeaderOf(1, "Authorization"), "Bearer new");
  transport_.Answer(401, "{}");
  transport_.Answer(401, "{}");
  EXPECT_EQ(client_->Get(pod_).error().code, Code::kDenied);
  EXPECT_EQ(transport_.requests().size(), 4U);
}

TEST_F(ApiClientTest, WatchDecodesPiecesAndEnds) {
  transport_.AnswerStream({"{\"type\":\"ADDED\",\"obj", "ect\":{\"a\":1}}\n{\"type\":\"BOOK",
                           "MARK\",\"object\":{}}\n"});
  std::vector<WatchType> types;
  WatchOptions options;
  options.timeout = Milliseconds{300'000};
  const auto done =
      client_->Watch(BuildWatch(resources::kPods, "", options),
                     [&](const WatchEvent& event) { types.push_back(event.type); }, {});
  EXPECT_TRUE(done.has_value());
  EXPECT_EQ(types, (std::vector<WatchType>{WatchType::kAdded, WatchType::kBookmark}));
  EXPECT_EQ(transport_.last_deadline(), Milliseconds(330'000));
}

TEST_F(ApiClientTest, WatchErrorsOfEverySort) {
  const ApiRequest watch = BuildWatch(resources::kPods, "", {});
  const auto ignore = [](const WatchEvent&) {};
  transport_.Answer(410, R"({"code":410,"reason":"Gone","message":"m"})");
  EXPECT_EQ(client_->Watch(watch, ignore, {}).error().code, Code::kExpired);
  transport_.AnswerStream({R"({"type":"ERROR","object":{"code":410,"reason":"Expired"}})"
                           "\n"});
  EXPECT_EQ(client_->Watch(watch, ignore, {}).error().code, Code::kExpired);
  transport_.AnswerStream({"{\"type\":"});
  EXPECT_EQ(client_->Watch(watch, ignore, {}).error().code, Code::kUnavailable);
  transport_.AnswerStream({}, Error{Code::kTimeout, "idle", std::nullopt, {}});
  EXPECT_EQ(client_->Watch(watch, ignore, {}).error().code, Code::kTimeout);
  std::stop_source stop;
  stop.request_stop();
  transport_.AnswerStream({"x"});
  EXPECT_EQ(client_->Watch(watch, ignore, stop.get_token()).error().code, Code::kCancelled);
}

TEST_F(ApiClientTest, RateLimitWaitsOnTheClock) {
  ApiClientOptions options;
  options.requests_per_second = 10;
  options.burst = 1;
  int answers = 0;
  options.on_answer = [&](std::string_view, int status, Milliseconds) {
    answers += status == 200 ? 1 : 0;
  };
  const auto limited = MakeApiClient(transport_, credentials_, clock_, options);
  transport_.Answer(200, "{}");
  transport_.Answer(200, "{}");
  EXPECT_TRUE(limited->Get(pod_).has_value());
  std::jthread second([&] { EXPECT_TRUE(limited->Get(pod_).has_value()); });
  clock_.AwaitWaiters(1);
  EXPECT_EQ(transport_.requests().size(), 1U);
  clock_.Advance(Milliseconds{100});
  second.join();
  EXPECT_EQ(transport_.requests().size(), 2U);
  EXPECT_EQ(answers, 2);
}

}  // namespace
}  // namespace reliability::kube
