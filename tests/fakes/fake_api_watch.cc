// The watches, faults and records of the fake API server.
#include <algorithm>
#include <mutex>
#include <utility>

#include "libs/base/strings.h"
#include "tests/fakes/fake_api_internal.h"

namespace reliability::fakes {

void FakeApiServer::AddFault(Fault fault) {
  const MutexLock lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FakeApiServer::Compact() {
  const MutexLock lock(mutex_);
  compacted_ = ++version_;
  history_.clear();
  changed_.notify_all();
}

void FakeApiServer::EndWatches() {
  const MutexLock lock(mutex_);
  ++watch_round_;
  changed_.notify_all();
}

void FakeApiServer::SendBookmarks() {
  const MutexLock lock(mutex_);
  ++bookmarks_;
  changed_.notify_all();
}

void FakeApiServer::SetChunkSize(std::size_t bytes) {
  const MutexLock lock(mutex_);
  chunk_size_ = bytes;
}

void FakeApiServer::AwaitWatches(std::size_t count, std::string_view part) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return static_cast<std::size_t>(std::count_if(open_watches_.begin(), open_watches_.end(),
                                                  [&](const std::string& target) {
                                                    return target.find(part) != std::string::npos;
                                                  })) >= count;
  });
}

std::size_t FakeApiServer::Count(std::string_view method, std::string_view part) const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(), [&](const SeenRequest& request) {
        return request.method == method && request.target.find(part) != std::string::npos;
      }));
}

void FakeApiServer::AwaitRequests(std::size_t count, std::string_view method,
                                  std::string_view part) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return static_cast<std::size_t>(
               std::count_if(requests_.begin(), requests_.end(), [&](const SeenRequest& request) {
                 return request.method == method && request.target.find(part) != std::string::npos;
               })) >= count;
  });
}

std::vector<SeenRequest> FakeApiServer::Requests() const {
  const MutexLock lock(mutex_);
  return requests_;
}

std::size_t FakeApiServer::Writes() const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(),
                    [](const SeenRequest& request) { return request.method != "GET"; }));
}

void FakeApiServer::ForgetRequests() {
  const MutexLock lock(mutex_);
  requests_.clear();
}

std::optional<Fault> FakeApiServer::TakeFault(const http::Request& request) {
  for (auto it = faults_.begin(); it != faults_.end(); ++it) {
    if ((it->method.empty() || it->method == request.method) &&
        request.url.find(it->target) != std::string::npos) {
      Fault fault = *it;
      if (--it->times <= 0) {
        faults_.erase(it);
      }
      return fault;
    }
  }
  return std::nullopt;
}

void FakeApiServer::Note(const http::Request& request) {
  SeenRequest seen{request.method,
                   request.url.substr(std::min(request.url.size(), request.url.find('/', 8))), "",
                   request.body};
  for (const http::Header& header : request.headers) {
    seen.content_type = header.name == "Content-Type" ? header.value : seen.content_type;
  }
  requests_.push_back(std::move(seen));
  changed_.notify_all();
}

std::string FakeApiServer::NextEvents(const Path& path, const Query& query, std::uint64_t& cursor,
                                      std::uint64_t& bookmarks) {
  const std::string selector = query.Find("labelSelector");
  const std::string fields = query.Find("fieldSelector");
  const auto matches = [&](const json& object) {
    return !object.is_null() && path.Covers(object) && MatchesSelector(selector, object, false) &&
           MatchesSelector(fields, object, true);
  };
  std::string text;
  for (const Change& change : history_) {
    if (change.version <= cursor || change.collection != path.collection) {
      continue;
    }
    // An object that leaves or enters the selection is deleted or added for this watch.
    const bool before = matches(change.before);
    const bool after = matches(change.after);
    if (change.type == "DELETED" ? !before : !before && !after) {
      continue;
    }
    const std::string type = change.type == "DELETED" || !after ? "DELETED"
                             : before                           ? "MODIFIED"
                                                                : "ADDED";
    text += json{{"type", type}, {"object", change.after}}.dump() + "\n";
  }
  cursor = std::max(cursor, version_);
  if (bookmarks != bookmarks_) {
    bookmarks = bookmarks_;
    text += json{{"type", "BOOKMARK"},
                 {"object", {{"metadata", {{"resourceVersion", std::to_string(version_)}}}}}}
                .dump() +
            "\n";
  }
  return text;
}

Result<http::Response> FakeApiServer::Stream(const http::Request& request,
                                             const http::StreamLimits& limits,
                                             const http::ChunkCallback& on_chunk,
                                             const std::stop_token& stop) {
  static_cast<void>(limits);
  Query query;
  const Path path = Path::Parse(request.url, query);
  const http::Response ended{200, {}, {}};
  std::unique_lock lock(mutex_);
  const std::optional<Fault> fault = TakeFault(request);
  Note(request);
  std::uint64_t cursor = ParseUint(query.Find("resourceVersion")).value_or(0);
  std::string text;
  bool cut = false;
  bool last = false;
  if (fault.has_value()) {
    switch (fault->kind) {
      case Fault::Kind::kStatus:
        return Failure(fault->status, fault->reason, "injected fault");
      case Fault::Kind::kUnreachable:
      case Fault::Kind::kActedNoAnswer:
        return Fail(Code::kUnavailable, "connection refused");
      case Fault::Kind::kTimeout:
        return Fail(Code::kTimeout, "no byte in time");
      case Fault::Kind::kCloseAtOnce:
        return ended;
      case Fault::Kind::kErrorEvent:
        text = json{{"type", "ERROR"},
                    {"object", StatusObject(fault->status, fault->reason, "injected fault")}}
                   .dump() +
               "\n";
        last = true;
        break;
      case Fault::Kind::kCutEvent:
        cut = true;
        break;
    }
  } else if (cursor > 0 && cursor < compacted_) {
    text = json{{"type", "ERROR"},
                {"object", StatusObject(410, "Expired", "too old resource version")}}
               .dump() +
           "\n";
    last = true;
  }
  if (cursor == 0 && text.empty()) {
    for (const auto& [key, stored] : collections_[path.collection]) {
      if (path.Covers(stored.object)) {
        text += json{{"type", "ADDED"}, {"object", stored.Shown()}}.dump() + "\n";
      }
    }
    cursor = version_;
  }
  std::uint64_t bookmarks = bookmarks_;
  const std::uint64_t round = watch_round_;
  open_watches_.push_back(request.url);
  changed_.notify_all();
  const auto close = [&] {
    open_watches_.erase(std::find(open_watches_.begin(), open_watches_.end(), request.url));
    changed_.notify_all();
  };
  for (;;) {
    if (text.empty()) {
      changed_.wait(lock, stop, [&] {
        text = NextEvents(path, query, cursor, bookmarks);
        return !text.empty() || round != watch_round_;
      });
    }
    if (stop.stop_requested()) {
      close();
      return Fail(Code::kCancelled, "stopped");
    }
    if (text.empty()) {
      close();
      return ended;
    }
    if (cut) {
      text.resize(text.size() / 2);
    }
    const std::size_t piece = chunk_size_ == 0 ? text.size() : chunk_size_;
    lock.unlock();
    bool wanted = true;
    for (std::size_t begin = 0; begin < text.size() && wanted; begin += piece) {
      wanted = on_chunk(std::string_view(text).substr(begin, piece));
    }
    text.clear();
    lock.lock();
    if (cut) {
      close();
      return Fail(Code::kUnavailable, "connection reset");
    }
    if (last || !wanted) {
      close();
      return ended;
    }
  }
}

}  // namespace reliability::fakes
