#pragma once
// The saved state of one SLO (ruling 20): what lets a new leader go on without losing or doubling a
// count. Versioned, checksummed, at most 64 KiB. Pure.
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.h"
#include "libs/policy/slo_state.h"

namespace reliability::policy {

inline constexpr std::size_t kCheckpointMaxBytes = std::size_t{64} * 1024;

struct CheckpointHeader {
  std::int64_t leader_epoch = 0;  // Lease leaseTransitions of the writer
  std::string slo_key;            // "<SLO uid>/<hash of sli>": of another key, it is not ours
  SystemTime written{};
};

struct Checkpoint {
  std::string bytes;
  // With very many pods those read longest ago do not fit. After a restart they count anew.
  std::size_t pods_left_out = 0;
};

// Never larger than kCheckpointMaxBytes.
[[nodiscard]] Checkpoint EncodeCheckpoint(const CheckpointHeader& header, const SloState& state);

// The header alone; kInvalid if the bytes are damaged, kUnsupported for a newer version.
[[nodiscard]] Result<CheckpointHeader> DecodeCheckpointHeader(std::string_view bytes);

// Fills `state`, which was made with the SLO's current settings; on an error it is unusable.
[[nodiscard]] Status RestoreCheckpoint(std::string_view bytes, SloState& state);

}  // namespace reliability::policy
