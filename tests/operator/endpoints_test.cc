#include "operator/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace reliability::op {
namespace {

using testing::HasSubstr;

net::HttpRequest Request(const std::string& method, const std::string& path) {
  net::HttpRequest request;
  request.method = method;
  request.path = path;
  return request;
}

TEST(Metrics, AreText) {
  metrics::Registry registry;
  (void)registry.GetCounter("agent_reliability_x_total", "X.");
  const auto handler = MetricsHandler(registry);
  const auto response = handler(Request("GET", "/metrics"));
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, metrics::kTextContentType);
  EXPECT_THAT(response.body, HasSubstr("agent_reliability_x_total 0"));
  EXPECT_EQ(handler(Request("POST", "/metrics")).status, 405U);
  EXPECT_EQ(handler(Request("GET", "/")).status, 404U);
}

TEST(Health, ReadyOnlyWithoutAReasonAgainst) {
  std::string why = "no certificate loaded yet";
  const auto handler = HealthHandler([&why] { return why; });
  EXPECT_EQ(handler(Request("GET", "/healthz")).status, 200U);
  EXPECT_EQ(handler(Request("GET", "/readyz")).status, 503U);
  EXPECT_THAT(handler(Request("GET", "/readyz")).body, HasSubstr("no certificate"));
  why.clear();
  EXPECT_EQ(handler(Request("GET", "/readyz")).status, 200U);
  EXPECT_EQ(handler(Request("GET", "/")).status, 404U);
}

}  // namespace
}  // namespace reliability::op
