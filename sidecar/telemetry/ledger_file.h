#pragma once
// The ledger's file in the pod's emptyDir: survives a restart of the container. Blocking file
// access: control thread (or start-up) only. Written beside it and renamed into place, so a reader
// never sees half a file.
#include <string>
#include <string_view>

#include "libs/base/result.h"

namespace reliability::sidecar::telemetry {

// kNotFound if there is none yet; kUnavailable names path and reason; kInvalid beyond 1 MiB.
[[nodiscard]] Result<std::string> ReadLedgerFile(const std::string& path);
[[nodiscard]] Status WriteLedgerFile(const std::string& path, std::string_view text);

}  // namespace reliability::sidecar::telemetry
