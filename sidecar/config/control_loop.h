#pragma once
// The control thread: loads policy.json and mode.json whenever they change, keeps the last good
// one, writes the ledger's file at most half a second after a change, and reads the system's CAs
// when the first connection needs them.
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/mutex.h"
#include "sidecar/config/file_watcher.h"
#include "sidecar/config/snapshot.h"
#include "sidecar/proxy/decisions.h"

namespace reliability::sidecar::config {

class ControlLoop {
 public:
  struct Files {
    std::string policy;
    std::string mode;    // may be empty
    std::string ledger;  // may be empty
  };
  // `publish` hands a new snapshot to the workers.
  ControlLoop(Files files, proxy::Environment environment, const Clock& clock,
              proxy::Decisions& decisions, metrics::Registry& registry,
              std::function<void(SnapshotPtr)> publish);
  ~ControlLoop() { Stop(); }
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  // In the calling thread, before Start(): the error of policy.json if there is no good one.
  [[nodiscard]] Status LoadOnce();
  void Start();
  // Joins the thread; the ledger's file is as of now afterwards.
  void Stop();

 private:
  void Run(const std::stop_token& stop);
  Status LoadPolicyFile();
  void LoadModeFile();
  void WriteLedger();
  // Connections of the current policy that need CAs are to wake this thread; once there was one, a
  // new policy has its CAs before it is used.
  void PrepareTls();
  void LoadNeededTls();
  // Files beside the policy in use: CAs of upstreams and tiers, keys of tiers.
  [[nodiscard]] std::vector<std::string> NamedFiles() const;
  // Changes when one of them does.
  [[nodiscard]] std::string StampOfNamedFiles() const;

  const Files files_;
  const proxy::Environment environment_;
  const Clock& clock_;
  proxy::Decisions& decisions_;
  metrics::Registry& registry_;
  const std::function<void(SnapshotPtr)> publish_;
  FileWatcher watcher_;
  // Control thread only (before Start: the starting one).
  SnapshotPtr current_;
  std::string policy_seen_;  // text and stamp of its files of the version looked at last
  std::string mode_seen_;
  std::vector<std::string> mode_ignored_;  // fields of it that were told
  bool ledger_write_failed_ = false;
  bool tls_used_ = false;
  Mutex mutex_;
  std::vector<std::shared_ptr<const net::TlsContext>> needed_ GUARDED_BY(mutex_);
  std::jthread thread_;
};

// The directory part, "." if there is none.
[[nodiscard]] std::string DirectoryOf(const std::string& path);

}  // namespace reliability::sidecar::config
