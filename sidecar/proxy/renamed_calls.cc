#include "sidecar/proxy/renamed_calls.h"

#include <utility>

namespace reliability::sidecar::proxy {
namespace {

// None of the parts can hold a line's end.
std::string KeyOf(std::string_view route, std::string_view session, std::string_view id_json) {
  std::string key;
  key.reserve(route.size() + session.size() + id_json.size() + 2);
  key += route;
  key += '\n';
  key += session;
  key += '\n';
  key += id_json;
  return key;
}

}  // namespace

RenamedCalls::Entry::Entry(Entry&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      key_(std::move(other.key_)),
      serial_(other.serial_) {}

RenamedCalls::Entry& RenamedCalls::Entry::operator=(Entry&& other) noexcept {
  if (this != &other) {
    Release();
    table_ = std::exchange(other.table_, nullptr);
    key_ = std::move(other.key_);
    serial_ = other.serial_;
  }
  return *this;
}

void RenamedCalls::Entry::Release() {
  if (table_ != nullptr) {
    std::exchange(table_, nullptr)->Remove(key_, serial_);
  }
}

RenamedCalls::Entry RenamedCalls::Add(std::string_view route, std::string_view session,
                                      std::string_view id_json, std::string upstream_id_json) {
  Entry entry;
  if (session.empty() || id_json.empty() ||
      route.size() + session.size() + id_json.size() > kMaxKeyBytes) {
    return entry;
  }
  std::string key = KeyOf(route, session, id_json);
  const MutexLock lock(mutex_);
  auto found = calls_.find(key);
  if (found == calls_.end()) {
    if (calls_.size() >= kMaxCalls) {
      return entry;
    }
    found = calls_.emplace(key, Known{}).first;
  }
  found->second = {std::move(upstream_id_json), next_serial_++};
  entry.table_ = this;
  entry.key_ = std::move(key);
  entry.serial_ = found->second.serial;
  return entry;
}

std::optional<std::string> RenamedCalls::UpstreamId(std::string_view route,
                                                    std::string_view session,
                                                    std::string_view id_json) const {
  if (session.empty()) {
    return std::nullopt;
  }
  const MutexLock lock(mutex_);
  if (calls_.empty()) {
    return std::nullopt;
  }
  const auto found = calls_.find(KeyOf(route, session, id_json));
  return found == calls_.end() ? std::nullopt : std::optional(found->second.upstream_id_json);
}

std::size_t RenamedCalls::size() const {
  const MutexLock lock(mutex_);
  return calls_.size();
}

void RenamedCalls::Remove(const std::string& key, std::uint64_t serial) {
  const MutexLock lock(mutex_);
  const auto found = calls_.find(key);
  if (found != calls_.end() && found->second.serial == serial) {
    calls_.erase(found);
  }
}

}  // namespace reliability::sidecar::proxy
