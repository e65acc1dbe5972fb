#include "libs/net/http_connection_pool.h"

#include <algorithm>
#include <utility>

namespace reliability::net {

Stream ConnectionPool::Acquire(const std::string& key, Milliseconds max_idle) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) {
    return {};
  }
  const MonotonicTime now = deadlines_.Now();
  std::vector<Idle>& idle = found->second;
  while (!idle.empty() && now - idle.back().since < max_idle) {
    Stream stream = std::move(idle.back().stream);
    idle.pop_back();
    if (stream.PeekState() == Stream::Peek::kQuiet) {
      return stream;
    }
  }
  return {};
}

void ConnectionPool::Release(const std::string& key, Stream stream) {
  stream.Attach(nullptr);
  auto found = idle_.find(key);  // cheaper than operator[], which always hashes
  if (found == idle_.end()) {
    found = idle_.try_emplace(key).first;
  }
  std::vector<Idle>& idle = found->second;
  if (idle.size() >= kMaxIdlePerOrigin) {
    return;
  }
  const MonotonicTime now = deadlines_.Now();
  idle.push_back({std::move(stream), now});
  if (!purge_.set()) {
    purge_.Set(now + kMaxIdle);
  }
}

std::size_t ConnectionPool::idle() const {
  std::size_t count = 0;
  for (const auto& [key, list] : idle_) {
    count += list.size();
  }
  return count;
}

void ConnectionPool::Notify() {
  const MonotonicTime now = deadlines_.Now();
  MonotonicTime oldest = MonotonicTime::max();
  for (auto it = idle_.begin(); it != idle_.end();) {
    std::erase_if(it->second, [now](const Idle& idle) { return now - idle.since >= kMaxIdle; });
    if (it->second.empty()) {
      it = idle_.erase(it);
      continue;
    }
    oldest = std::min(oldest, it->second.front().since);
    ++it;
  }
  if (oldest != MonotonicTime::max()) {
    purge_.Set(oldest + kMaxIdle);
  }
}

}  // namespace reliability::net
