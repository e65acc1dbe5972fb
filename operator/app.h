#pragma once
// The operator process put together: what runs on every replica, what only on the leader, and in
// which order it ends.
//
//   all replicas   caches, webhook, certificates loaded, /metrics /healthz /readyz
//   leader         certificates made, scraper, controllers
//   end            controllers (they checkpoint) -> events written -> lease released -> webhook ->
//                  caches
#include <memory>
#include <string>

#include "libs/base/clock.h"
#include "libs/base/result.h"
#include "operator/options.h"

namespace reliability::op {

enum class Serve { kEverything, kNothing };

class App {
 public:
  // With kNothing it opens no address, makes no certificate and answers no webhook: the leader's
  // work alone.
  App(const Options& options, Clock& clock, Serve serve = Serve::kEverything);
  ~App();  // stops
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Opens the addresses and starts what every replica runs. Errors name flag, file or address.
  [[nodiscard]] Status Start();
  // Runs until Wake(kStop) or the leadership is lost. The exit code: 0 or 1.
  [[nodiscard]] int Run();
  // Orderly end. Idempotent.
  void Stop();

  // From any thread, also from signal waiters.
  void RequestStop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reliability::op
