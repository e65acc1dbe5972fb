// What Enforce does to an answer, and Observe only counts: each case is played in both modes.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/component/proxy_fixture.h"
#include "tests/component/streams.h"

namespace reliability::component {
namespace {

constexpr const char* kOpenAi = "/llm/openai/v1/chat/completions";
constexpr const char* kMcp = "/mcp/orders";
constexpr const char* kBroken = "data: {\"broken\n\n";

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

FakeUpstream::Script Status(int status, std::string body) {
  return [=](auto& c, const SeenRequest&) { c.Respond(status, "application/json", body); };
}

FakeUpstream::Script Stream(std::string events, bool cut = false) {
  return [=](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(events);
    if (cut) {
      c.Close();
    } else {
      c.Send("0\r\n\r\n");
    }
  };
}

// True: Enforce.
class Twins : public ProxyFixture, public testing::WithParamInterface<bool> {
 protected:
  static PolicyTweaks Tweaks() { return {.enforce = GetParam()}; }
  // openai, and what `more` adds to the chain.
  static PolicyTweaks Chained(const std::string& more) {
    PolicyTweaks tweaks = Tweaks();
    tweaks.chain = R"({"name":"c","tiers":[{"name":"first","upstream":"openai"}])" + more + "}";
    return tweaks;
  }
  static PolicyTweaks WithSecond(const FakeUpstream& second, const std::string& more) {
    PolicyTweaks tweaks = Tweaks();
    tweaks.more_upstreams =
        R"(,{"kind":"LLM","name":"backup","format":"OpenAI","url":")" + second.url() + "/v1\"}";
    tweaks.chain =
        R"({"name":"c","stickyMs":0,"tiers":[{"name":"first","upstream":"openai"},)"
        R"({"name":"second","upstream":"backup","model":"small","credential":"/etc/hostname"}])" +
        more + "}";
    return tweaks;
  }
  static void ShortTurn(PolicyTweaks& tweaks) {
    tweaks.turn_ms = 600;
    tweaks.reserve_ms = 100;
    tweaks.llm_ms = 600;
    tweaks.tool_ms = 600;
    tweaks.first_token_ms = 600;
  }
  // It was done, or only counted; nothing else was.
  void ExpectOnly(const std::string& action, double times = 1) {
    const std::string mine = GetParam() ? "interventions_total" : "would_intervene_total";
    EXPECT_TRUE(AwaitMetric(Series(mine, action), times));
    for (const char* each : {"template", "dropped_event", "stream_end", "stream_error", "notice",
                             "restart", "tool_error", "error_answer"}) {
      for (const char* family : {"interventions_total", "would_intervene_total"}) {
        if (family != mine || each != action) {
          EXPECT_EQ(Metric(Series(family, each)), 0) << family << " " << each;
        }
      }
    }
  }
  static std::string Series(const std::string& family, const std::string& action) {
    return "agent_reliability_" + family + "{action=\"" + action + "\"}";
  }
  std::atomic<bool> go_{false};
};

TEST_P(Twins, ATemplateInPlaceOfAFailure) {
  FakeUpstream upstream(Status(503, R"({"error":{"message":"x"}})"));
  Start(MakePolicy(upstream.url(),
                   Chained(R"(,"terminal":{"type":"StaticResponse","text":"sorry"})")));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, GetParam() ? 200 : 503);
  EXPECT_EQ(Has(answer.body, "sorry"), GetParam());
  ExpectOnly("template");
}

TEST_P(Twins, ATemplateInPlaceOfAPlaceThatIsAway) {
  ClosedPort away;
  Start(MakePolicy(away.url(), Chained(R"(,"terminal":{"type":"StaticResponse","text":"sorry"})")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, GetParam() ? 200 : 502);
  ExpectOnly("template");
}

TEST_P(Twins, AnotherTierComesBeforeTheTemplate) {
  FakeUpstream first(Status(503, R"({"error":{"message":"x"}})"));
  FakeUpstream second(Status(200, kChatAnswer));
  Start(MakePolicy(first.url(),
                   WithSecond(second, R"(,"terminal":{"type":"StaticResponse","text":"sorry"})")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, GetParam() ? 200 : 503);
  EXPECT_TRUE(AwaitMetric(std::string("agent_reliability_") + (GetParam() ? "" : "would_") +
                              R"(fallback_total{class="server_error"})",
                          1));
  ExpectOnly("template", 0);
}

TEST_P(Twins, DroppedEvents) {
  FakeUpstream upstream(
      Stream(Token("a") + kBroken + Token("b") + kBroken + kStopEvent + kDoneEvent));
  Start(MakePolicy(upstream.url(), Tweaks()));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_TRUE(answer.complete);
  EXPECT_NE(Has(answer.body, kBroken), GetParam());
  ExpectOnly("dropped_event", 2);
}

TEST_P(Twins, TheEndThatAWholeStreamLacks) {
  FakeUpstream upstream(Stream(Token("a") + kStopEvent));
  Start(MakePolicy(upstream.url(), Tweaks()));
  Agent agent(port());
  EXPECT_EQ(Has(agent.Post(kOpenAi, Chat("hi", true)).body, "[DONE]"), GetParam());
  ExpectOnly("stream_end");
}

TEST_P(Twins, TheEndThatAWholeStreamLacksAsItWasCut) {
  FakeUpstream upstream(Stream(Token("a") + kStopEvent, true));
  Start(MakePolicy(upstream.url(), Tweaks()));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
  EXPECT_EQ(Has(answer.body, "[DONE]"), GetParam());
  EXPECT_EQ(answer.complete, GetParam());
  ExpectOnly("stream_end");
}

TEST_P(Twins, TheErrorThatEndsABrokenStream) {
  for (const bool cut : {true, false}) {
    FakeUpstream upstream(Stream(Token("a"), cut));
    if (cut) {
      Start(MakePolicy(upstream.url(), Tweaks()));
    } else {
      Load(MakePolicy(upstream.url(), Tweaks()));
    }
    Agent agent(port());
    const Answer answer = agent.Post(kOpenAi, Chat("hi", true));
    EXPECT_EQ(Has(answer.body, "stream_truncated"), GetParam()) << answer.body;
    ExpectOnly("stream_error", cut ? 1 : 2);
  }
}

TEST_P(Twins, AStreamThatBreaksBeforeItsContentWouldBeRepeatedInstead) {
  FakeUpstream upstream(Stream(": ping\n\n", true));
  PolicyTweaks tweaks = Tweaks();
  tweaks.max_retries = 1;
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  (void)agent.Post(kOpenAi, Chat("hi", true));
  if (GetParam()) {
    ExpectOnly("stream_error");  // of the retry, which nothing can follow
  } else {
    EXPECT_TRUE(AwaitMetric(R"(agent_reliability_would_retry_total{class="stream_truncated"})", 1));
    ExpectOnly("stream_error", 0);
  }
}

TEST_P(Twins, TheNoticeAtTheTurnsDeadline) {
  const std::stop_source stop;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    while (!go_) {
      clock_->WaitFor(Milliseconds{5}, stop.get_token());
    }
    c.Chunk(std::string(kStopEvent) + kDoneEvent);
    c.Send("0\r\n\r\n");
  });
  PolicyTweaks tweaks = Tweaks();
  ShortTurn(tweaks);
  tweaks.turn = R"(,"onStreamDeadline":"EndWithNotice")";
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  ExpectOnly("notice");
  go_ = true;
  const Answer answer = agent.Read();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(Has(answer.body, "unfinished"), GetParam()) << answer.body;
}

TEST_P(Twins, AnErrorAtTheTurnsDeadline) {
  const std::stop_source stop;
  FakeUpstream upstream([&](auto& c, const SeenRequest&) {
    c.Send(kEventStreamHead);
    c.Chunk(Token("a"));
    while (!go_) {
      clock_->WaitFor(Milliseconds{5}, stop.get_token());
    }
    c.Close();
  });
  PolicyTweaks tweaks = Tweaks();
  ShortTurn(tweaks);
  Start(MakePolicy(upstream.url(), tweaks));
  Agent agent(port());
  agent.SendPost(kOpenAi, Chat("hi", true));
  ExpectOnly("stream_error");
  go_ = true;
  EXPECT_EQ(Has(agent.Read().body, "deadline_exceeded"), GetParam());
  ExpectOnly("stream_error");  // once
  EXPECT_EQ(Metric(R"(agent_reliability_would_reject_total{class="deadline_exceeded"})"),
            GetParam() ? 0 : 1);
}

TEST_P(Twins, AnotherTierGoesOnWithABrokenStream) {
  FakeUpstream first(Words(6, 4));
  FakeUpstream second(Words(6));
  Start(
      MakePolicy(first.url(), WithSecond(second, R"(,"onMidStreamFailure":"RestartIfOnlyText")")));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi", true)).complete, GetParam());
  ExpectOnly("restart");
  EXPECT_EQ(Metric(std::string("agent_reliability_") + (GetParam() ? "" : "would_") +
                   R"(fallback_total{class="stream_truncated"})"),
            1);
}

TEST_P(Twins, AFailedToolBecomesAResult) {
  FakeUpstream upstream(Status(503, "down"));
  Start(MakePolicy(upstream.url(), Tweaks()));
  Agent agent(port());
  const Answer answer = agent.Post(kMcp, ToolCall("search"));
  EXPECT_EQ(answer.status, GetParam() ? 200 : 503);
  EXPECT_EQ(Has(answer.body, "isError"), GetParam());
  ExpectOnly("tool_error");
}

TEST_P(Twins, AToolThatIsAwayBecomesAResult) {
  ClosedPort away;
  Start(MakePolicy(away.url(), Tweaks()));
  Agent agent(port());
  const Answer answer = agent.Post(kMcp, ToolCall("search"));
  EXPECT_EQ(Has(answer.body, "isError"), GetParam()) << answer.body;
  ExpectOnly("tool_error");
}

TEST_P(Twins, ABrokenAnswerBecomesAnError) {
  FakeUpstream upstream(Status(200, "{\"id\":"));
  Start(MakePolicy(upstream.url(), Tweaks()));
  Agent agent(port());
  const Answer answer = agent.Post(kOpenAi, Chat("hi"));
  EXPECT_EQ(answer.status, GetParam() ? 502 : 200);
  ExpectOnly("error_answer");
}

TEST_P(Twins, AGoodCallCountsNothing) {
  FakeUpstream upstream(Status(200, kChatAnswer));
  Start(MakePolicy(upstream.url(), Tweaks()));
  Agent agent(port());
  EXPECT_EQ(agent.Post(kOpenAi, Chat("hi")).status, 200);
  upstream.SetScript(Words(3));
  EXPECT_TRUE(agent.Post(kOpenAi, Chat("hi", true)).complete);
  EXPECT_TRUE(AwaitCounts(kTasks, 2, 0));
  ExpectOnly("template", 0);
}

INSTANTIATE_TEST_SUITE_P(Modes, Twins, testing::Bool(),
                         [](const auto& mode) { return mode.param ? "Enforce" : "Observe"; });

}  // namespace
}  // namespace reliability::component
