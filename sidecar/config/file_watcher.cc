#include "sidecar/config/file_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace reliability::sidecar::config {

FileWatcher::FileWatcher(const std::vector<std::string>& directories)
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  inotify_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (inotify_ < 0) {
    polling_ = true;
    return;
  }
  for (const std::string& directory : directories) {
    Add(directory);
  }
}

void FileWatcher::Add(const std::string& directory) {
  constexpr std::uint32_t kEvents =
      IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF;
  if (inotify_ >= 0 && ::inotify_add_watch(inotify_, directory.c_str(), kEvents) < 0) {
    polling_ = true;  // not there yet, or the limit of watches is reached
  }
}

FileWatcher::~FileWatcher() {
  if (inotify_ >= 0) {
    ::close(inotify_);
  }
  ::close(event_);
}

void FileWatcher::Wake() {
  const std::uint64_t one = 1;
  // A full counter is awake already.
  [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof(one));
}

bool FileWatcher::Wait(std::optional<Milliseconds> limit) {
  if (polling_) {
    limit = std::min(limit.value_or(kPollInterval), kPollInterval);
  }
  std::array<pollfd, 2> waits{pollfd{event_, POLLIN, 0}, pollfd{inotify_, POLLIN, 0}};
  const nfds_t count = inotify_ >= 0 ? 2 : 1;
  const int timeout =
      limit.has_value() ? static_cast<int>(std::max<Milliseconds::rep>(0, limit->count())) : -1;
  (void)::poll(waits.data(), count, timeout);
  std::uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t got = ::read(event_, &wakes, sizeof(wakes));
  return DrainEvents() || polling_;
}

bool FileWatcher::DrainEvents() {
  bool any = false;
  alignas(inotify_event) char events[4096];
  while (inotify_ >= 0 && ::read(inotify_, events, sizeof(events)) > 0) {
    any = true;
  }
  return any;
}

}  // namespace reliability::sidecar::config
