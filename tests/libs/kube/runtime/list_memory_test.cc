// 10,000 custom resources of 3 KB, listed in pages of 500 through the real transport over loopback,
// must not need more than 60 MB at the peak.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "libs/base/sanitizers.h"
#include "libs/base/strings.h"
#include "libs/http/cpprest_transport.h"
#include "libs/kube/client/api_client.h"
#include "libs/kube/client/credentials.h"
#include "libs/kube/runtime/reflector.h"
#include "tests/fakes/loopback_server.h"

namespace reliability::kube {
namespace {

constexpr int kObjects = 10'000;
constexpr double kLimitMb = 60;

// What a typed resource of ours keeps: identity, a few texts and numbers.
struct Slo {
  std::string ns;
  std::string name;
  std::string uid;
  std::string target;
  std::string objective;
  std::string window;
  std::vector<std::string> tools;
};

Result<Slo> Decode(std::string_view raw) {
  thread_local simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  const simdjson::padded_string_view text(raw.data(), raw.size(), raw.size() + 64);
  Slo out;
  std::string_view name;
  std::string_view ns;
  std::string_view uid;
  std::string_view objective;
  simdjson::ondemand::array tools;
  if (parser.iterate(text).get(document) != simdjson::SUCCESS ||
      document["metadata"]["name"].get_string().get(name) != simdjson::SUCCESS ||
      document["metadata"]["namespace"].get_string().get(ns) != simdjson::SUCCESS ||
      document["metadata"]["uid"].get_string().get(uid) != simdjson::SUCCESS ||
      document["spec"]["objective"].get_string().get(objective) != simdjson::SUCCESS ||
      document["spec"]["tools"].get_array().get(tools) != simdjson::SUCCESS) {
    return Fail(Code::kInvalid, "unreadable");
  }
  out.name = name;
  out.ns = ns;
  out.uid = uid;
  out.objective = objective;
  out.target = "Deployment/agent-with-a-name-that-is-long-enough";
  out.window = "28d";
  for (auto tool : tools) {
    std::string_view value;
    if (tool.get_string().get(value) == simdjson::SUCCESS) {
      out.tools.emplace_back(value);
    }
  }
  return out;
}

std::string Item(int index) {
  const std::string number = std::to_string(1'000'000 + index);
  std::string item = R"({"apiVersion":"agentreliability.dev/v1alpha1","kind":"AgentSLO",)"
                     R"("metadata":{"name":"slo-)" +
                     number + R"(","namespace":"shop","uid":"00000000-0000-0000-0000-00000)" +
                     number + R"(","resourceVersion":")" + number +
                     R"(","managedFields":[{"manager":")" + std::string(1'400, 'm') +
                     R"("}]},"spec":{"objective":"99.5","tools":[)";
  for (int tool = 0; tool < 4; ++tool) {
    item += (tool > 0 ? ",\"search-tool-number-" : "\"search-tool-number-") + std::to_string(tool) +
            "\"";
  }
  item += R"(],"notes":")";
  return item + std::string(3'000 - item.size() - 3, 'x') + "\"}}";
}

double PeakMb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return std::stod(line.substr(6)) / 1024.0;
    }
  }
  return 0;
}

class LoopbackCredentials final : public Credentials {
 public:
  explicit LoopbackCredentials(std::string server) : server_(std::move(server)) {}
  const std::string& server() const override { return server_; }
  const std::string& tls_server_name() const override { return empty_; }
  const std::string& default_namespace() const override { return empty_; }
  std::string Token() const override { return "t"; }
  std::shared_ptr<const http::TlsMaterial> Tls() const override { return nullptr; }
  void Invalidate() const override {}

 private:
  const std::string server_;
  const std::string empty_;
};

TEST(ListMemory, TenThousandResourcesOfThreeKilobytes) {
  http::InitPool(8);
  std::atomic<int> pages{0};
  fakes::LoopbackServer server([&](fakes::LoopbackPeer& peer) {
    if (peer.head.find("watch=true") != std::string::npos) {
      peer.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      peer.AwaitClose();
      return;
    }
    int from = 0;
    if (const auto at = peer.head.find("continue="); at != std::string::npos) {
      from = std::stoi(peer.head.substr(at + 9));
    }
    ASSERT_NE(peer.head.find("limit=500"), std::string::npos);
    const int to = std::min(kObjects, from + 500);
    std::string body = R"({"kind":"AgentSLOList","apiVersion":"agentreliability.dev/v1alpha1",)"
                       R"("metadata":{"resourceVersion":"7")";
    body += to < kObjects ? ",\"continue\":\"" + std::to_string(to) + "\"}" : "}";
    body += ",\"items\":[";
    for (int i = from; i < to; ++i) {
      body += (i > from ? "," : "") + Item(i);
    }
    ++pages;
    peer.Answer(200, body + "]}");
  });
  const auto transport = http::MakeCpprestTransport({});
  const LoopbackCredentials credentials(server.url());
  const auto clock = MakeRealClock();
  const auto client = MakeApiClient(*transport, credentials, *clock);
  Store<Slo> store;
  ReflectorOptions options;
  options.resource = resources::kAgentSlos;
  const double before = PeakMb();
  const MonotonicTime start = clock->MonotonicNow();
  Reflector<Slo> reflector(*client, *clock, store, Decode, options);
  reflector.Start();
  ASSERT_TRUE(reflector.WaitSynced(Milliseconds{60'000}));
  const auto took = (clock->MonotonicNow() - start).count();
  const double growth = PeakMb() - before;
  reflector.Stop();
  EXPECT_EQ(store.size(), static_cast<std::size_t>(kObjects));
  EXPECT_EQ(pages, 20);
  EXPECT_EQ(reflector.Stats().decode_failures, 0U);
  std::printf("10,000 resources of %zu bytes: peak +%.1f MB (limit %.0f), %lld ms\n",
              Item(0).size(), growth, kLimitMb, static_cast<long long>(took));
#if !defined(RELIABILITY_SANITIZED)
  EXPECT_LE(growth, kLimitMb);
#endif
}

}  // namespace
}  // namespace reliability::kube
