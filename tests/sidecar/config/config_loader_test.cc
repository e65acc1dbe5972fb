#include "sidecar/config/config_loader.h"

#include <gtest/gtest.h>

#include "libs/base/hash.h"
#include "tests/fakes/temp_folder.h"

namespace reliability::sidecar::config {
namespace {

std::string NoEnvironment(const std::string&) { return {}; }

TEST(ConfigLoader, MakesASnapshot) {
  metrics::Registry registry;
  const std::string text =
      R"({"schema":"1.0","workload":"a/Deployment/b","enforcement":"Enforce","upstreams":[)"
      R"({"kind":"MCP","name":"orders","url":"http://orders/mcp"}],)"
      R"("slos":[{"key":"k/1","name":"tasks","type":"TaskSuccess"}]})";
  const auto snapshot = LoadPolicy(text, "/", NoEnvironment, registry);
  ASSERT_TRUE(snapshot.has_value()) << snapshot.error().message;
  EXPECT_EQ((*snapshot)->hash, Sha256Hex(text));
  EXPECT_TRUE((*snapshot)->enforce());
  EXPECT_TRUE((*snapshot)->routes.Match("/mcp/orders").has_value());
  EXPECT_EQ((*snapshot)->slos.size(), 1U);
  // Every series is there from the start.
  EXPECT_NE(registry.Text().find(
                R"(agent_reliability_calls_total{kind="mcp",name="orders",result="success"} 0)"),
            std::string::npos)
      << registry.Text();
}

TEST(ConfigLoader, NamesWhatIsWrong) {
  metrics::Registry registry;
  const struct {
    const char* text;
    const char* path;
  } cases[] = {
      {R"({"schema":"2.0"})", "schema"},
      {R"({"schema":"1.0","surprise":1})", "surprise"},
      {R"({"schema":"1.0","upstreams":[{"kind":"MCP","name":"a","url":"nonsense"}]})",
       "upstreams[0].url"},
      {R"({"schema":"1.0","upstreams":[{"kind":"MCP","name":"a","url":"https://a","caFile":"/none"}]})",
       "upstreams[0].caFile"},
  };
  for (const auto& c : cases) {
    const auto snapshot = LoadPolicy(c.text, "/", NoEnvironment, registry);
    ASSERT_FALSE(snapshot.has_value()) << c.text;
    EXPECT_NE(snapshot.error().message.find(c.path), std::string::npos) << snapshot.error().message;
  }
}

TEST(ConfigLoader, ReadsDocuments) {
  const fakes::TempFolder folder;
  folder.Write("a.json", "{}");
  EXPECT_EQ(ReadDocument(folder / "a.json"), "{}");
  const auto none = ReadDocument(folder / "b.json");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Code::kNotFound);
  folder.Write("big.json", std::string((1U << 20U) + 1, ' '));
  EXPECT_FALSE(ReadDocument(folder / "big.json").has_value());
}

}  // namespace
}  // namespace reliability::sidecar::config
