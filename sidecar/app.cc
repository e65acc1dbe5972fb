#include "sidecar/app.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "libs/base/clock.h"
#include "libs/base/log.h"
#include "libs/base/rng.h"
#include "libs/net/http_server.h"
#include "libs/net/resolver.h"
#include "sidecar/config/control_loop.h"
#include "sidecar/proxy/decisions.h"
#include "sidecar/proxy/worker.h"
#include "sidecar/telemetry/admin.h"
#include "sidecar/telemetry/ledger.h"
#include "sidecar/telemetry/ledger_file.h"
#include "sidecar/telemetry/metrics.h"

namespace reliability::sidecar {
namespace {

constexpr const char* kLedgerFile = "/ledger.json";
constexpr const char* kTerminationLog = "/dev/termination-log";

std::string NewEpoch(const Clock& clock, Rng& rng) {
  return std::to_string(clock.SystemNow().time_since_epoch().count()) + "-" +
         std::to_string(rng.Next() % 1'000'000'000ULL);
}

// What earlier processes of this pod left. A broken file is set aside, never merged.
telemetry::Ledger::Earlier ReadEarlier(const std::string& file, const std::string& pod_uid) {
  if (file.empty()) {
    return {};
  }
  const auto text = telemetry::ReadLedgerFile(file);
  if (!text.has_value()) {
    if (text.error().code != Code::kNotFound) {
      log::Error("ledger_not_read", {{"why", text.error().message}});
    }
    return {};
  }
  auto earlier = telemetry::Ledger::EarlierFrom(*text, pod_uid);
  if (!earlier.has_value()) {
    log::Error("ledger_broken", {{"why", earlier.error().message}, {"kept_as", file + ".broken"}});
    (void)::rename(file.c_str(), (file + ".broken").c_str());
    return {};
  }
  return std::move(*earlier);
}

// Whole in one write, as the kubelet reads the file once the process is gone.
void WriteTerminationLog(const std::string& path, const std::string& text) {
  if (path.empty()) {
    return;
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    log::Error("last_words_not_written", {{"file", path}});
  }
  if (fd >= 0) {
    ::close(fd);
  }
}

int WaitForSignal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  int signal = 0;
  while (::sigwait(&set, &signal) != 0) {
  }
  return signal;
}

class App {
 public:
  App(const Options& options, proxy::Environment environment)
      : options_(options),
        environment_(std::move(environment)),
        clock_(MakeRealClock()),
        rng_(MakeRng(0)),
        resolver_(*clock_),
        ledger_file_(options.state_dir.empty() ? "" : options.state_dir + kLedgerFile),
        decisions_(*clock_, metrics_, MakeRng(0), options.pod_uid,
                   telemetry::Ledger(options.pod_uid, NewEpoch(*clock_, *rng_),
                                     ReadEarlier(ledger_file_, options.pod_uid))),
        admin_(decisions_, metrics_, [this] { return draining_.load(); }),
        termination_log_(options.termination_log) {
    if (termination_log_.empty() && ::access(kTerminationLog, W_OK) == 0) {
      termination_log_ = kTerminationLog;
    }
  }

  // Opens ports and loads documents; names what is wrong.
  [[nodiscard]] Status Start();
  [[nodiscard]] std::string Ports() const;
  // Finishes what runs, within the drain time; the last words come first and last.
  void Stop();

 private:
  void Drain();

  const Options& options_;
  const proxy::Environment environment_;
  const std::unique_ptr<Clock> clock_;
  const std::unique_ptr<Rng> rng_;
  telemetry::Metrics metrics_;
  net::Resolver resolver_;
  const std::string ledger_file_;
  proxy::Decisions decisions_;
  proxy::RenamedCalls renamed_;
  telemetry::Admin admin_;
  std::atomic<bool> draining_{false};
  std::string termination_log_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::unique_ptr<config::ControlLoop> control_;
  std::unique_ptr<net::HttpServer> admin_server_;
};

Status App::Start() {
  metrics_.OnCollect([this] {
    const auto mode = decisions_.Mode();
    telemetry::Metrics::Gauges gauges{.mode = mode.mode,
                                      .mode_stale = mode.stale,
                                      .throttle_probability = mode.reject_probability,
                                      .turns_running = mode.turns_running,
                                      .breakers = {}};
    const auto cost = decisions_.Cost();
    gauges.budgets = cost.active;
    gauges.day_limit = cost.limit;
    gauges.day = cost.day;
    for (const auto& breaker : decisions_.Breakers()) {
      gauges.breakers.push_back(
          {.key = breaker.key, .state = breaker.state, .operation = breaker.operation});
    }
    return gauges;
  });
  for (int i = 0; i < options_.workers; ++i) {
    auto worker =
        std::make_unique<proxy::Worker>(*clock_, resolver_, decisions_, renamed_, metrics_);
    const std::uint16_t port = workers_.empty() ? options_.listen_port : workers_.front()->port();
    if (const Status listening = worker->Listen(options_.listen_host, port, options_.workers > 1);
        !listening.has_value()) {
      return Fail(Code::kInvalid, "--listen: " + listening.error().message);
    }
    workers_.push_back(std::move(worker));
  }
  decisions_.OnEarlierWake([this](MonotonicTime at) { workers_.front()->HousekeepAt(at); });
  control_ = std::make_unique<config::ControlLoop>(
      config::ControlLoop::Files{options_.policy_file, options_.mode_file, ledger_file_},
      environment_, *clock_, decisions_, metrics_.registry(),
      [this](const config::SnapshotPtr& snapshot) {
        for (const auto& worker : workers_) {
          worker->Use(snapshot);
        }
      });
  const Status loaded = control_->LoadOnce();
  if (!loaded.has_value() && !options_.wait_for_policy) {
    return Fail(Code::kInvalid, "--policy: " + loaded.error().message);
  }
  if (!loaded.has_value()) {
    log::Warn("waiting_for_policy", {{"why", loaded.error().message}});
  }
  net::HttpServerOptions admin;
  admin.host = options_.admin_host;
  admin.port = options_.admin_port;
  auto server = net::HttpServer::Start(
      admin, [this](const net::HttpRequest& request) { return admin_.Handle(request); });
  if (!server.has_value()) {
    return Fail(Code::kInvalid, "--admin: " + server.error().message);
  }
  admin_server_ = std::move(*server);
  for (const auto& worker : workers_) {
    worker->Start();
  }
  control_->Start();
  return {};
}

std::string App::Ports() const {
  return R"({"event":"listening","proxy_port":)" + std::to_string(workers_.front()->port()) +
         R"(,"admin_port":)" + std::to_string(admin_server_->port()) + "}";
}

void App::Drain() {
  std::mutex mutex;
  std::condition_variable done;
  std::size_t left = workers_.size();
  for (const auto& worker : workers_) {
    worker->Drain([&] {
      const std::lock_guard lock(mutex);
      --left;
      done.notify_one();
    });
  }
  std::unique_lock lock(mutex);
  if (!done.wait_for(lock, options_.drain_timeout, [&] { return left == 0; })) {
    log::Warn("drain_timeout", {{"workers", left}});
  }
  lock.unlock();
  for (const auto& worker : workers_) {
    worker->Abort();
    worker->Join();  // no callback can come after this frame is gone
  }
}

void App::Stop() {
  draining_ = true;
  WriteTerminationLog(termination_log_, decisions_.LastWords());
  Drain();
  resolver_.Close();  // a look-up may come back when the workers are gone
  decisions_.Terminate();
  control_->Stop();
  WriteTerminationLog(termination_log_, decisions_.LastWords());
  admin_server_->Stop();
}

}  // namespace

int RunSidecar(const Options& options,
               const std::function<std::string(const std::string&)>& environment,
               const std::function<void(const std::string&)>& listening,
               const std::function<void(const std::string&)>& complain) {
  log::Init({.level = options.log_level, .async = true});
  App app(options, environment);
  if (const Status started = app.Start(); !started.has_value()) {
    log::Shutdown();
    complain(started.error().message);
    return 2;
  }
  listening(app.Ports());
  const int signal = WaitForSignal();
  log::Info("terminating", {{"signal", signal}});
  app.Stop();
  log::Info("terminated");
  log::Shutdown();
  return 0;
}

}  // namespace reliability::sidecar
