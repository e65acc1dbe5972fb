#include "libs/http/cpprest_transport.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "libs/base/sanitizers.h"
#include "tests/fakes/loopback_server.h"

#if defined(RELIABILITY_ADDRESS_SANITIZED)
// The library's pool threads live until the process ends, so OpenSSL's error queue of each (at most
// 8) is never freed. Our own use of OpenSSL stays checked.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcpprest.so"; }
#endif

namespace reliability::http {
namespace {

using fakes::LoopbackPeer;
using fakes::LoopbackServer;
using std::chrono::steady_clock;

constexpr Milliseconds kLong{20'000};
constexpr std::string_view kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string Chunk(std::string_view text) {
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", text.size());
  return std::string(size.data()).append(text).append("\r\n");
}

Request Get(const std::string& url) {
  Request request;
  request.url = url;
  return request;
}

class CpprestTransportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { InitPool(8); }
  std::unique_ptr<Transport> transport_ = MakeCpprestTransport({});
};

TEST_F(CpprestTransportTest, SendsAndReceives) {
  std::string head;
  std::string body;
  LoopbackServer server([&](LoopbackPeer& peer) {
    head = peer.head;
    body = peer.body;
    peer.Answer(201, "made", "X-Answer: yes\r\n");
  });
  Request request;
  request.method = "POST";
  request.url = server.url() + "/a/b%2Fc?x=%28y%29&z=1";
  request.headers = {{"X-Ask", "please"},
                     {"Content-Type", "application/merge-patch+json"},
                     {"Host", "kubernetes.default.svc"}};
  request.body = "{\"a\":1}";
  const auto response = transport_->Send(request, kLong);
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "made");
  EXPECT_GE(response->body.capacity() - response->body.size(), 64U);
  EXPECT_EQ(response->Find("x-answer"), "yes");
  EXPECT_TRUE(head.starts_with("POST /a/b%2Fc?x=%28y%29&z=1 HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("X-Ask:please"), std::string::npos) << head;
  EXPECT_NE(head.find("Content-Type:application/merge-patch+json\r\n"), std::string::npos);
  EXPECT_NE(head.find("Host:kubernetes.default.svc\r\n"), std::string::npos);
  EXPECT_EQ(body, "{\"a\":1}");
}

TEST_F(CpprestTransportTest, ReusesConnectionsAndReadsEveryStatus) {
  std::atomic<int> status{200};
  LoopbackServer server([&](LoopbackPeer& peer) { peer.Answer(status, "x"); });
  for (int round = 0; round < 10; ++round) {
    for (const int wanted : {200, 404, 409, 410, 429, 500}) {
      status = wanted;
      const auto response = transport_->Send(Get(server.url()), kLong);
      ASSERT_TRUE(response.has_value());
      EXPECT_EQ(response->status, wanted);
    }
  }
  // The library gives a connection back a moment after the end of the body: a few more than one.
  EXPECT_LE(server.connections(), 10);
}

TEST_F(CpprestTransportTest, RedirectsAreAnswers) {
  LoopbackServer server(
      [](LoopbackPeer& peer) { peer.Answer(302, "", "Location: http://127.0.0.1:1/\r\n"); });
  const auto response = transport_->Send(Get(server.url()), kLong);
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 302);
}

TEST_F(CpprestTransportTest, LargeBodiesAndTheirLimit) {
  const std::string large(5'000'000, 'x');
  LoopbackServer server([&](LoopbackPeer& peer) {
    if (peer.head.find("/chunked") != std::string::npos) {
      std::string text(kChunked);
      for (std::size_t at = 0; at < large.size(); at += 100'000) {
        text += Chunk(std::string_view(large).substr(at, 100'000));
      }
      peer.Write(text + Chunk(""));
    } else {
      peer.Answer(200, large);
    }
  });
  for (const char* path : {"/length", "/chunked"}) {
    Request request = Get(server.url() + path);
    auto response = transport_->Send(request, kLong);
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->body, large);
    request.max_response_bytes = 4'000'000;
    response = transport_->Send(request, kLong);
    ASSERT_FALSE(response.has_value());
    EXPECT_EQ(response.error().code, Code::kExhausted);
  }
}

TEST_F(CpprestTransportTest, TheDeadlineIsTotal) {
  const auto clock = MakeRealClock();
  LoopbackServer server([&](LoopbackPeer& peer) {
    if (peer.head.find("/silent") != std::string::npos) {
      peer.AwaitClose();
      return;
    }
    // A byte now and then: an inactivity timer would never fire.
    peer.Write(kChunked);
    while (peer.Write(Chunk("x"))) {
      clock->WaitFor(Milliseconds{5}, {});
    }
  });
  for (const char* path : {"/silent", "/trickle"}) {
    const auto start = steady_clock::now();
    const auto response = transport_->Send(Get(server.url() + path), Milliseconds{200});
    ASSERT_FALSE(response.has_value());
    EXPECT_EQ(response.error().code, Code::kTimeout) << response.error().message;
    EXPECT_GE(steady_clock::now() - start, Milliseconds(200));
    EXPECT_LT(steady_clock::now() - start, Milliseconds(5'000));
  }
}

TEST_F(CpprestTransportTest, NobodyThereIsUnavailable) {
  std::string url;
  {
    const LoopbackServer server([](LoopbackPeer&) {});
    url = server.url();
  }
  const auto response = transport_->Send(Get(url), kLong);
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  for (const char* bad : {"ftp://x", "https://", "//x", ""}) {
    EXPECT_EQ(transport_->Send(Get(bad), kLong).error().code, Code::kInvalid) << bad;
  }
  EXPECT_EQ(transport_->Send(Get("https://127.0.0.1:1/"), kLong).error().code, Code::kInvalid)
      << "https needs a CA";
}

TEST_F(CpprestTransportTest, ACutBodyIsNeverComplete) {
  LoopbackServer server([](LoopbackPeer& peer) {
    peer.Write(peer.head.find("/chunked") != std::string::npos
                   ? std::string(kChunked) + Chunk("half")
                   : "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    peer.Close();
  });
  for (const char* path : {"/length", "/chunked"}) {
    const auto response = transport_->Send(Get(server.url() + path), kLong);
    ASSERT_FALSE(response.has_value()) << path;
    EXPECT_EQ(response.error().code, Code::kUnavailable) << path;
    std::string seen;
    const auto stream = transport_->Stream(Get(server.url() + path), {},
                                           [&](std::string_view piece) {
                                             seen.append(piece);
                                             return true;
                                           },
                                           {});
    ASSERT_FALSE(stream.has_value()) << path;
    EXPECT_EQ(stream.error().code, Code::kUnavailable) << path;
    EXPECT_TRUE(seen.empty() || seen == "half") << seen;
  }
}

TEST_F(CpprestTransportTest, StreamHandsPiecesOverAsTheyCome) {
  std::atomic<int> received{0};
  LoopbackServer server([&](LoopbackPeer& peer) {
    peer.Write(kChunked);
    for (int i = 0; i < 20; ++i) {
      peer.Write(Chunk("event " + std::to_string(i) + "\n"));
      while (received.load() <= i) {
        std::this_thread::yield();  // the next piece only after this one arrived
      }
    }
    peer.Write(Chunk(""));
  });
  std::string seen;
  const auto caller = std::this_thread::get_id();
  const auto response = transport_->Stream(Get(server.url()), {},
                                           [&](std::string_view piece) {
                                             EXPECT_EQ(std::this_thread::get_id(), caller);
                                             seen.append(piece);
                                             ++received;
                                             return true;
                                           },
                                           {});
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_TRUE(seen.ends_with("event 19\n"));
}

TEST_F(CpprestTransportTest, StreamStopsAtOnceWhenAsked) {
  LoopbackServer server([](LoopbackPeer& peer) {
    peer.Write(std::string(kChunked) + Chunk("first"));
    peer.AwaitClose();
  });
  std::stop_source stop;
  steady_clock::time_point asked;
  std::atomic<bool> first{false};
  std::jthread stopper([&] {
    while (!first.load()) {
      std::this_thread::yield();
    }
    asked = steady_clock::now();
    stop.request_stop();
  });
  const auto response = transport_->Stream(
      Get(server.url()), {},
      [&](std::string_view) {
        first = true;
        return true;
      },
      stop.get_token());
  const auto ended = steady_clock::now();
  stopper.join();
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, Code::kCancelled);
  EXPECT_LT(ended - asked, Milliseconds(1'000));
}

TEST_F(CpprestTransportTest, StreamLimitsAndEnds) {
  LoopbackServer server([](LoopbackPeer& peer) {
    if (peer.head.find("/denied") != std::string::npos) {
      peer.Answer(403, "no");
      return;
    }
    if (peer.head.find("/nothing") == std::string::npos) {
      peer.Write(std::string(kChunked) + Chunk("first"));
    }
    peer.AwaitClose();
  });
  const auto take = [](std::string_view) { return true; };
  const auto denied = transport_->Stream(Get(server.url() + "/denied"), {}, take, {});
  ASSERT_TRUE(denied.has_value());
  EXPECT_EQ(denied->status, 403);
  EXPECT_EQ(denied->body, "no");
  const StreamLimits idle{kLong, Milliseconds{100}, kLong};
  EXPECT_EQ(transport_->Stream(Get(server.url()), idle, take, {}).error().code, Code::kTimeout);
  const StreamLimits total{kLong, kLong, Milliseconds{100}};
  EXPECT_EQ(transport_->Stream(Get(server.url()), total, take, {}).error().code, Code::kTimeout);
  const StreamLimits head{Milliseconds{100}, kLong, kLong};
  EXPECT_EQ(transport_->Stream(Get(server.url() + "/nothing"), head, take, {}).error().code,
            Code::kTimeout);
  const auto enough =
      transport_->Stream(Get(server.url()), {}, [](std::string_view) { return false; }, {});
  EXPECT_TRUE(enough.has_value());
}

TEST_F(CpprestTransportTest, ManyHostsAreBounded) {
  const auto transport = MakeCpprestTransport({.tls = {}, .max_hosts = 2});
  std::vector<std::unique_ptr<LoopbackServer>> servers;
  for (int i = 0; i < 4; ++i) {
    servers.push_back(
        std::make_unique<LoopbackServer>([](LoopbackPeer& peer) { peer.Answer(200, "x"); }));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& server : servers) {
      EXPECT_TRUE(transport->Send(Get(server->url()), kLong).has_value());
    }
  }
  for (const auto& server : servers) {
    EXPECT_EQ(server->connections(), 2) << "the first client was dropped in between";
  }
}

TEST_F(CpprestTransportTest, ManyThreadsAtOnce) {
  LoopbackServer server([](LoopbackPeer& peer) { peer.Answer(200, peer.head.substr(4, 8)); });
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 24; ++i) {
      threads.emplace_back([&, i] {
        for (int n = 0; n < 10; ++n) {
          const std::string path = "/" + std::to_string(1'000'000 + i * 100 + n);
          const auto response = transport_->Send(Get(server.url() + path), kLong);
          good += response.has_value() && response->body == path ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(good, 240);
}

class TlsTest : public CpprestTransportTest {
 protected:
  std::unique_ptr<Transport> Trusting(const std::string& ca, const fakes::KeyPair& client = {}) {
    material_ = std::make_shared<const TlsMaterial>(
        TlsMaterial{ca, client.certificate_pem, client.key_pem});
    return MakeCpprestTransport({.tls = [this] {
      const std::lock_guard lock(mutex_);
      return material_;
    }});
  }
  fakes::LoopbackTls ServerTls(const std::string& san) {
    return {pki_.Issue("server", san), pki_.ca_pem()};
  }
  LoopbackServer::Handler Handler() {
    return [this](LoopbackPeer& peer) {
      const std::lock_guard lock(mutex_);
      client_cn_ = peer.client_cn;
      sni_ = peer.sni;
      peer.Answer(200, "x");
    };
  }

  const fakes::TestPki pki_;
  std::mutex mutex_;
  std::shared_ptr<const TlsMaterial> material_;
  std::string client_cn_;
  std::string sni_;
};

TEST_F(TlsTest, IpLiteralWithClientCertificate) {
  LoopbackServer server(Handler(), ServerTls("IP:127.0.0.1"));
  const auto transport = Trusting(pki_.ca_pem(), pki_.Issue("admin", ""));
  const auto response = transport->Send(Get(server.url()), kLong);
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(client_cn_, "admin");
}

TEST_F(TlsTest, TheHostHeaderIsTheNameToVerify) {
  LoopbackServer server(Handler(), ServerTls("DNS:kubernetes.default.svc"));
  const auto transport = Trusting(pki_.ca_pem());
  Request request = Get(server.url());
  const auto wrong = transport->Send(request, kLong);
  ASSERT_FALSE(wrong.has_value()) << "the certificate is not for the address";
  EXPECT_EQ(wrong.error().code, Code::kUnavailable);
  request.headers = {{"Host", "kubernetes.default.svc"}};
  const auto response = transport->Send(request, kLong);
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(sni_, "kubernetes.default.svc");
}

TEST_F(TlsTest, AnotherCaIsRefused) {
  LoopbackServer server(Handler(), ServerTls("IP:127.0.0.1"));
  const fakes::TestPki other;
  const auto transport = Trusting(other.ca_pem());
  const auto response = transport->Send(Get(server.url()), kLong);
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, Code::kUnavailable);
  const auto junk = Trusting("junk");
  EXPECT_EQ(junk->Send(Get(server.url()), kLong).error().code, Code::kInvalid);
}

TEST_F(TlsTest, NewMaterialMakesNewConnections) {
  LoopbackServer server(Handler(), ServerTls("IP:127.0.0.1"));
  const auto transport = Trusting(pki_.ca_pem(), pki_.Issue("old", ""));
  ASSERT_TRUE(transport->Send(Get(server.url()), kLong).has_value());
  ASSERT_TRUE(transport->Send(Get(server.url()), kLong).has_value());
  EXPECT_EQ(client_cn_, "old");
  const int before = server.connections();
  const fakes::KeyPair renewed = pki_.Issue("new", "");
  {
    const std::lock_guard lock(mutex_);
    material_ = std::make_shared<const TlsMaterial>(
        TlsMaterial{pki_.ca_pem(), renewed.certificate_pem, renewed.key_pem});
  }
  ASSERT_TRUE(transport->Send(Get(server.url()), kLong).has_value());
  EXPECT_EQ(client_cn_, "new");
  EXPECT_EQ(server.connections(), before + 1);
}

// The TCP_KEEPIDLE of this process's connections to `port`, 0 for those without keep-alive.
std::vector<int> KeepAliveIdleOf(std::uint16_t port) {
  std::vector<int> found;
  for (int fd = 3; fd < 1'024; ++fd) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0 ||
        peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) {
      continue;
    }
    int on = 0;
    int idle = 0;
    size = sizeof(on);
    EXPECT_EQ(::getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    size = sizeof(idle);
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size), 0);
    found.push_back(on == 0 ? 0 : idle);
  }
  return found;
}

TEST_F(TlsTest, ADeadPeerIsNoticedThoughTheWatchIsSilent) {
  LoopbackServer server(Handler(), ServerTls("IP:127.0.0.1"));
  const auto transport = Trusting(pki_.ca_pem());
  ASSERT_TRUE(transport->Send(Get(server.url()), kLong).has_value());
  const std::string url = server.url();
  const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  EXPECT_EQ(KeepAliveIdleOf(port), std::vector<int>{15});
}

}  // namespace
}  // namespace reliability::http
