#include "libs/net/connect_race.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace reliability::net {

ConnectRace::ConnectRace(const Executor& executor, Signal& signal, Addresses addresses,
                         std::uint16_t port)
    : executor_(executor), signal_(signal), addresses_(std::move(addresses)), port_(port) {}

IoStatus ConnectRace::Poll(MonotonicTime now) {
  while (true) {
    if (FindWinner()) {
      running_.clear();
      return IoStatus::kOk;
    }
    if (!exhausted() && (running_.empty() || now >= next_at_)) {
      StartNext(now);
      continue;  // on this machine, or close by, it may be connected already
    }
    if (running_.empty()) {
      return IoStatus::kError;
    }
    for (Runner& runner : running_) {
      runner.stream.WantWrite();
    }
    return IoStatus::kAgain;
  }
}

MonotonicTime ConnectRace::next_at() const { return exhausted() ? MonotonicTime::max() : next_at_; }

Stream ConnectRace::TakeWinner() { return std::move(won_); }

void ConnectRace::StartNext(MonotonicTime now) {
  const std::size_t index = next_++;
  next_at_ = now + kNextAddressAfter;
  auto made = Stream::Connect(executor_, {addresses_[index], port_});
  if (!made.has_value()) {
    next_at_ = now;
    Failed(made.error().code, made.error().message);
    return;
  }
  made->Attach(&signal_);
  running_.push_back({.address = index, .stream = std::move(*made)});
}

bool ConnectRace::FindWinner() {
  for (auto runner = running_.begin(); runner != running_.end();) {
    const IoResult result = runner->stream.PollConnect();
    if (result.status == IoStatus::kOk) {
      winner_ = runner->address;
      won_ = std::move(runner->stream);
      return true;
    }
    if (result.status == IoStatus::kAgain) {
      ++runner;
      continue;
    }
    const bool local = result.error == ENETUNREACH || result.error == EADDRNOTAVAIL;
    Failed(local ? Code::kExhausted : Code::kUnavailable,
           std::string("connect: ") + std::strerror(result.error));
    if (runner->address + 1 == next_) {
      next_at_ = {};  // nothing to wait for: the next one is due
    }
    runner = running_.erase(runner);
  }
  return false;
}

void ConnectRace::Failed(Code code, const std::string& message) {
  if (!failed_ || (error_.code == Code::kExhausted && code != Code::kExhausted)) {
    error_ = {.code = code, .message = message, .retry_after = {}, .reason = {}};
  }
  failed_ = true;
}

}  // namespace reliability::net
