#pragma once
// Wiring and life of the process: start, reload, drain, last words.
//
// Threads: main waits for signals; workers run the proxy; the control thread watches files and
// writes the ledger; the admin server, DNS and the log have one each.
#include <functional>
#include <string>

#include "libs/base/result.h"
#include "sidecar/options.h"

namespace reliability::sidecar {

// Runs until SIGTERM or SIGINT (block both in the calling thread first). Exit code 0 after an
// orderly end, 2 if flags, files or ports are wrong, with a line on stderr that names them.
// `listening` gets one JSON line with the ports once both are open.
[[nodiscard]] int RunSidecar(const Options& options,
                             const std::function<std::string(const std::string&)>& environment,
                             const std::function<void(const std::string&)>& listening,
                             const std::function<void(const std::string&)>& complain);

}  // namespace reliability::sidecar
