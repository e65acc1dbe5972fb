#include "libs/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

namespace reliability::net {
namespace {

constexpr Milliseconds kFresh{30'000};
constexpr Milliseconds kUsable{600'000};
constexpr Milliseconds kFailureHold{1'000};

}  // namespace

Resolver::Resolver(const Clock& clock, Lookup lookup) : clock_(clock), lookup_(std::move(lookup)) {}

Resolver::~Resolver() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
}

Result<Resolver::Addresses> Resolver::SystemLookup(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    const bool temporary = error == EAI_AGAIN || error == EAI_SYSTEM || error == EAI_MEMORY;
    return Fail(temporary ? Code::kExhausted : Code::kNotFound,
                host + ": " + ::gai_strerror(error));
  }
  Addresses addresses;
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    if (item->ai_family == AF_INET) {
      sockaddr_in in{};
      std::memcpy(&in, item->ai_addr, sizeof(in));
      addresses.emplace_back(boost::asio::ip::address_v4(ntohl(in.sin_addr.s_addr)));
    } else if (item->ai_family == AF_INET6) {
      sockaddr_in6 in6{};
      std::memcpy(&in6, item->ai_addr, sizeof(in6));
      boost::asio::ip::address_v6::bytes_type bytes{};
      std::memcpy(bytes.data(), &in6.sin6_addr, bytes.size());
      addresses.emplace_back(boost::asio::ip::address_v6(bytes, in6.sin6_scope_id));
    }
  }
  ::freeaddrinfo(list);
  if (addresses.empty()) {
    return Fail(Code::kNotFound, host + ": no address");
  }
  return addresses;
}

Resolver::Answer Resolver::Resolve(const std::string& host, const Executor& executor,
                                   std::function<void()> ready) {
  boost::system::error_code not_an_address;
  const auto literal = boost::asio::ip::make_address(host, not_an_address);
  if (!not_an_address) {
    return {.state = State::kReady, .addresses = {literal}, .error = {}};
  }
  const MonotonicTime now = clock_.MonotonicNow();
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[host];
  const Milliseconds age = now - entry.resolved_at;
  if (!entry.addresses.empty() && age < kUsable) {
    if (age >= kFresh && (!entry.failed || now - entry.failed_at >= kFailureHold)) {
      Enqueue(host, entry);
    }
    return {.state = State::kReady, .addresses = entry.addresses, .error = {}};
  }
  if (entry.failed && now - entry.failed_at < kFailureHold) {
    return {.state = State::kFailed, .addresses = {}, .error = entry.error};
  }
  if (!closed_) {
    entry.waiters.emplace_back(executor, std::move(ready));
    Enqueue(host, entry);
  }
  return {};
}

void Resolver::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto& [host, entry] : entries_) {
    entry.waiters.clear();
  }
}

void Resolver::Refresh(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host);
  if (found != entries_.end()) {
    Enqueue(host, found->second);
  }
}

void Resolver::Enqueue(const std::string& host, Entry& entry) {
  if (entry.queued) {
    return;
  }
  entry.queued = true;
  queue_.push_back(host);
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }
  wake_.notify_one();
}

void Resolver::Run(const std::stop_token& stop) {
  while (true) {
    std::string host;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !queue_.empty(); }) || stop.stop_requested()) {
        return;
      }
      host = std::move(queue_.front());
      queue_.pop_front();
    }
    Result<Addresses> found = lookup_(host);
    const MonotonicTime now = clock_.MonotonicNow();
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[host];
    entry.queued = false;
    entry.failed = !found.has_value();
    if (found.has_value()) {
      entry.addresses = std::move(*found);
      entry.resolved_at = now;
    } else {
      entry.error = found.error();
      entry.failed_at = now;
    }
    // Under the lock, so that no executor is touched after Close(); post() runs nothing here.
    for (auto& [executor, ready] : std::exchange(entry.waiters, {})) {
      boost::asio::post(executor, std::move(ready));
    }
  }
}

}  // namespace reliability::net
