#pragma once
// What this process knows of one workload's mode.json, so that it is read seldom and written only
// when it is not as it should be. Not thread-safe; one object per workload.
#include <optional>
#include <string>

#include "controllers/enforcement/input.h"
#include "libs/base/clock.h"
#include "libs/sidecar_config/schema.h"

namespace reliability::controllers::enforcement {

class ModeFile {
 public:
  // False until it was read, and after a write without an answer: the map may hold either.
  [[nodiscard]] bool known() const { return known_; }
  [[nodiscard]] MonotonicTime checked_at() const { return checked_at_; }
  // Empty: there is no map or no such key.
  void Read(std::string json, MonotonicTime now);
  void Wrote(std::string json, const sidecar_config::ModeDocument& document, MonotonicTime now);
  void Forget() { known_ = false; }

  [[nodiscard]] const std::optional<PublishedMode>& published() const { return published_; }
  // How long ago this process wrote it.
  [[nodiscard]] std::optional<Milliseconds> SinceWritten(MonotonicTime now) const;

 private:
  bool known_ = false;
  std::string json_;
  std::optional<PublishedMode> published_;
  MonotonicTime checked_at_{};
  std::optional<MonotonicTime> written_at_;
};

}  // namespace reliability::controllers::enforcement
