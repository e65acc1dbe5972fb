#include "libs/net/dns_client.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "tests/fakes/fake_dns_server.h"
#include "tests/fakes/temp_folder.h"

namespace reliability::net {
namespace {

using fakes::DnsFault;
using fakes::FakeDnsServer;

constexpr int kA = FakeDnsServer::kA;
constexpr int kAaaa = FakeDnsServer::kAaaa;

// What a client answered; outlives it.
class Inbox {
 public:
  void Put(Result<NameAnswer> answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    changed_.notify_all();
  }
  [[nodiscard]] std::optional<Result<NameAnswer>> Take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds{30}, [&] { return !answers_.empty(); })) {
      return std::nullopt;
    }
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  [[nodiscard]] bool empty() {
    const std::lock_guard lock(mutex_);
    return answers_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Result<NameAnswer>> answers_;
};

class DnsClientTest : public testing::Test {
 protected:
  DnsClientTest() {
    folder_.Write("hosts", "127.0.0.9 printer\n");
    folder_.Write("resolv.conf", "nameserver 127.0.0.1\n");
    settings_.hosts = folder_ / "hosts";
    settings_.resolv_conf = folder_ / "resolv.conf";
    settings_.servers = server_.address();
    // However slow the machine is: what is answered is asked once.
    settings_.first_try = Milliseconds{20'000};
    settings_.other_family = Milliseconds{60'000};
  }
  DnsClient& client() {
    if (client_ == nullptr) {
      client_ = std::make_unique<DnsClient>(*clock_, settings_);
    }
    return *client_;
  }
  void Ask(const std::string& host) {
    client().Look(host, [this](Result<NameAnswer> answer) { inbox_.Put(std::move(answer)); });
  }
  Result<NameAnswer> Look(const std::string& host) {
    Ask(host);
    auto answer = inbox_.Take();
    return answer.has_value() ? std::move(*answer) : Fail(Code::kInternal, "no answer in 30 s");
  }
  // The addresses in words, or the error's code.
  std::string Found(const std::string& host) {
    const auto answer = Look(host);
    if (!answer.has_value()) {
      return std::string(CodeName(answer.error().code));
    }
    std::string text;
    for (const auto& address : answer->addresses) {
      text += (text.empty() ? "" : " ") + address.to_string();
    }
    return text;
  }

  const std::unique_ptr<Clock> clock_ = MakeRealClock();
  FakeDnsServer server_;
  DnsSettings settings_;
  const fakes::TempFolder folder_;
  Inbox inbox_;
  std::unique_ptr<DnsClient> client_;  // ends before what it calls
};

TEST_F(DnsClientTest, AsksForBothFamiliesAndTakesTheLeastTtl) {
  server_.Add("llm.test", kA, 60, "127.0.0.1");
  server_.Add("llm.test", kA, 60, "127.0.0.2");
  server_.Add("llm.test", kAaaa, 20, "::1");
  const auto answer = Look("llm.test");
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->addresses.size(), 3U);
  EXPECT_EQ(answer->ttl, Milliseconds{20'000});
  EXPECT_EQ(server_.asked("llm.test", kA), 1);
  EXPECT_EQ(server_.asked("llm.test", kAaaa), 1);
}

TEST_F(DnsClientTest, OneFamilyIsEnough) {
  server_.Add("four.test", kA, 60, "127.0.0.4");
  server_.Add("six.test", kAaaa, 60, "::1");
  EXPECT_EQ(Found("four.test"), "127.0.0.4");
  EXPECT_EQ(Found("six.test"), "::1");
}

TEST_F(DnsClientTest, FollowsAliases) {
  server_.Add("alias.test", FakeDnsServer::kCname, 7, "middle.test");
  server_.Add("middle.test", FakeDnsServer::kCname, 300, "real.test");
  server_.Add("real.test", kA, 300, "127.0.0.5");
  const auto answer = Look("alias.test");
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->addresses.at(0).to_string(), "127.0.0.5");
  EXPECT_EQ(answer->ttl, Milliseconds{7'000});  // the alias may be turned elsewhere then
}

TEST_F(DnsClientTest, TellsAMissingNameFromAServerThatFails) {
  server_.Add("empty.test", FakeDnsServer::kCname, 60, "nothing.test");
  server_.SetFault("failing.test", kA, DnsFault::kServFail);
  server_.SetFault("failing.test", kAaaa, DnsFault::kServFail);
  EXPECT_EQ(Found("missing.test"), CodeName(Code::kNotFound));
  EXPECT_EQ(Found("empty.test"), CodeName(Code::kNotFound));
  EXPECT_EQ(Found("failing.test"), CodeName(Code::kExhausted));
  EXPECT_EQ(Found("no..such..name"), CodeName(Code::kNotFound));
}

TEST_F(DnsClientTest, SilenceIsTheNameServersTrouble) {
  settings_.first_try = Milliseconds{50};
  settings_.tries = 2;
  server_.SetFault("silent.test", kA, DnsFault::kSilent);
  server_.SetFault("silent.test", kAaaa, DnsFault::kSilent);
  EXPECT_EQ(Found("silent.test"), CodeName(Code::kExhausted));
  EXPECT_GE(server_.asked("silent.test", kA), 2);  // a lost packet is sent again
}

TEST_F(DnsClientTest, ASilentFamilyDoesNotHoldTheOtherOneBack) {
  settings_.other_family = Milliseconds{10};
  server_.Add("half.test", kA, 60, "127.0.0.6");
  server_.SetFault("half.test", kAaaa, DnsFault::kSilent);
  EXPECT_EQ(Found("half.test"), "127.0.0.6");
}

TEST_F(DnsClientTest, AFamilyThatComesLateIsAdded) {
  settings_.other_family = Milliseconds{10};
  settings_.first_try = Milliseconds{100};
  settings_.tries = 8;
  server_.Add("late.test", kA, 60, "127.0.0.6");
  server_.Add("late.test", kAaaa, 60, "::1");
  server_.SetFault("late.test", kAaaa, DnsFault::kSilent);
  EXPECT_EQ(Found("late.test"), "127.0.0.6");
  server_.SetFault("late.test", kAaaa, DnsFault::kNone);
  const auto whole = inbox_.Take();
  ASSERT_TRUE(whole.has_value() && whole->has_value());
  EXPECT_EQ((*whole)->addresses.size(), 2U);
}

TEST_F(DnsClientTest, RefusesBrokenAnswersAndPassesOverJunk) {
  settings_.first_try = Milliseconds{50};
  settings_.tries = 2;
  for (const int type : {kA, kAaaa}) {
    server_.SetFault("broken.test", type, DnsFault::kBroken);
    server_.SetFault("junk.test", type, DnsFault::kJunk);
  }
  server_.Add("broken.test", kA, 60, "127.0.0.1");
  server_.Add("broken.test", kAaaa, 60, "::1");
  EXPECT_EQ(Found("broken.test"), CodeName(Code::kExhausted));
  EXPECT_EQ(Found("junk.test"), CodeName(Code::kExhausted));
}

TEST_F(DnsClientTest, AsksByTcpIfAnAnswerWasCut) {
  server_.Add("long.test", kA, 60, "127.0.0.7");
  server_.SetFault("long.test", kA, DnsFault::kTruncated);
  server_.SetFault("long.test", kAaaa, DnsFault::kTruncated);
  EXPECT_EQ(Found("long.test"), "127.0.0.7");
  EXPECT_GE(server_.asked_by_tcp(), 1);
}

TEST_F(DnsClientTest, SearchesLikeAPodDoes) {
  folder_.Write("resolv.conf", "search shop.svc.cluster.test svc.cluster.test\noptions ndots:5\n");
  server_.Add("orders.shop.svc.cluster.test", kA, 5, "127.0.0.11");
  server_.Add("orders.stock.svc.cluster.test", kA, 5, "127.0.0.12");
  server_.Add("api.provider.test", kA, 5, "127.0.0.13");
  EXPECT_EQ(Found("orders"), "127.0.0.11");
  EXPECT_EQ(Found("orders.stock"), "127.0.0.12");
  EXPECT_EQ(server_.asked("orders.stock", kA), 0);
  EXPECT_EQ(Found("api.provider.test"), "127.0.0.13");
  EXPECT_EQ(server_.asked("api.provider.test.svc.cluster.test", kA), 1);
  EXPECT_EQ(Found("api.provider.test."), "127.0.0.13");  // whole: no search
  EXPECT_EQ(server_.asked("api.provider.test.svc.cluster.test", kA), 1);
}

TEST_F(DnsClientTest, NamesWithEnoughDotsAreTakenAsTheyAreFirst) {
  folder_.Write("resolv.conf", "search shop.test\n");
  server_.Add("api.provider.test", kA, 5, "127.0.0.13");
  EXPECT_EQ(Found("api.provider.test"), "127.0.0.13");
  EXPECT_EQ(server_.asked("api.provider.test.shop.test", kA), 0);
}

TEST_F(DnsClientTest, BothFamiliesComeFromTheSameName) {
  folder_.Write("resolv.conf", "search shop.test\noptions ndots:5\n");
  server_.Add("api.test.shop.test", kA, 5, "127.0.0.14");
  server_.Add("api.test", kAaaa, 5, "::1");  // somebody else's
  EXPECT_EQ(Found("api.test"), "127.0.0.14");
}

TEST_F(DnsClientTest, AFailingSearchDomainIsPassedOver) {
  folder_.Write("resolv.conf", "search away.test\noptions ndots:5\n");
  server_.SetFault("api.test.away.test", kA, DnsFault::kServFail);
  server_.SetFault("api.test.away.test", kAaaa, DnsFault::kServFail);
  server_.Add("api.test", kA, 5, "127.0.0.15");
  EXPECT_EQ(Found("api.test"), "127.0.0.15");
}

TEST_F(DnsClientTest, ReadsResolvConfAnewForEachQuestion) {
  EXPECT_EQ(Found("orders"), CodeName(Code::kNotFound));
  server_.Add("orders.shop.test", kA, 5, "127.0.0.16");
  folder_.Write("resolv.conf", "search shop.test\n");
  EXPECT_EQ(Found("orders"), "127.0.0.16");
}

TEST_F(DnsClientTest, HostsComeBeforeDns) {
  server_.Add("printer", kA, 60, "127.0.0.1");
  EXPECT_EQ(Found("Printer"), "127.0.0.9");
  EXPECT_EQ(server_.asked("printer", kA), 0);
  EXPECT_EQ(Found("api.localhost").substr(0, 3), "::1");
  EXPECT_EQ(server_.asked("api.localhost", kA), 0);
}

TEST_F(DnsClientTest, NoServerThereIsThisMachinesTrouble) {
  auto gone = std::make_unique<FakeDnsServer>();
  settings_.servers = gone->address();
  gone.reset();
  EXPECT_EQ(Found("llm.test"), CodeName(Code::kExhausted));
}

TEST_F(DnsClientTest, ClosingEndsALookUp) {
  server_.SetFault("silent.test", kA, DnsFault::kSilent);
  server_.SetFault("silent.test", kAaaa, DnsFault::kSilent);
  Ask("silent.test");
  while (server_.asked("silent.test", kA) == 0) {
    std::this_thread::yield();
  }
  client().Close();
  Ask("printer");  // too late
  client_.reset();
  EXPECT_TRUE(inbox_.empty());
}

TEST_F(DnsClientTest, ManyNamesAtOnce) {
  constexpr int kNames = 100;
  for (int i = 0; i < kNames; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server_.Add(name, kA, 60, "127.0.1." + std::to_string(i));
    Ask(name);
  }
  for (int i = 0; i < kNames; ++i) {
    const auto answer = inbox_.Take();
    ASSERT_TRUE(answer.has_value() && answer->has_value());
  }
}

}  // namespace
}  // namespace reliability::net
