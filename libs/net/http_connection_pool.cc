#include "libs/net/http_connection_pool.h"

#include <algorithm>
#include <utility>

namespace reliability::net {

Stream ConnectionPool::Acquire(const std::string& key, Call call) {
  const auto found = idle_.find(key);
  if (found == idle_.end()) {
    return {};
  }
  const MonotonicTime now = deadlines_.Now();
  const Milliseconds max_idle = call == Call::kRepeatable ? kMaxIdle : kMaxIdleUnrepeatable;
  std::vector<Idle>& idle = found->second;
  while (!idle.empty() && now - idle.back().since < max_idle) {
    Stream stream = std::move(idle.back().stream);
    const bool watch_is_enough = call == Call::kRepeatable && idle.back().proven;
    idle.pop_back();
    if ((watch_is_enough && stream.quiet_so_far()) || stream.PeekState() == Stream::Peek::kQuiet) {
      return stream;
    }
  }
  return {};
}

void ConnectionPool::Release(const std::string& key, Stream stream, bool reused) {
  stream.Attach(nullptr);
  auto found = idle_.find(key);  // cheaper than operator[], which always hashes
  if (found == idle_.end()) {
    found = idle_.try_emplace(key).first;
  }
  std::vector<Idle>& idle = found->second;
  if (idle.size() >= kMaxIdlePerOrigin) {
    // The oldest goes: calls that must not be made twice use young ones only, and would each need a
    // new connection while old ones fill the pool.
    idle.erase(idle.begin());
  }
  stream.WantRead();  // the next answer will want it, too
  const MonotonicTime now = deadlines_.Now();
  idle.push_back({std::move(stream), now, reused});
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
