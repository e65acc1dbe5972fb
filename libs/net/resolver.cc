#include "libs/net/resolver.h"

#include <algorithm>
#include <utility>

#include "libs/net/address_order.h"
#include "libs/net/dns_client.h"

namespace reliability::net {
namespace {

constexpr Milliseconds kLeastTtl{5'000};
constexpr Milliseconds kMostTtl{300'000};
constexpr Milliseconds kUsable{600'000};
constexpr Milliseconds kFailureHold{1'000};
constexpr Milliseconds kLong{250};  // for a look-up, if there is an older answer

}  // namespace

Resolver::Resolver(const Clock& clock) : Resolver(clock, std::make_unique<DnsClient>(clock)) {}

Resolver::Resolver(const Clock& clock, std::unique_ptr<NameSource> source)
    : clock_(clock), source_(std::move(source)) {}

Resolver::Answer Resolver::Resolve(const std::string& host, const Executor& executor,
                                   std::function<void()> ready) {
  boost::system::error_code not_an_address;
  const auto literal = boost::asio::ip::make_address(host, not_an_address);
  Answer answer;
  if (!not_an_address) {
    answer.state = State::kReady;
    answer.addresses = {literal};
    return answer;
  }
  const MonotonicTime now = clock_.MonotonicNow();
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[host];
  if (!entry.addresses.empty() && now - entry.answered_at < kUsable) {
    answer.addresses = entry.addresses;
  }
  const bool usable = !answer.addresses.empty();
  if (usable && now < entry.fresh_until) {
    if (now >= entry.renew_at) {
      AskQuietly(host, entry);
    }
    answer.state = State::kReady;
    return answer;
  }
  if (entry.failed && now - entry.failed_at < kFailureHold) {
    answer.state = usable ? State::kReady : State::kFailed;
    answer.error = entry.error;
    return answer;
  }
  if (closed_) {
    return answer;
  }
  Ask(host, entry);
  if (usable && now - entry.asked_at >= kLong) {
    answer.state = State::kReady;
    return answer;
  }
  entry.waiters.Add(executor, std::move(ready));
  if (usable) {
    answer.ask_again_at = entry.asked_at + kLong;
  }
  return answer;
}

void Resolver::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [host, entry] : entries_) {
      entry.waiters.Clear();
    }
  }
  source_->Close();
}

void Resolver::Refresh(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host);
  if (found != entries_.end() && !closed_) {
    AskQuietly(host, found->second);
  }
}

void Resolver::Prefer(const std::string& host, const boost::asio::ip::address& address) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(host);
  if (found != entries_.end()) {
    found->second.v4_first = address.is_v4();
    Reorder(found->second);
  }
}

void Resolver::Reorder(Entry& entry) {
  if (entry.v4_first.has_value() && !entry.addresses.empty() &&
      entry.addresses.front().is_v4() != *entry.v4_first) {
    entry.addresses = Interleave(entry.addresses, *entry.v4_first);
  }
}

void Resolver::AskQuietly(const std::string& host, Entry& entry) {
  if (clock_.MonotonicNow() - entry.asked_at >= kFailureHold) {
    Ask(host, entry);
  }
}

void Resolver::Ask(const std::string& host, Entry& entry) {
  if (entry.asked) {
    return;
  }
  entry.asked = true;
  entry.asked_at = clock_.MonotonicNow();
  source_->Look(host,
                [this, host](Result<NameAnswer> answer) { Answered(host, std::move(answer)); });
}

void Resolver::Answered(const std::string& host, Result<NameAnswer> answer) {
  const MonotonicTime now = clock_.MonotonicNow();
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[host];
  entry.asked = false;
  entry.failed = !answer.has_value();
  if (answer.has_value()) {
    const Milliseconds ttl = std::clamp(answer->ttl, kLeastTtl, kMostTtl);
    entry.addresses = std::move(answer->addresses);
    Reorder(entry);
    entry.answered_at = now;
    entry.fresh_until = now + ttl;
    entry.renew_at = now + ttl / 5 * 4;
  } else {
    entry.error = answer.error();
    entry.failed_at = now;
  }
  entry.waiters.Wake();  // under the lock, so that no executor is touched after Close()
}

}  // namespace reliability::net
