// Requests that refer to what one account of a provider has: they are sent to no other, even if it
// speaks the same API. data-plane rulings 36 and 37.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "tests/component/proxy_fixture.h"

namespace reliability::component {
namespace {

constexpr const char* kChat = "/llm/openai/v1/chat/completions";
constexpr const char* kResponses = "/llm/openai/v1/responses";
constexpr const char* kDown = R"({"error":{"message":"down"}})";
const std::string kPrevious = R"(,"previous_response_id":"resp_1")";
const std::string kThought = R"({"type":"reasoning","id":"rs_1","summary":[]})";
const std::string kUser = R"({"role":"user","content":"hi"})";
const std::string kToolResult =
    R"({"type":"function_call_output","call_id":"call_1","output":"1"})";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string Ask(const std::string& input, const std::string& more = {}) {
  return R"({"model":"m","input":[)" + input + "]" + more + "}";
}

std::string Answered(const std::string& id, const std::string& item) {
  return R"({"id":")" + id +
         R"(","object":"response","status":"completed","model":"m","output":[)" + item +
         R"(],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}})";
}

const std::string kWords =
    R"({"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[)"
    R"({"type":"output_text","text":"hello","annotations":[]}]})";
const std::string kToolCall =
    R"({"type":"function_call","id":"fc_1","call_id":"call_1","name":"search","arguments":"{}",)"
    R"("status":"completed"})";

FakeUpstream::Script Status(int status, std::string body) {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, "application/json", body); };
}

class ChainState : public ProxyFixture {
 protected:
  ChainState() : key_(testing::TempDir() + "state-key-" + std::to_string(::getpid())) {
    std::ofstream(key_) << "key-of-tier\n";
  }
  ~ChainState() override { std::remove(key_.c_str()); }

  // openai at `first_`, then another account at `second_`.
  PolicyTweaks Tweaks(const std::string& more = R"(,"stickyMs":0)") const {
    PolicyTweaks tweaks;
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + second_.url() + "/v1\"}";
    tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"},{"name":"second",)"
                   R"("upstream":"backup","model":"small","credential":")" +
                   key_ + "\"}]" + more + "}";
    return tweaks;
  }
  [[nodiscard]] double Skipped() const {
    return Metric(R"(agent_reliability_untranslatable_total{tier="second"})");
  }

  const std::string key_;
  FakeUpstream first_{Status(503, kDown)};
  FakeUpstream second_{Status(200, Answered("resp_2", kWords))};
};

TEST_F(ChainState, AnEarlierResponseIsNotAskedForInAnotherAccount) {
  Start(MakePolicy(first_.url(), Tweaks()));
  Agent agent(port());
  const Answer answer = agent.Post(kResponses, Ask(kUser, kPrevious));
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(Has(answer.body, "down")) << answer.body;
  EXPECT_EQ(second_.count(), 0U);
  EXPECT_EQ(Skipped(), 1);
  // The same words without it.
  EXPECT_EQ(agent.Post(kResponses, Ask(kUser)).headers.at("x-agent-served-by"), "second");
}

TEST_F(ChainState, NorIsAFileInAChat) {
  Start(MakePolicy(first_.url(), Tweaks()));
  Agent agent(port());
  const std::string body =
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"file","file":)"
      R"({"file_id":"file-1"}}]}]})";
  EXPECT_EQ(agent.Post(kChat, body).status, 503);
  EXPECT_EQ(second_.count(), 0U);
}

TEST_F(ChainState, AnotherModelOfTheSameAccountKnowsIt) {
  auto tweaks = Tweaks();
  tweaks.chain = R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
                 R"({"name":"second","upstream":"openai","model":"small"}]})";
  Start(MakePolicy(first_.url(), tweaks));
  first_.SetScript([](auto& c, const SeenRequest& request) {
    Has(request.body, "small") ? Status(200, Answered("resp_2", kWords))(c, request)
                               : Status(503, kDown)(c, request);
  });
  Agent agent(port());
  const Answer answer = agent.Post(kResponses, Ask(kThought + "," + kUser, kPrevious));
  EXPECT_EQ(answer.headers.at("x-agent-served-by"), "second");
  ASSERT_EQ(first_.count(), 2U);
  EXPECT_TRUE(Has(first_.seen()[1].body, kPrevious)) << first_.seen()[1].body;
  EXPECT_TRUE(Has(first_.seen()[1].body, kThought));
}

TEST_F(ChainState, ThoughtsStayWithWhoHadThem) {
  Start(MakePolicy(first_.url(), Tweaks()));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kResponses, Ask(kThought + "," + kUser)).status, 200);
  EXPECT_TRUE(Has(first_.seen()[0].body, kThought));
  ASSERT_EQ(second_.count(), 1U);
  EXPECT_EQ(second_.seen()[0].body, R"({"model":"small","input":[)" + kUser + "]}");
}

TEST_F(ChainState, InAToolLoopItIsTheAccountThatAskedForTheTools) {
  Start(MakePolicy(first_.url(), Tweaks()));
  second_.SetScript(Status(200, Answered("resp_2", kToolCall)));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kResponses, Ask(kUser)).status, 200);
  first_.SetScript(Status(200, Answered("resp_1", kWords)));
  second_.SetScript(Status(200, Answered("resp_3", kToolCall)));
  const std::string goes_on =
      Ask(kThought + "," + kToolResult, R"(,"previous_response_id":"resp_2")");
  EXPECT_EQ(agent.Post(kResponses, goes_on).headers.at("x-agent-served-by"), "second");
  ASSERT_EQ(second_.count(), 2U);
  EXPECT_TRUE(Has(second_.seen()[1].body, "resp_2")) << second_.seen()[1].body;
  EXPECT_TRUE(Has(second_.seen()[1].body, kThought));
  // The agent's own provider has never heard of it.
  second_.SetScript(Status(503, kDown));
  const std::string next = Ask(kToolResult, R"(,"previous_response_id":"resp_3")");
  EXPECT_EQ(agent.Post(kResponses, next).status, 503);
  EXPECT_EQ(second_.count(), 3U);
  EXPECT_EQ(first_.count(), 1U);
}

TEST_F(ChainState, AStandInIsNotAskedForWhatItNeverHad) {
  Start(MakePolicy(first_.url(), Tweaks(R"(,"stickyMs":60000)")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kResponses, Ask(kUser)).headers.at("x-agent-served-by"), "second");
  first_.SetScript(Status(200, Answered("resp_1", kWords)));
  EXPECT_EQ(agent.Post(kResponses, Ask(kUser)).headers.at("x-agent-served-by"), "second");
  EXPECT_EQ(agent.Post(kResponses, Ask(kUser, kPrevious)).headers.at("x-agent-served-by"), "first");
}

}  // namespace
}  // namespace reliability::component
