#pragma once
// A proxy in this process, in front of a fake upstream: real sockets, real loop, real policy.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "libs/base/clock.h"
#include "libs/net/resolver.h"
#include "sidecar/config/config_loader.h"
#include "sidecar/proxy/decisions.h"
#include "sidecar/proxy/worker.h"
#include "tests/component/agent.h"
#include "tests/component/fake_upstream.h"

namespace reliability::component {

struct PolicyTweaks {
  bool enforce = true;
  int turn_ms = 15000;
  int reserve_ms = 3000;
  int llm_ms = 10000;
  int tool_ms = 5000;
  int connect_ms = 1000;
  int first_token_ms = 8000;
  int idle_ms = 5000;
  std::string ca_file = {};
  std::string breakers = "[]";  // JSON
  int max_retries = 0;
  int retry_after_max_ms = 3000;
  int backoff_ms = 20;
  std::string more_upstreams = {};  // JSON with a leading comma
  std::string chain = {};           // JSON of fallbackChain
  std::string retries = {};         // more fields of `retries`, JSON with a leading comma
  std::string cost = {};            // `cost` and `prices`, JSON with a leading comma
  std::string turn = {};            // likewise of `turn`
  std::string timeouts = {};        // likewise of `timeouts`
  std::string more = {};            // likewise of the document
};

// Routes openai (/v1), claude, orders (/mcp), shop (/shop) at `url`; SLOs tasks, tools, lenient,
// strict.
[[nodiscard]] std::string MakePolicy(const std::string& url, const PolicyTweaks& tweaks = {});
// A breaker of scope Tool, Provider or Model that opens after `failures` in a row.
[[nodiscard]] std::string MakeBreaker(const std::string& scope, int failures, int open_for_ms);

class ProxyFixture : public testing::Test {
 protected:
  // `names`: in place of DNS. `time`: the proxy's, in place of the real one; outlives the fixture.
  explicit ProxyFixture(std::unique_ptr<net::NameSource> names = nullptr,
                        const Clock* time = nullptr);
  ~ProxyFixture() override;
  // Starts the proxy with this policy.
  void Start(const std::string& policy, int workers = 1, sidecar::proxy::AgentLimits limits = {});
  // Loads another one while it runs.
  void Load(const std::string& policy);
  void Order(const std::string& mode_json);
  [[nodiscard]] std::uint16_t port() const { return workers_.front()->port(); }
  [[nodiscard]] sidecar_config::SloCounts Counts(const std::string& key) const;
  // Until the counts are these; false after 10 s.
  [[nodiscard]] bool AwaitCounts(const std::string& key, std::uint64_t good, std::uint64_t bad);
  [[nodiscard]] double Metric(const std::string& series) const;
  [[nodiscard]] bool AwaitMetric(const std::string& series, double value);
  void DrainAll();  // and waits until it is done

  const std::unique_ptr<Clock> clock_ = MakeRealClock();
  const Clock& time_;  // the proxy's
  sidecar::telemetry::Metrics metrics_;
  net::Resolver resolver_;
  sidecar::proxy::Decisions decisions_{time_, metrics_, MakeRng(1), "pod-1",
                                       sidecar::telemetry::Ledger("pod-1", "e1", {})};
  sidecar::proxy::RenamedCalls renamed_;
  std::vector<std::unique_ptr<sidecar::proxy::Worker>> workers_;
  sidecar::config::SnapshotPtr snapshot_;  // the newest
  bool load_tls_ = true;                   // with each policy
};

inline constexpr const char* kTasks = "tasks/1";
inline constexpr const char* kTools = "tools/1";
// TaskSuccess with degradedIs Good and Bad.
inline constexpr const char* kLenient = "lenient/1";
inline constexpr const char* kStrict = "strict/1";

// Bodies.
[[nodiscard]] std::string Chat(const std::string& text, bool stream = false);
[[nodiscard]] std::string ToolCall(const std::string& tool, int id = 1);
inline constexpr const char* kChatAnswer =
    R"({"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":)"
    R"({"role":"assistant","content":"hi"},"finish_reason":"stop"}]})";
inline constexpr const char* kEventStreamHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
[[nodiscard]] std::string Token(const std::string& text);  // an OpenAI chunk event
inline constexpr const char* kStopEvent =
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},"
    "\"finish_reason\":\"stop\"}]}\n\n";
inline constexpr const char* kDoneEvent = "data: [DONE]\n\n";

}  // namespace reliability::component
