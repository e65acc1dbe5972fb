#pragma once
// Names by DNS, with c-ares, on one thread of its own that starts with the first question: both
// families at once, the search domains and `ndots` of resolv.conf (as it is when the question is
// asked), /etc/hosts before all. docs/adr/0007-dns-by-c-ares.md.
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/net/name_source.h"

struct ares_channeldata;

namespace reliability::net {

struct DnsSettings {
  std::string resolv_conf = "/etc/resolv.conf";
  std::string hosts = "/etc/hosts";
  std::string servers = {};  // "127.0.0.1:5353,…" in place of resolv.conf's; empty = those
  // A lost packet costs this much; it doubles with each round over the servers.
  Milliseconds first_try{500};
  int tries = 4;
  // How long the addresses of one family wait for those of the other (RFC 8305 section 3).
  Milliseconds other_family{50};
};

class DnsClient final : public NameSource {
 public:
  explicit DnsClient(const Clock& clock, DnsSettings settings = {});
  ~DnsClient() override;
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  void Look(const std::string& host, Done done) override;
  void Close() override;

 private:
  struct Lookup;
  struct Question;
  using Asked = std::pair<std::string, Done>;

  void Wake() const;
  // The thread's own.
  void Run();
  // Forgets what is over, and the channel with the last of it.
  void Sweep();
  void Begin(Asked asked);
  // Empty = it is open; else why not.
  [[nodiscard]] std::string OpenChannel();
  void CloseChannel();
  [[nodiscard]] std::vector<std::string> NamesToTry(const std::string& host) const;
  void AskNext(Lookup& lookup);
  static void OnReply(void* question, int status, int timeouts, unsigned char* reply, int size);
  void Replied(Question& question, int status);
  void Publish(Lookup& lookup);
  // Publishes what waited long enough; until when the rest waits.
  [[nodiscard]] MonotonicTime PublishDue();
  // For poll(): until `until`, or until c-ares wants to look at its time-outs.
  [[nodiscard]] int WaitMs(MonotonicTime until) const;
  void WaitAndProcess(MonotonicTime until);

  const Clock& clock_;
  const DnsSettings settings_;
  const int wake_;  // eventfd
  std::mutex mutex_;
  std::vector<Asked> asked_;  // guarded by mutex_, as closed_ and thread_
  bool closed_ = false;
  std::jthread thread_;
  // The thread's own. There is a channel only while something is being looked up: so resolv.conf is
  // never an old one, and an idle process holds nothing.
  ares_channeldata* channel_ = nullptr;
  std::list<std::unique_ptr<Lookup>> lookups_;
};

}  // namespace reliability::net
