#pragma once
// A name server on a loopback port, UDP and TCP: answers from the records that a test gives it, or
// misbehaves as it says. One thread, which ends with the object. Thread-safe.
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace reliability::fakes {

enum class DnsFault {
  kNone,
  kSilent,     // no reply
  kServFail,   // a reply that says so
  kJunk,       // bytes that are no DNS message
  kBroken,     // head and question as they should be, an answer that ends in its middle
  kTruncated,  // over UDP; over TCP all of it
};

class FakeDnsServer {
 public:
  static constexpr int kA = 1;
  static constexpr int kCname = 5;
  static constexpr int kAaaa = 28;

  FakeDnsServer();
  ~FakeDnsServer();
  FakeDnsServer(const FakeDnsServer&) = delete;
  FakeDnsServer& operator=(const FakeDnsServer&) = delete;

  // "127.0.0.1:12345"
  [[nodiscard]] std::string address() const;
  // `value` is an address, or the name that a CNAME stands for. Names are lower case.
  void Add(const std::string& name, int type, std::uint32_t ttl_s, const std::string& value);
  void Remove(const std::string& name);
  void SetFault(const std::string& name, int type, DnsFault fault);

  // Questions so far, for `name` of `type`.
  [[nodiscard]] int asked(const std::string& name, int type) const;
  [[nodiscard]] int asked_by_tcp() const;

 private:
  struct Record {
    int type = 0;
    std::uint32_t ttl_s = 0;
    std::string value;
  };
  void Run();
  void ServeUdp();
  // False: the connection is over.
  [[nodiscard]] bool ServeTcp(int fd);
  // Empty = none.
  [[nodiscard]] std::string Reply(const std::string& query, bool tcp);
  void AppendRecords(std::string name, int type, std::string& answers, int& count) const;

  int udp_ = -1;
  int listener_ = -1;
  int stop_ = -1;  // eventfd
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Record>> records_;
  std::map<std::pair<std::string, int>, DnsFault> faults_;
  std::map<std::pair<std::string, int>, int> asked_;
  int asked_by_tcp_ = 0;
  std::jthread thread_;
};

}  // namespace reliability::fakes
