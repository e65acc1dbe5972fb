// For which later places of a chain a call keeps the turn's reserve: only those that could take it.
// data-plane ruling 5. Time stands still, so what upstreams learn of it is exact.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>

#include "tests/component/stopped_time.h"

namespace reliability::component {
namespace {

constexpr const char* kChat = "/llm/openai/v1/chat/completions";
constexpr const char* kClaudeAnswer =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[)"
    R"({"type":"text","text":"hello"}],"stop_reason":"end_turn",)"
    R"("usage":{"input_tokens":3,"output_tokens":2}})";
constexpr int kTurn = 15000;
constexpr int kKept = 12000;                      // the turn less its reserve
constexpr int kSpent = 14800;                     // less what our own answer needs
constexpr const char* kTwoAnswers = R"(,"n":2)";  // there is no such thing at Anthropic

std::string Ask(const std::string& more = {}) {
  return R"({"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}])" + more + "}";
}

FakeUpstream::Script Status(int status, std::string body, std::string headers = {}) {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, "application/json", body, headers); };
}

class KeyFile {
 public:
  KeyFile() : path_(testing::TempDir() + "reserve-key-" + std::to_string(::getpid())) {
    std::ofstream(path_) << "key-of-tier\n";
  }
  ~KeyFile() { std::remove(path_.c_str()); }
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

// openai at `first`; behind it a tier of format Anthropic, and where `third` is set one of
// OpenAI's.
PolicyTweaks Tweaks(const KeyFile& key, const FakeUpstream& second,
                    const FakeUpstream* third = nullptr) {
  PolicyTweaks tweaks;
  tweaks.turn_ms = kTurn;
  tweaks.reserve_ms = kTurn - kKept;
  tweaks.llm_ms = kTurn;
  tweaks.more_upstreams =
      R"(,{"kind":"LLM","name":"backup","format":"Anthropic","url":")" + second.url() + "\"}";
  std::string tiers = R"({"name":"first","upstream":"openai"},{"name":"second",)"
                      R"("upstream":"backup","model":"claude-3-5-haiku-20241022","credential":")" +
                      key.path() + "\"}";
  if (third != nullptr) {
    tweaks.more_upstreams +=
        R"(,{"kind":"LLM","name":"other","format":"OpenAI","url":")" + third->url() + "/v1\"}";
    tiers += R"(,{"name":"third","upstream":"other","model":"small","credential":")" + key.path() +
             "\"}";
  }
  tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[)" + tiers + "]}";
  return tweaks;
}

class ChainReserve : public StoppedTime {
 protected:
  // What the agent's own upstream learns of its time in a turn that has just begun.
  int LimitOf(const std::string& body) {
    const std::size_t before = first_.count();
    Agent agent(port());
    EXPECT_EQ(agent.Post(kChat, body).status, 200);
    EXPECT_EQ(first_.count(), before + 1);
    return std::stoi(first_.seen().back().headers.at("x-agent-deadline-ms"));
  }

  const KeyFile key_;
  FakeUpstream first_{Status(200, kChatAnswer)};
  FakeUpstream second_{Status(200, kClaudeAnswer)};
};

TEST_F(ChainReserve, ATierThatCouldTakeTheCallHasItsTimeKept) {
  Start(MakePolicy(first_.url(), Tweaks(key_, second_)));
  EXPECT_EQ(LimitOf(Ask()), kKept);
}

TEST_F(ChainReserve, NotOneWithoutWordsForTheRequest) {
  Start(MakePolicy(first_.url(), Tweaks(key_, second_)));
  EXPECT_EQ(LimitOf(Ask(kTwoAnswers)), kSpent);
}

TEST_F(ChainReserve, AnotherOneBehindItCounts) {
  FakeUpstream third(Status(200, kChatAnswer));
  Start(MakePolicy(first_.url(), Tweaks(key_, second_, &third)));
  EXPECT_EQ(LimitOf(Ask(kTwoAnswers)), kKept);
}

TEST_F(ChainReserve, NotOneWithoutItsKey) {
  auto tweaks = Tweaks(key_, second_);
  const std::size_t at = tweaks.chain.find(key_.path());
  tweaks.chain.replace(at, key_.path().size(), "/nowhere/key");
  Start(MakePolicy(first_.url(), tweaks));
  EXPECT_EQ(LimitOf(Ask()), kSpent);
}

TEST_F(ChainReserve, NotOneWhoseCircuitIsOpen) {
  auto tweaks = Tweaks(key_, second_);
  tweaks.breakers = "[" + MakeBreaker("Provider", 1, 60000) + "]";
  Start(MakePolicy(first_.url(), tweaks));
  second_.SetScript(Status(503, "{}"));
  Agent agent(port());
  // The agent may call that provider itself, too.
  (void)agent.Post("/llm/backup/v1/messages", Ask());
  EXPECT_EQ(second_.count(), 1U);
  EXPECT_EQ(LimitOf(Ask()), kSpent);
}

// The turn is left to it without a limit of its own, and another attempt fits.
TEST_F(ChainReserve, WhatIsNotKeptIsThereForARetry) {
  auto tweaks = Tweaks(key_, second_);
  tweaks.max_retries = 1;
  tweaks.backoff_ms = 1;
  tweaks.llm_ms = kKept;
  Start(MakePolicy(first_.url(), tweaks));
  std::atomic<int> calls{0};
  first_.SetScript([&](auto& c, const SeenRequest&) {
    if (calls++ == 0) {
      stopped_.Advance(Milliseconds{2000});
      c.Respond(503, "application/json", "{}");
    } else {
      c.Respond(200, "application/json", kChatAnswer);
    }
  });
  Agent agent(port());
  EXPECT_EQ(agent.Post(kChat, Ask(kTwoAnswers)).status, 200);
  ASSERT_EQ(first_.count(), 2U);
  EXPECT_EQ(std::stoi(first_.seen()[0].headers.at("x-agent-deadline-ms")), kKept);
  EXPECT_EQ(std::stoi(first_.seen()[1].headers.at("x-agent-deadline-ms")), kKept);
}

class ChainHold : public ProxyFixture {
 protected:
  const KeyFile key_;
};

TEST_F(ChainHold, ARateLimitIsWaitedForIfNobodyElseHasWordsForTheRequest) {
  std::atomic<int> calls{0};
  FakeUpstream first([&](auto& c, const SeenRequest&) {
    if (calls++ == 0) {
      c.Respond(429, "application/json", R"({"error":{"message":"slow"}})",
                "retry-after-ms: 400\r\n");
    } else {
      c.Respond(200, "application/json", kChatAnswer);
    }
  });
  FakeUpstream second(Status(200, kClaudeAnswer));
  auto tweaks = Tweaks(key_, second);
  tweaks.breakers = "[" + MakeBreaker("Provider", 5, 60000) + "]";
  Start(MakePolicy(first.url(), tweaks));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kChat, Ask(kTwoAnswers)).status, 429);
  EXPECT_EQ(agent.Post(kChat, Ask(kTwoAnswers)).status, 200);
  EXPECT_EQ(first.count(), 2U);
  EXPECT_EQ(second.count(), 0U);
}

}  // namespace
}  // namespace reliability::component
