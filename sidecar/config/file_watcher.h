#pragma once
// Tells when files in a few directories may have changed: inotify on the directories (a ConfigMap
// volume swaps its `..data` link there), else a look every second (inotify instances are limited
// per host user: operator ruling 6). Only a hint: the caller compares contents. One thread waits;
// Wake() may come from any.
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.h"

namespace reliability::sidecar::config {

class FileWatcher {
 public:
  static constexpr Milliseconds kPollInterval{1000};

  explicit FileWatcher(const std::vector<std::string>& directories);
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  // Watches a further directory; again: nothing. If it is not there, all are polled from now on.
  void Add(const std::string& directory);
  // Returns when a directory changed, Wake() was called or `limit` is over (nullopt = no limit).
  // True if files should be looked at.
  bool Wait(std::optional<Milliseconds> limit);
  void Wake();
  [[nodiscard]] bool polling() const { return polling_; }

 private:
  bool DrainEvents();

  int inotify_ = -1;
  int event_ = -1;
  bool polling_ = false;
};

}  // namespace reliability::sidecar::config
