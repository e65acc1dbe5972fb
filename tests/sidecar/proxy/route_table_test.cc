#include "sidecar/proxy/route_table.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace reliability::sidecar::proxy {
namespace {

using sidecar_config::LlmFormat;
using sidecar_config::PolicyDocument;
using sidecar_config::Upstream;
using sidecar_config::UpstreamKind;

Upstream Make(UpstreamKind kind, const char* name, const char* url,
              LlmFormat format = LlmFormat::kOpenAI) {
  return {.kind = kind, .name = name, .format = format, .url = url, .ca_file = {}};
}

Result<RouteTable> Build(const PolicyDocument& policy,
                         std::map<std::string, std::string> variables = {}) {
  return RouteTable::Build(
      policy,
      [variables](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string{} : found->second;
      },
      [](const std::string&) -> Result<std::shared_ptr<const net::TlsContext>> {
        return std::shared_ptr<const net::TlsContext>{};
      });
}

TEST(RouteTable, WhereRequestsGo) {
  PolicyDocument policy;
  policy.upstreams = {
      Make(UpstreamKind::kLlm, "openai", "http://llm:8080/v1"),
      Make(UpstreamKind::kLlm, "claude", "https://api.anthropic.com", LlmFormat::kAnthropic),
      Make(UpstreamKind::kLlm, "claude2", "https://api.anthropic.com/v1/", LlmFormat::kAnthropic),
      Make(UpstreamKind::kMcp, "orders", "http://orders:8080/mcp"),
      Make(UpstreamKind::kHttp, "shop", "http://shop/api"),
      Make(UpstreamKind::kHttp, "root", "http://root"),
  };
  const auto table = Build(policy);
  ASSERT_TRUE(table.has_value()) << table.error().message;
  const struct {
    const char* path;
    const char* name;
    const char* upstream_path;
  } cases[] = {
      {"/llm/openai/v1/chat/completions", "openai", "/v1/chat/completions"},
      {"/llm/openai/chat/completions", "openai", "/v1/chat/completions"},
      {"/llm/openai/v1/v1/chat/completions", "openai", "/v1/chat/completions"},
      {"/llm/openai/v1", "openai", "/v1"},
      {"/llm/openai/v1beta/models", "openai", "/v1/v1beta/models"},
      {"/llm/claude/v1/messages", "claude", "/v1/messages"},
      {"/llm/claude/messages", "claude", "/v1/messages"},
      {"/llm/claude2/v1/messages", "claude2", "/v1/messages"},
      {"/mcp/orders", "orders", "/mcp"},
      {"/mcp/orders/", "orders", "/mcp/"},
      {"/mcp/orders/sse", "orders", "/mcp/sse"},
      {"/tools/shop/items/5", "shop", "/api/items/5"},
      {"/tools/root", "root", "/"},
      {"/tools/root/x", "root", "/x"},
      {"/.well-known/oauth-protected-resource/mcp/orders", "orders",
       "/.well-known/oauth-protected-resource/mcp"},
  };
  for (const auto& c : cases) {
    const auto match = table->Match(c.path);
    ASSERT_TRUE(match.has_value()) << c.path;
    EXPECT_EQ(match->route->name, c.name) << c.path;
    EXPECT_EQ(match->path, c.upstream_path) << c.path;
  }
  for (const char* path : {"/", "/llm", "/llm/", "/llm/other/v1/x", "/mcp/openai", "/tools/orders",
                           "/v1/chat/completions", "/.well-known/oauth-authorization-server",
                           "/.well-known/oauth-protected-resource/mcp/other"}) {
    EXPECT_FALSE(table->Match(path).has_value()) << path;
  }
}

TEST(RouteTable, AnLlmWithoutUrlTakesTheAgentsOwn) {
  PolicyDocument policy;
  policy.upstreams = {Make(UpstreamKind::kLlm, "open-ai.eu", "")};
  EXPECT_EQ(UpstreamVariable("open-ai.eu"), "AGENT_RELIABILITY_UPSTREAM_OPEN_AI_EU");
  const auto without = Build(policy);
  ASSERT_TRUE(without.has_value());
  EXPECT_FALSE(without->routes().front().configured);
  const auto with = Build(policy, {{"AGENT_RELIABILITY_UPSTREAM_OPEN_AI_EU", "http://gw/v1"}});
  ASSERT_TRUE(with.has_value());
  EXPECT_TRUE(with->routes().front().configured);
  EXPECT_EQ(with->routes().front().url.host, "gw");
}

TEST(RouteTable, NamesTheFieldThatIsWrong) {
  PolicyDocument policy;
  policy.upstreams = {Make(UpstreamKind::kMcp, "a", "http://a"),
                      Make(UpstreamKind::kMcp, "b", "gopher://b")};
  const auto table = Build(policy);
  ASSERT_FALSE(table.has_value());
  EXPECT_TRUE(table.error().message.starts_with("upstreams[1].url: ")) << table.error().message;
}

}  // namespace
}  // namespace reliability::sidecar::proxy
