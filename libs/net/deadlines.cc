#include "libs/net/deadlines.h"

#include <algorithm>

namespace reliability::net {

void Deadline::Set(MonotonicTime at) {
  at_ = at;
  if (!linked_) {
    linked_ = true;
    previous_ = nullptr;
    next_ = owner_->head_;
    if (next_ != nullptr) {
      next_->previous_ = this;
    }
    owner_->head_ = this;
  }
  owner_->Arm(at);
}

void Deadline::Clear() {
  if (!linked_) {
    return;
  }
  linked_ = false;
  if (previous_ != nullptr) {
    previous_->next_ = next_;
  } else {
    owner_->head_ = next_;
  }
  if (next_ != nullptr) {
    next_->previous_ = previous_;
  }
  previous_ = nullptr;
  next_ = nullptr;
}

void Deadlines::Arm(MonotonicTime at) {
  if (armed_ && armed_for_ <= at) {
    return;
  }
  armed_ = true;
  armed_for_ = std::max(at, Now() + kDeadlineTick);
  // A replaced wait completes with operation_aborted.
  timer_.expires_at(armed_for_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      OnTimer();
    }
  });
}

void Deadlines::OnTimer() {
  ++wakeups_;
  armed_ = false;
  const MonotonicTime now = Now();
  MonotonicTime earliest = MonotonicTime::max();
  for (Deadline* deadline = head_; deadline != nullptr;) {
    Deadline* next = deadline->next_;
    if (deadline->at_ <= now) {
      deadline->Clear();
      deadline->target_->Notify();
    } else {
      earliest = std::min(earliest, deadline->at_);
    }
    deadline = next;
  }
  if (head_ != nullptr) {
    Arm(earliest);
  }
}

}  // namespace reliability::net
