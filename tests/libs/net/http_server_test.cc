#include "libs/net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "tests/libs/net/raw_client.h"

namespace reliability::net {
namespace {

// As both processes do in main: OpenSSL writes without MSG_NOSIGNAL, and clients here hang up
// early.
[[maybe_unused]] const auto kIgnoreBrokenPipes = std::signal(SIGPIPE, SIG_IGN);

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::unique_ptr<HttpServer> StartEcho(HttpServerOptions options = {}) {
  auto server = HttpServer::Start(options, [](const HttpRequest& request) {
    HttpResponse response;
    response.body = request.method + " " + request.path + " " + request.query + " " +
                    std::string(request.Header("X-Test")) + " " + request.body;
    return response;
  });
  EXPECT_TRUE(server.has_value());
  return std::move(*server);
}

std::string Exchange(const HttpServer& server, std::string_view bytes) {
  RawClient client(server.port());
  client.Send(bytes);
  return client.ReadAll();
}

TEST(HttpServer, GivesTheWholeRequestToTheHandler) {
  const auto server = StartEcho();
  const std::string answer =
      Exchange(*server,
               "POST /a?b=1 HTTP/1.1\r\nHost: x\r\nx-test: yes\r\nConnection: close\r\n"
               "Content-Length: 4\r\n\r\nbody");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, EndsWith("POST /a b=1 yes body"));
}

TEST(HttpServer, KeepsConnectionsAndServesPipelinedRequests) {
  const auto server = StartEcho();
  RawClient client(server->port());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string two = client.ReadUntil("GET /2");
  EXPECT_THAT(two, HasSubstr("GET /1"));
  client.Send("GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), HasSubstr("GET /3"));
}

TEST(HttpServer, HeadHasLengthButNoBody) {
  const auto server = StartEcho();
  const std::string answer =
      Exchange(*server, "HEAD /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST(HttpServer, AnswersExpectContinue) {
  const auto server = StartEcho();
  RawClient client(server->port());
  client.Send(
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
      "Content-Length: 2\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue"));
  client.Send("ok");
  EXPECT_THAT(client.ReadAll(), EndsWith("ok"));
}

struct WrongInput {
  const char* name;
  std::string bytes;
  const char* status;
};
class WrongInputTest : public testing::TestWithParam<WrongInput> {};

TEST_P(WrongInputTest, IsRefusedAndTheServerGoesOn) {
  HttpServerOptions options;
  options.body_limit_bytes = 1000;
  options.io_timeout = Milliseconds{300};
  const auto server = StartEcho(options);
  EXPECT_THAT(Exchange(*server, GetParam().bytes),
              StartsWith(std::string("HTTP/1.1 ") + GetParam().status));
  EXPECT_THAT(Exchange(*server, "GET /on HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));
}

std::string Post(std::string_view headers, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

INSTANTIATE_TEST_SUITE_P(
    HttpServer, WrongInputTest,
    testing::Values(
        WrongInput{"garbage", "\x16\x03\x01 nonsense\r\n\r\n", "400"},
        WrongInput{"duplicate_length", Post("Content-Length: 2\r\nContent-Length: 2\r\n", "ok"),
                   "400"},
        WrongInput{"length_list", Post("Content-Length: 2, 2\r\n", "ok"), "400"},
        WrongInput{"length_and_chunked",
                   Post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "400"},
        WrongInput{"other_coding", Post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
                   "400"},
        WrongInput{"folded", Post("X-A: 1\r\n 2\r\n", ""), "400"},
        WrongInput{"bad_chunk", Post("Transfer-Encoding: chunked\r\n", "zz\r\n\r\n"), "400"},
        WrongInput{"body_too_large", Post("Content-Length: 1001\r\n", std::string(1001, 'x')),
                   "413"},
        WrongInput{"chunks_too_large",
                   Post("Transfer-Encoding: chunked\r\n",
                        "400\r\n" + std::string(1024, 'x') + "\r\n0\r\n\r\n"),
                   "413"},
        WrongInput{"head_too_large", Post("X-A: " + std::string(40000, 'a') + "\r\n", ""), "431"},
        WrongInput{"slow_head", "GET / HTTP/1.1\r\nHost:", "408"}),
    [](const auto& one) { return one.param.name; });

TEST(HttpServer, ClosesIdleConnectionsWithoutAWord) {
  HttpServerOptions options;
  options.idle_timeout = Milliseconds{50};
  const auto server = StartEcho(options);
  RawClient client(server->port());
  EXPECT_EQ(client.ReadAll(), "");
}

TEST(HttpServer, StopLetsRunningRequestsFinish) {
  std::promise<void> entered;
  std::promise<void> go_on;
  auto server = HttpServer::Start({}, [&](const HttpRequest&) {
    entered.set_value();
    go_on.get_future().wait();
    return HttpResponse{.body = "done"};
  });
  ASSERT_TRUE(server.has_value());
  RawClient idle((*server)->port());
  RawClient client((*server)->port());
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { (*server)->Stop(); });
  go_on.set_value();
  EXPECT_THAT(client.ReadAll(), EndsWith("done"));
  stopped.wait();
  EXPECT_EQ(idle.ReadAll(), "");
}

TEST(HttpServer, SaysWhyItCannotListen) {
  const auto server = StartEcho();
  HttpServerOptions same;
  same.port = server->port();
  const auto second = HttpServer::Start(same, [](const HttpRequest&) { return HttpResponse{}; });
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  const auto wrong =
      HttpServer::Start({.host = "nowhere"}, [](const HttpRequest&) { return HttpResponse{}; });
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, Code::kInvalid);
}

TEST(ParseListenAddress, AcceptsTheUsualForms) {
  EXPECT_EQ(ParseListenAddress(":8080")->port, 8080);
  EXPECT_EQ(ParseListenAddress(":8080")->host, "");
  EXPECT_EQ(ParseListenAddress("127.0.0.1:0")->host, "127.0.0.1");
  EXPECT_EQ(ParseListenAddress("[::1]:9443")->host, "::1");
  EXPECT_FALSE(ParseListenAddress("8080").has_value());
  EXPECT_FALSE(ParseListenAddress(":70000").has_value());
  EXPECT_FALSE(ParseListenAddress("localhost:80").has_value());
}

}  // namespace
}  // namespace reliability::net
