#include "controllers/slo_evidence/evidence_board.h"

namespace reliability::controllers {

void EvidenceBoard::Publish(Ptr evidence) {
  {
    const MutexLock lock(mutex_);
    evidence_[evidence->slo] = evidence;
  }
  for (const Handler& handler : handlers_) {
    handler(*evidence);
  }
}

void EvidenceBoard::Remove(std::string_view slo) {
  const MutexLock lock(mutex_);
  if (const auto it = evidence_.find(slo); it != evidence_.end()) {
    evidence_.erase(it);
  }
  if (const auto it = close_requests_.find(slo); it != close_requests_.end()) {
    close_requests_.erase(it);
  }
}

EvidenceBoard::Ptr EvidenceBoard::Get(std::string_view slo) const {
  const MutexLock lock(mutex_);
  const auto it = evidence_.find(slo);
  return it == evidence_.end() ? nullptr : it->second;
}

void EvidenceBoard::RequestClose(std::string_view slo) {
  const std::string name(slo);
  {
    const MutexLock lock(mutex_);
    close_requests_.insert(name);
  }
  for (const auto& handler : close_handlers_) {
    handler(name);
  }
}

bool EvidenceBoard::TakeCloseRequest(std::string_view slo) {
  const MutexLock lock(mutex_);
  const auto it = close_requests_.find(slo);
  if (it == close_requests_.end()) {
    return false;
  }
  close_requests_.erase(it);
  return true;
}

}  // namespace reliability::controllers
