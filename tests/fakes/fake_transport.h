#pragma once
// An http::Transport that gives scripted answers in order and records the requests. Thread-safe.
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "libs/base/mutex.h"
#include "libs/http/transport.h"

namespace reliability::fakes {

class FakeTransport final : public http::Transport {
 public:
  void Answer(int status, std::string body, std::vector<http::Header> headers = {}) {
    Push({Error{}, http::Response{status, std::move(headers), std::move(body)}, {}, false});
  }
  // A 200 whose body comes in these pieces; then the stream ends, or fails with `error`.
  void AnswerStream(std::vector<std::string> pieces) {
    Push({Error{}, http::Response{200, {}, {}}, std::move(pieces), false});
  }
  void AnswerStream(std::vector<std::string> pieces, Error error) {
    Push({std::move(error), http::Response{200, {}, {}}, std::move(pieces), true});
  }
  void Fail(Error error) { Push({std::move(error), {}, {}, true}); }

  std::vector<http::Request> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }

  Result<http::Response> Send(const http::Request& request, Milliseconds deadline) override {
    Script script = Next(request, deadline);
    if (script.failed) {
      return reliability::Fail(std::move(script.error));
    }
    script.response.body.reserve(script.response.body.size() + 64);
    return std::move(script.response);
  }

  Result<http::Response> Stream(const http::Request& request, const http::StreamLimits& limits,
                                const http::ChunkCallback& on_chunk,
                                const std::stop_token& stop) override {
    Script script = Next(request, limits.total);
    for (const std::string& piece : script.pieces) {
      if (stop.stop_requested()) {
        return reliability::Fail(Code::kCancelled, "stopped");
      }
      if (!on_chunk(piece)) {
        return std::move(script.response);
      }
    }
    if (script.failed) {
      return reliability::Fail(std::move(script.error));
    }
    return std::move(script.response);
  }

  // Time limit of the last call (of a stream: the total).
  Milliseconds last_deadline() const {
    const MutexLock lock(mutex_);
    return last_deadline_;
  }

 private:
  struct Script {
    Error error;
    http::Response response;
    std::vector<std::string> pieces;
    bool failed = false;
  };

  void Push(Script script) {
    const MutexLock lock(mutex_);
    scripts_.push_back(std::move(script));
  }
  Script Next(const http::Request& request, Milliseconds deadline) {
    const MutexLock lock(mutex_);
    requests_.push_back(request);
    last_deadline_ = deadline;
    if (scripts_.empty()) {
      return {Error{Code::kUnavailable, "no answer is scripted", std::nullopt, {}}, {}, {}, true};
    }
    Script script = std::move(scripts_.front());
    scripts_.pop_front();
    return script;
  }

  mutable Mutex mutex_;
  std::deque<Script> scripts_ GUARDED_BY(mutex_);
  std::vector<http::Request> requests_ GUARDED_BY(mutex_);
  Milliseconds last_deadline_ GUARDED_BY(mutex_){0};
};

}  // namespace reliability::fakes
