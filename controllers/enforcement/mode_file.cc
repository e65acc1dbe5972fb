#include "controllers/enforcement/mode_file.h"

#include <utility>

#include "libs/sidecar_config/decode.h"

namespace reliability::controllers::enforcement {

void ModeFile::Read(std::string json, MonotonicTime now) {
  const bool foreign = known_ && json != json_;
  published_.reset();
  if (!json.empty()) {
    // Broken by somebody: no order at all, and to be written again.
    published_ = PublishedMode{.order = {}, .normal = false, .intact = false};
    if (const auto decoded = sidecar_config::DecodeMode(json)) {
      const sidecar_config::ModeDocument& document = decoded->document;
      published_ = PublishedMode{.order = {document.leader_epoch, document.generation},
                                 .normal = document.mode == sidecar_config::Mode::kNormal,
                                 .intact = !foreign};
    }
  }
  json_ = std::move(json);
  known_ = true;
  checked_at_ = now;
}

void ModeFile::Wrote(std::string json, const sidecar_config::ModeDocument& document,
                     MonotonicTime now) {
  published_ = PublishedMode{.order = {document.leader_epoch, document.generation},
                             .normal = document.mode == sidecar_config::Mode::kNormal,
                             .intact = true};
  json_ = std::move(json);
  known_ = true;
  checked_at_ = now;
  written_at_ = now;
}

std::optional<Milliseconds> ModeFile::SinceWritten(MonotonicTime now) const {
  if (!written_at_) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<Milliseconds>(now - *written_at_);
}

}  // namespace reliability::controllers::enforcement
