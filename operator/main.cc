// agent-reliability-operator: only here the real clock, transport and signals are made.
#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <thread>
#include <vector>

#include "libs/base/log.h"
#include "libs/http/cpprest_transport.h"
#include "operator/app.h"
#include "operator/options.h"
#include "operator/release_all.h"

namespace {

namespace op = reliability::op;

constexpr int kWrongUse = 2;

// Blocked in every thread; one thread waits for them.
sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int RunOperator(const op::Options& options, reliability::Clock& clock) {
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the first thread: all inherit it
  reliability::http::InitPool();
  op::App app(options, clock);
  if (const auto started = app.Start(); !started.has_value()) {
    std::fprintf(stderr, "agent-reliability-operator: %s\n",
                 reliability::ToString(started.error()).c_str());
    return kWrongUse;
  }
  std::jthread waiter([&app, &signals](const std::stop_token& stop) {
    const timespec patience{0, 200'000'000};
    while (!stop.stop_requested()) {
      if (const int signal = sigtimedwait(&signals, nullptr, &patience); signal > 0) {
        reliability::log::Info("stopping", {{"signal", signal}});
        app.RequestStop();
      }
    }
  });
  const int code = app.Run();
  app.Stop();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto options = op::ParseOptions(arguments);
  if (!options.has_value()) {
    std::fprintf(stderr, "agent-reliability-operator: %s\nTry: agent-reliability-operator help\n",
                 options.error().message.c_str());
    return kWrongUse;
  }
  switch (options->command) {
    case op::Command::kHelp:
      std::fputs(std::string(op::HelpText()).c_str(), stdout);
      return 0;
    case op::Command::kVersion:
      std::puts("agent-reliability-operator " RELIABILITY_VERSION);
      return 0;
    case op::Command::kRun:
    case op::Command::kReleaseAll:
      break;
  }
  reliability::log::Options log_options;
  log_options.level = options->log_level;
  reliability::log::Init(log_options);
  const auto clock = reliability::MakeRealClock();
  int code = 0;
  if (options->command == op::Command::kRun) {
    code = RunOperator(*options, *clock);
  } else {
    reliability::http::InitPool();
    code = op::ReleaseAll(*options, *clock);
  }
  reliability::log::Shutdown();
  return code;
}
