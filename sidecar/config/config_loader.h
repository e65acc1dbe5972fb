#pragma once
// policy.json and mode.json from files to what the proxy uses. Keeps nothing: who calls it decides
// what the last good one was. Reads files and CA stores: not on a loop thread.
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/log.h"
#include "libs/base/result.h"
#include "libs/base/strings.h"
#include "libs/sidecar_config/decode.h"
#include "sidecar/config/snapshot.h"

namespace reliability::sidecar::config {

// At most 1 MiB. kNotFound: there is none; kUnavailable names path and reason.
[[nodiscard]] Result<std::string> ReadDocument(const std::string& path);

// kInvalid begins with the JSON path. `directory` is where a relative caFile lies. The snapshot's
// TLS is not loaded.
[[nodiscard]] Result<SnapshotPtr> LoadPolicy(const std::string& text, const std::string& directory,
                                             const proxy::Environment& environment,
                                             metrics::Registry& registry);
[[nodiscard]] Result<sidecar_config::Decoded<sidecar_config::ModeDocument>> LoadMode(
    const std::string& text);

// Logs which fields of `document`, a file's name, this sidecar is too old to know.
template <class T>
void TellIgnored(std::string_view document, const sidecar_config::Decoded<T>& decoded) {
  log::Warn("config_fields_ignored", {{"document", document},
                                      {"count", decoded.ignored_fields},
                                      {"fields", Join(decoded.ignored_names, ", ")},
                                      {"why", "it was written for a newer sidecar"}});
}

}  // namespace reliability::sidecar::config
