#include "sidecar/proxy/worker.h"

#include <unistd.h>

#include <utility>

#include "libs/base/log.h"

namespace reliability::sidecar::proxy {

Worker::Worker(const Clock& clock, net::Resolver& resolver, Decisions& decisions,
               RenamedCalls& renamed, telemetry::Metrics& metrics)
    : work_(boost::asio::make_work_guard(io_)),
      loop_(io_.get_executor(), clock, resolver, decisions, renamed, metrics),
      housekeeper_(loop_) {
  loop_.background_ended = [this] { CheckEmpty(); };
}

Worker::~Worker() {
  Abort();
  Join();
}

void Worker::Join() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

Status Worker::Listen(const std::string& host, std::uint16_t port, bool shared) {
  RELIABILITY_ASSIGN_OR_RETURN(listener_,
                               net::Listener::Listen(io_.get_executor(), host, port, shared));
  return {};
}

void Worker::Start() {
  listener_->Start([this](int descriptor) { Accept(descriptor); });
  thread_ = std::jthread([this] { io_.run(); });
}

void Worker::Accept(int descriptor) {
  if (sessions_.size() >= kMaxConnections || loop_.draining) {
    ::close(descriptor);
    return;
  }
  auto stream = net::Stream::Adopt(io_.get_executor(), descriptor);
  if (!stream.has_value()) {
    return;
  }
  auto session = std::make_shared<ProxySession>(loop_, std::move(*stream));
  sessions_.insert(session.get());
  loop_.metrics.AddConnections(1);
  ProxySession* raw = session.get();
  net::Spawn(io_.get_executor(), Serve(std::move(session)), [this, raw] { Ended(raw); });
}

net::Task<> Worker::Serve(std::shared_ptr<ProxySession> session) { co_await session->Run(); }

void Worker::Ended(ProxySession* session) {
  sessions_.erase(session);
  loop_.metrics.AddConnections(-1);
  CheckEmpty();
}

void Worker::CheckEmpty() {
  if (sessions_.empty() && loop_.background.empty() && drained_) {
    std::exchange(drained_, nullptr)();
  }
}

void Worker::StirAll() {
  for (ProxySession* session : sessions_) {
    session->Stir();
  }
  for (net::Signal* signal : loop_.background) {
    signal->Notify();
  }
}

void Worker::Use(config::SnapshotPtr snapshot) {
  boost::asio::post(io_, [this, snapshot = std::move(snapshot)]() mutable {
    loop_.snapshot = std::move(snapshot);
  });
}

void Worker::HousekeepAt(MonotonicTime at) {
  boost::asio::post(io_, [this, at] { housekeeper_.At(at); });
}

void Worker::Housekeeper::At(MonotonicTime at) {
  if (!deadline_.set() || at < deadline_.at()) {
    deadline_.Set(at);
  }
}

void Worker::Housekeeper::Notify() {
  if (const auto next = loop_.decisions.Housekeep()) {
    deadline_.Set(*next);
  }
}

void Worker::Drain(std::function<void()> done) {
  boost::asio::post(io_, [this, done = std::move(done)]() mutable {
    loop_.draining = true;
    listener_->Stop();
    loop_.pool.Clear();
    drained_ = std::move(done);
    StirAll();
    CheckEmpty();
  });
}

void Worker::Abort() {
  boost::asio::post(io_, [this] {
    loop_.draining = true;
    loop_.aborting = true;
    if (listener_ != nullptr) {
      listener_->Stop();
    }
    loop_.pool.Clear();
    work_.reset();
    StirAll();
    drained_ = [this] { io_.stop(); };
    CheckEmpty();
  });
}

}  // namespace reliability::sidecar::proxy
