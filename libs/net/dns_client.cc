#include "libs/net/dns_client.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "libs/base/check.h"
#include "libs/base/strings.h"
#include "libs/net/address_order.h"
#include "libs/net/hosts_file.h"

namespace reliability::net {
namespace {

using boost::asio::ip::address;

constexpr int kMostAddresses = 32;  // of one family

std::string_view WithoutDot(std::string_view host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

// RFC 6761: these never leave the machine.
bool IsLocalhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  return host.size() >= kName.size() &&
         EqualsIgnoreCase(host.substr(host.size() - kName.size()), kName) &&
         (host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.');
}

// The name servers were heard, and have nothing by this name.
bool IsAbsent(int status) {
  return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME ||
         status == ARES_EFORMERR;
}

}  // namespace

// One family of one name.
struct DnsClient::Question {
  DnsClient& client;
  Lookup& lookup;
  const int type;  // ns_t_a or ns_t_aaaa

  // Takes the addresses of a reply; the status that it amounts to.
  [[nodiscard]] int Read(const unsigned char* reply, int size);
};

struct DnsClient::Lookup {
  Lookup(DnsClient& client, std::string name, Done callback)
      : host(std::move(name)),
        done(std::move(callback)),
        v6{client, *this, ns_t_aaaa},
        v4{client, *this, ns_t_a} {}

  const std::string host;
  const Done done;
  std::vector<std::string> names;  // with search domains, in the order to try
  std::size_t next = 0;
  Question v6;
  Question v4;
  int waiting_for = 0;  // replies
  Addresses addresses;
  int ttl_s = INT32_MAX;
  std::size_t published = 0;  // of addresses
  MonotonicTime publish_at = MonotonicTime::max();
  int failure = ARES_ENOTFOUND;  // the worst of all names
  bool over = false;
};

int DnsClient::Question::Read(const unsigned char* reply, int size) {
  int count = kMostAddresses;
  int status = ARES_SUCCESS;
  if (type == ns_t_a) {
    std::array<ares_addrttl, kMostAddresses> found{};
    status = ares_parse_a_reply(reply, size, nullptr, found.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i) {
      const auto& item = found[static_cast<std::size_t>(i)];
      lookup.addresses.emplace_back(boost::asio::ip::address_v4(ntohl(item.ipaddr.s_addr)));
      lookup.ttl_s = std::min(lookup.ttl_s, item.ttl);
    }
  } else {
    std::array<ares_addr6ttl, kMostAddresses> found{};
    status = ares_parse_aaaa_reply(reply, size, nullptr, found.data(), &count);
    for (int i = 0; status == ARES_SUCCESS && i < count; ++i) {
      const auto& item = found[static_cast<std::size_t>(i)];
      boost::asio::ip::address_v6::bytes_type bytes{};
      std::memcpy(bytes.data(), &item.ip6addr, bytes.size());
      lookup.addresses.emplace_back(boost::asio::ip::address_v6(bytes));
      lookup.ttl_s = std::min(lookup.ttl_s, item.ttl);
    }
  }
  return status == ARES_SUCCESS && count == 0 ? ARES_ENODATA : status;
}

DnsClient::DnsClient(const Clock& clock, DnsSettings settings)
    : clock_(clock),
      settings_(std::move(settings)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  RELIABILITY_CHECK(wake_ >= 0);
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

DnsClient::~DnsClient() {
  Close();
  ::close(wake_);
}

void DnsClient::Wake() const {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof(one));
}

void DnsClient::Look(const std::string& host, Done done) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return;
  }
  asked_.emplace_back(host, std::move(done));
  if (!thread_.joinable()) {
    thread_ = std::jthread([this] { Run(); });
  }
  Wake();
}

void DnsClient::Close() {
  std::jthread thread;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    asked_.clear();
    thread = std::move(thread_);
  }
  if (thread.joinable()) {
    Wake();
    thread.join();
  }
}

void DnsClient::Sweep() {
  std::erase_if(lookups_, [](const auto& lookup) { return lookup->over; });
  if (lookups_.empty()) {
    CloseChannel();
  }
}

void DnsClient::Run() {
  while (true) {
    Sweep();  // before the next question: it may come from a callback, and wants a new channel
    std::vector<Asked> asked;
    {
      const std::lock_guard lock(mutex_);
      if (closed_) {
        break;
      }
      asked = std::exchange(asked_, {});
    }
    for (Asked& one : asked) {
      Begin(std::move(one));
    }
    const MonotonicTime until = PublishDue();
    Sweep();
    WaitAndProcess(until);
  }
  CloseChannel();
  lookups_.clear();
}

void DnsClient::Begin(Asked asked) {
  auto& [host, done] = asked;
  const std::string_view name = WithoutDot(host);
  Addresses known = ReadHosts(settings_.hosts, name);
  if (known.empty() && IsLocalhost(name)) {
    known = {boost::asio::ip::address_v6::loopback(), boost::asio::ip::address_v4::loopback()};
  }
  if (!known.empty()) {
    done(NameAnswer{.addresses = OrderAddresses(known), .ttl = Milliseconds{0}});
    return;
  }
  if (const std::string why = OpenChannel(); !why.empty()) {
    done(Fail(Code::kExhausted, host + ": " + why));
    return;
  }
  lookups_.push_back(std::make_unique<Lookup>(*this, host, std::move(done)));
  Lookup& lookup = *lookups_.back();
  lookup.names = NamesToTry(host);
  AskNext(lookup);
}

std::string DnsClient::OpenChannel() {
  if (channel_ != nullptr) {
    return {};
  }
  ares_options options{};
  options.timeout = static_cast<int>(settings_.first_try.count());
  options.tries = settings_.tries;
  options.resolvconf_path = const_cast<char*>(settings_.resolv_conf.c_str());
  int status = ares_init_options(&channel_, &options,
                                 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_RESOLVCONF);
  if (status == ARES_SUCCESS && !settings_.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, settings_.servers.c_str());
  }
  if (status == ARES_SUCCESS) {
    return {};
  }
  CloseChannel();
  return std::string("DNS: ") + ares_strerror(status);
}

void DnsClient::CloseChannel() {
  if (channel_ != nullptr) {
    ares_destroy(std::exchange(channel_, nullptr));  // what is open hears ARES_EDESTRUCTION
  }
}

std::vector<std::string> DnsClient::NamesToTry(const std::string& host) const {
  ares_options options{};
  int set = 0;
  if (host.ends_with('.') || ares_save_options(channel_, &options, &set) != ARES_SUCCESS) {
    return {host};
  }
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(options.ndomains) + 1);
  for (int i = 0; i < options.ndomains; ++i) {
    names.push_back(host + "." + options.domains[i]);
  }
  const bool as_it_is_first = std::count(host.begin(), host.end(), '.') >= options.ndots;
  names.insert(as_it_is_first ? names.begin() : names.end(), host);
  ares_destroy_options(&options);
  return names;
}

void DnsClient::AskNext(Lookup& lookup) {
  const std::string& name = lookup.names[lookup.next++];
  // A reply may come inside the call.
  lookup.waiting_for = 2;
  ares_query(channel_, name.c_str(), ns_c_in, ns_t_aaaa, &DnsClient::OnReply, &lookup.v6);
  ares_query(channel_, name.c_str(), ns_c_in, ns_t_a, &DnsClient::OnReply, &lookup.v4);
}

void DnsClient::OnReply(void* question, int status, int, unsigned char* reply, int size) {
  auto& asked = *static_cast<Question*>(question);
  if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
    return;
  }
  asked.client.Replied(asked, status == ARES_SUCCESS ? asked.Read(reply, size) : status);
}

void DnsClient::Replied(Question& question, int status) {
  Lookup& lookup = question.lookup;
  --lookup.waiting_for;
  if (status != ARES_SUCCESS && IsAbsent(lookup.failure)) {
    lookup.failure = status;
  }
  if (lookup.waiting_for > 0) {
    if (!lookup.addresses.empty()) {
      lookup.publish_at = clock_.MonotonicNow() + settings_.other_family;
    }
    return;
  }
  if (!lookup.addresses.empty()) {
    Publish(lookup);
    lookup.over = true;
    return;
  }
  // As glibc: a server's failure may concern one search domain, silence concerns them all.
  if (lookup.next < lookup.names.size() && lookup.failure != ARES_ETIMEOUT) {
    AskNext(lookup);
    return;
  }
  lookup.over = true;
  const Code code = IsAbsent(lookup.failure) ? Code::kNotFound : Code::kExhausted;
  lookup.done(Fail(code, lookup.host + ": DNS: " + ares_strerror(lookup.failure)));
}

void DnsClient::Publish(Lookup& lookup) {
  lookup.publish_at = MonotonicTime::max();
  if (lookup.published == lookup.addresses.size()) {
    return;
  }
  lookup.published = lookup.addresses.size();
  lookup.done(NameAnswer{.addresses = OrderAddresses(lookup.addresses),
                         .ttl = std::chrono::seconds(std::max(0, lookup.ttl_s))});
}

MonotonicTime DnsClient::PublishDue() {
  const MonotonicTime now = clock_.MonotonicNow();
  MonotonicTime next = MonotonicTime::max();
  for (const auto& lookup : lookups_) {
    if (lookup->publish_at <= now) {
      Publish(*lookup);
    }
    next = std::min(next, lookup->publish_at);
  }
  return next;
}

int DnsClient::WaitMs(MonotonicTime until) const {
  int wait_ms = -1;
  timeval limit{};
  if (ares_timeout(channel_, nullptr, &limit) != nullptr) {
    wait_ms = static_cast<int>(limit.tv_sec * 1000 + (limit.tv_usec + 999) / 1000);
  }
  if (until != MonotonicTime::max()) {
    const auto left = std::max(Milliseconds{0}, until - clock_.MonotonicNow());
    wait_ms = wait_ms < 0 ? static_cast<int>(left.count())
                          : std::min(wait_ms, static_cast<int>(left.count()));
  }
  return wait_ms;
}

void DnsClient::WaitAndProcess(MonotonicTime until) {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  std::array<pollfd, 1 + ARES_GETSOCK_MAXNUM> watched{};
  watched[0] = {.fd = wake_, .events = POLLIN, .revents = 0};
  nfds_t count = 1;
  int wait_ms = -1;
  if (channel_ != nullptr) {
    const auto interest = static_cast<unsigned>(
        ares_getsock(channel_, sockets.data(), static_cast<int>(sockets.size())));
    for (unsigned i = 0; i < sockets.size(); ++i) {
      const bool read = (interest & (1U << i)) != 0;
      const bool write = (interest & (1U << (i + ARES_GETSOCK_MAXNUM))) != 0;
      if (read || write) {
        watched[count++] = {
            .fd = sockets[i],
            .events = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)),
            .revents = 0};
      }
    }
    wait_ms = WaitMs(until);
  }
  (void)::poll(watched.data(), count, wait_ms);
  std::uint64_t wakes = 0;
  (void)!::read(wake_, &wakes, sizeof(wakes));
  if (channel_ == nullptr) {
    return;
  }
  for (nfds_t i = 1; i < count; ++i) {
    const short events = watched[i].revents;
    const int fd = watched[i].fd;
    ares_process_fd(channel_, (events & (POLLIN | POLLERR | POLLHUP)) != 0 ? fd : ARES_SOCKET_BAD,
                    (events & POLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // its time-outs
}

}  // namespace reliability::net
