#include "sidecar/config/control_loop.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "libs/base/log.h"
#include "sidecar/config/config_loader.h"
#include "sidecar/telemetry/ledger_file.h"

namespace reliability::sidecar::config {
namespace {

constexpr Milliseconds kLedgerDelay{500};
constexpr std::string_view kNeverSeen = "\x01";  // no document begins so

std::vector<std::string> Directories(const ControlLoop::Files& files) {
  std::vector<std::string> directories{DirectoryOf(files.policy)};
  if (!files.mode.empty() && DirectoryOf(files.mode) != directories.front()) {
    directories.push_back(DirectoryOf(files.mode));
  }
  return directories;
}

}  // namespace

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

ControlLoop::ControlLoop(Files files, proxy::Environment environment, const Clock& clock,
                         proxy::Decisions& decisions, metrics::Registry& registry,
                         std::function<void(SnapshotPtr)> publish)
    : files_(std::move(files)),
      environment_(std::move(environment)),
      clock_(clock),
      decisions_(decisions),
      registry_(registry),
      publish_(std::move(publish)),
      watcher_(Directories(files_)),
      policy_seen_(kNeverSeen),
      mode_seen_(kNeverSeen) {
  decisions_.OnLedgerChange([this] { watcher_.Wake(); });
  if (watcher_.polling()) {
    log::Warn("config_polling", {{"why", "inotify is not available"}, {"interval_ms", 1000}});
  }
}

std::vector<std::string> ControlLoop::NamedFiles() const {
  std::vector<std::string> files;
  if (current_ == nullptr) {
    return files;
  }
  const auto add = [&](const std::string& file) {
    if (!file.empty()) {
      files.push_back(file.front() == '/' ? file : DirectoryOf(files_.policy) + "/" + file);
    }
  };
  for (const auto& upstream : current_->policy.upstreams) {
    add(upstream.ca_file);
  }
  if (const auto& chain = current_->policy.fallback_chain) {
    for (const auto& tier : chain->tiers) {
      add(tier.ca_file);
      add(tier.credential);
    }
  }
  return files;
}

std::string ControlLoop::StampOfNamedFiles() const {
  std::string stamp;
  for (const std::string& path : NamedFiles()) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) {
      stamp += std::to_string(info.st_ino) + "." + std::to_string(info.st_size) + "." +
               std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
    }
    stamp += ";";
  }
  return stamp;
}

Status ControlLoop::LoadPolicyFile() {
  auto text = ReadDocument(files_.policy);
  const std::string seen = (text.has_value() ? *text : text.error().message) + StampOfNamedFiles();
  if (seen == policy_seen_) {
    return {};
  }
  policy_seen_ = seen;
  if (!text.has_value()) {
    if (current_ != nullptr) {
      decisions_.ConfigRejected(true, text.error().message);
    }
    return Fail(text.error());
  }
  auto snapshot = LoadPolicy(*text, DirectoryOf(files_.policy), environment_, registry_);
  if (!snapshot.has_value()) {
    decisions_.ConfigRejected(true, snapshot.error().message);
    return Fail(snapshot.error());
  }
  current_ = std::move(*snapshot);
  for (const std::string& file : NamedFiles()) {
    watcher_.Add(DirectoryOf(file));
  }
  policy_seen_ = *text + StampOfNamedFiles();
  PrepareTls();
  decisions_.Configure(current_);
  publish_(current_);
  return {};
}

void ControlLoop::PrepareTls() {
  if (tls_used_) {
    current_->LoadTls();
    return;
  }
  for (const auto& context : current_->tls) {
    context->OnNeed([this, needed = std::weak_ptr(context)] {
      {
        const MutexLock lock(mutex_);
        needed_.push_back(needed.lock());
      }
      watcher_.Wake();
    });
  }
}

void ControlLoop::LoadNeededTls() {
  std::vector<std::shared_ptr<const net::TlsContext>> needed;
  {
    const MutexLock lock(mutex_);
    needed.swap(needed_);
  }
  for (const auto& context : needed) {
    tls_used_ = true;
    context->Load();
  }
}

void ControlLoop::LoadModeFile() {
  if (files_.mode.empty()) {
    return;
  }
  const auto text = ReadDocument(files_.mode);
  const std::string seen = text.has_value() ? *text : text.error().message;
  if (seen == mode_seen_) {
    return;
  }
  const bool first = mode_seen_ == kNeverSeen;
  mode_seen_ = seen;
  if (!text.has_value()) {
    if (text.error().code != Code::kNotFound) {
      decisions_.ConfigRejected(false, text.error().message);
    } else if (!first) {
      decisions_.ClearMode();
    }
    return;
  }
  const auto loaded = LoadMode(*text);
  if (!loaded.has_value()) {
    decisions_.ConfigRejected(false, loaded.error().message);
    return;
  }
  // An order that is only renewed says nothing new.
  if (std::exchange(mode_ignored_, loaded->ignored_names) != loaded->ignored_names &&
      !mode_ignored_.empty()) {
    TellIgnored("mode.json", *loaded);
  }
  decisions_.ApplyMode(loaded->document, loaded->ignored_fields);
}

Status ControlLoop::LoadOnce() {
  const Status policy = LoadPolicyFile();
  LoadModeFile();
  return policy;
}

void ControlLoop::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void ControlLoop::Stop() {
  if (!thread_.joinable()) {
    return;
  }
  thread_.request_stop();
  watcher_.Wake();
  thread_.join();
  decisions_.OnLedgerChange({});
  WriteLedger();
}

void ControlLoop::Run(const std::stop_token& stop) {
  std::optional<MonotonicTime> write_at;
  // A change between LoadOnce() and the first wait has its event waiting already.
  while (!stop.stop_requested()) {
    std::optional<Milliseconds> limit;
    if (write_at.has_value()) {
      limit = std::max(Milliseconds{0}, *write_at - clock_.MonotonicNow());
    }
    const bool look = watcher_.Wait(limit);
    LoadNeededTls();
    if (look) {
      // Errors were told by Decisions; the last good document stays.
      (void)LoadPolicyFile();
      LoadModeFile();
    }
    const MonotonicTime now = clock_.MonotonicNow();
    if (!write_at.has_value() && decisions_.LedgerChanged()) {
      write_at = now + kLedgerDelay;
    }
    if (write_at.has_value() && now >= *write_at) {
      write_at.reset();
      WriteLedger();
    }
  }
}

void ControlLoop::WriteLedger() {
  (void)decisions_.TakeLedgerChange();
  if (files_.ledger.empty()) {
    return;
  }
  const Status written = telemetry::WriteLedgerFile(files_.ledger, decisions_.LedgerFileText());
  if (written.has_value() == ledger_write_failed_) {
    ledger_write_failed_ = !written.has_value();
    if (ledger_write_failed_) {
      log::Error("ledger_not_written", {{"why", written.error().message}});
    } else {
      log::Info("ledger_written_again", {{"file", files_.ledger}});
    }
  }
}

}  // namespace reliability::sidecar::config
