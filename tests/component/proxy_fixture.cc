#include "tests/component/proxy_fixture.h"

#include <signal.h>

#include <condition_variable>
#include <mutex>

#include "libs/base/strings.h"
#include "libs/net/dns_client.h"

namespace reliability::component {

std::string MakeBreaker(const std::string& scope, int failures, int open_for_ms) {
  return R"({"name":"b","scope":")" + scope + R"(","match":{},"trip":{"consecutiveFailures":)" +
         std::to_string(failures) +
         R"(,"failurePercent":0,"minCalls":5,"windowMs":60000},"openForMs":)" +
         std::to_string(open_for_ms) + R"(,"maxOpenForMs":300000,"halfOpen":{"maxProbes":1,)" +
         R"("successes":1}})";
}

std::string MakePolicy(const std::string& url, const PolicyTweaks& t) {
  const std::string ca = t.ca_file.empty() ? "" : R"(,"caFile":")" + t.ca_file + "\"";
  const auto number = [](const char* name, int value) {
    return "\"" + std::string(name) + "\":" + std::to_string(value);
  };
  return R"({"schema":"1.2","workload":"a/Deployment/b","enforcement":")" +
         std::string(t.enforce ? "Enforce" : "Observe") +
         R"(","upstreams":[{"kind":"LLM","name":"openai","format":"OpenAI","url":")" + url +
         "/v1\"" + ca + R"(},{"kind":"LLM","name":"claude","format":"Anthropic","url":")" + url +
         "\"" + ca + R"(},{"kind":"MCP","name":"orders","url":")" + url + "/mcp\"" + ca +
         R"(},{"kind":"HTTP","name":"shop","url":")" + url + "/shop\"" + ca + "}" +
         t.more_upstreams + "]," + (t.chain.empty() ? "" : R"("fallbackChain":)" + t.chain + ",") +
         R"("turn":{)" + number("timeoutMs", t.turn_ms) + "," +
         number("synthesisReserveMs", t.reserve_ms) + t.turn + R"(},"timeouts":{)" +
         number("llmMs", t.llm_ms) + "," + number("toolMs", t.tool_ms) + "," +
         number("connectMs", t.connect_ms) + "," + number("firstTokenMs", t.first_token_ms) + "," +
         number("streamIdleMs", t.idle_ms) + R"(,"toolOverrides":[])" + t.timeouts +
         R"(},"retries":{)" + number("maxRetries", t.max_retries) + R"(,"backoff":{)" +
         number("baseMs", t.backoff_ms) + "," + number("maxMs", 2000) + R"(},"retryAfter":{)" +
         number("maxMs", t.retry_after_max_ms) + "}" + t.retries + R"(},"circuitBreakers":)" +
         t.breakers + t.cost + t.more +
         R"(,"slos":[{"key":"tasks/1","name":"tasks","type":"TaskSuccess"},)" +
         R"({"key":"tools/1","name":"tools","type":"ToolCallSuccess"},)"
         R"({"key":"lenient/1","name":"lenient","type":"TaskSuccess","degradedIs":"Good"},)"
         R"({"key":"strict/1","name":"strict","type":"TaskSuccess","degradedIs":"Bad"}]})";
}

std::string Chat(const std::string& text, bool stream) {
  return R"({"model":"m","stream":)" + std::string(stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":)" + JsonString(text) + "}]}";
}

std::string ToolCall(const std::string& tool, int id) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) +
         R"(,"method":"tools/call","params":{"name":")" + tool + R"(","arguments":{"query":"1"}}})";
}

std::string Token(const std::string& text) {
  return R"(data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":)" +
         JsonString(text) + "},\"finish_reason\":null}]}\n\n";
}

ProxyFixture::ProxyFixture(std::unique_ptr<net::NameSource> names, const Clock* time)
    : time_(time != nullptr ? *time : *clock_),
      resolver_(time_,
                names != nullptr ? std::move(names) : std::make_unique<net::DnsClient>(time_)) {
  ::signal(SIGPIPE, SIG_IGN);  // as main.cc does
}
ProxyFixture::~ProxyFixture() { workers_.clear(); }

void ProxyFixture::Start(const std::string& policy, int workers,
                         sidecar::proxy::AgentLimits limits) {
  for (int i = 0; i < workers; ++i) {
    auto worker =
        std::make_unique<sidecar::proxy::Worker>(time_, resolver_, decisions_, renamed_, metrics_);
    worker->SetAgentLimits(limits);
    ASSERT_TRUE(
        worker->Listen("127.0.0.1", workers_.empty() ? std::uint16_t{0} : port(), workers > 1)
            .has_value());
    workers_.push_back(std::move(worker));
  }
  decisions_.OnEarlierWake([this](MonotonicTime at) { workers_.front()->HousekeepAt(at); });
  Load(policy);
  for (const auto& worker : workers_) {
    worker->Start();
  }
}

void ProxyFixture::Load(const std::string& policy) {
  const auto snapshot = sidecar::config::LoadPolicy(
      policy, "/", [](const std::string&) { return std::string{}; }, metrics_.registry());
  ASSERT_TRUE(snapshot.has_value()) << snapshot.error().message;
  if (load_tls_) {
    (*snapshot)->LoadTls();
  }
  snapshot_ = *snapshot;
  decisions_.Configure(*snapshot);
  for (const auto& worker : workers_) {
    worker->Use(*snapshot);
  }
}

void ProxyFixture::Order(const std::string& mode_json) {
  const auto document = sidecar::config::LoadMode(mode_json);
  ASSERT_TRUE(document.has_value()) << document.error().message;
  decisions_.ApplyMode(document->document, document->ignored_fields);
}

sidecar_config::SloCounts ProxyFixture::Counts(const std::string& key) const {
  const auto ledger = decisions_.LedgerView();
  const auto found = ledger.current.slos.find(key);
  return found == ledger.current.slos.end() ? sidecar_config::SloCounts{} : found->second;
}

bool ProxyFixture::AwaitCounts(const std::string& key, std::uint64_t good, std::uint64_t bad) {
  const sidecar_config::SloCounts wanted{.good = good, .bad = bad};
  const std::stop_source stop;
  for (int i = 0; i < 1000 && !(Counts(key) == wanted); ++i) {
    clock_->WaitFor(Milliseconds{10}, stop.get_token());
  }
  EXPECT_EQ(Counts(key).good, good);
  EXPECT_EQ(Counts(key).bad, bad);
  return Counts(key) == wanted;
}

bool ProxyFixture::AwaitMetric(const std::string& series, double value) {
  const std::stop_source stop;
  for (int i = 0; i < 1000 && Metric(series) != value; ++i) {
    clock_->WaitFor(Milliseconds{10}, stop.get_token());
  }
  EXPECT_EQ(Metric(series), value) << series;
  return Metric(series) == value;
}

double ProxyFixture::Metric(const std::string& series) const {
  const std::string text = metrics_.Text();
  const std::size_t at = text.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

void ProxyFixture::DrainAll() {
  std::mutex mutex;
  std::condition_variable done;
  std::size_t left = workers_.size();
  for (const auto& worker : workers_) {
    worker->Drain([&] {
      const std::lock_guard lock(mutex);
      --left;
      done.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  EXPECT_TRUE(done.wait_for(lock, std::chrono::seconds{20}, [&] { return left == 0; }));
}

}  // namespace reliability::component
