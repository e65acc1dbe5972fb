// agent-reliability-sidecar: see options.cc for the flags, app.h for what it does.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "sidecar/app.h"
#include "sidecar/options.h"

namespace {

std::string ReadEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::string{} : std::string(value);
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread: they inherit the mask, and main alone waits for these.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL

  const auto options = reliability::sidecar::ParseOptions(
      std::vector<std::string>(argv + 1, argv + argc), ReadEnvironment);
  if (!options.has_value()) {
    std::fprintf(stderr, "agent-reliability-sidecar: %s\n", options.error().message.c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(reliability::sidecar::HelpText().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::printf("agent-reliability-sidecar %s\n", RELIABILITY_VERSION);
    return 0;
  }
  return reliability::sidecar::RunSidecar(
      *options, ReadEnvironment,
      [](const std::string& line) {
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
      },
      [](const std::string& message) {
        std::fprintf(stderr, "agent-reliability-sidecar: %s\n", message.c_str());
      });
}
