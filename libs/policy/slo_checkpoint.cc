#include "libs/policy/slo_checkpoint.h"

#include <algorithm>
#include <utility>

#include "libs/base/hash.h"

namespace reliability::policy {
namespace {

constexpr std::string_view kMagic = "agslo";
// 2: of each pod, whether its end was seen. Version 1 is still read.
constexpr std::uint64_t kVersion = 2;
constexpr std::size_t kChecksumBytes = 8;

std::string EncodeBody(const CheckpointHeader& header, const SloState& state,
                       std::size_t max_pods) {
  ByteWriter out;
  out.Text(kMagic);
  out.Uint(kVersion);
  out.Int(header.leader_epoch);
  out.Text(header.slo_key);
  out.Time(header.written);
  state.Save(out, max_pods);
  return out.Take();
}

struct Opened {
  CheckpointHeader header;
  std::uint64_t version = 0;
};

// Checks magic, version and checksum; `in` then stands at the state.
Result<Opened> ReadHeader(std::string_view bytes, std::optional<ByteReader>& in) {
  if (bytes.size() < kChecksumBytes) {
    return Fail(Code::kInvalid, "checkpoint is cut off");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  ByteReader tail(bytes.substr(body.size()));
  ByteReader& reader = in.emplace(body);
  if (reader.Text() != kMagic) {
    return Fail(Code::kInvalid, "not an SLO checkpoint");
  }
  const std::uint64_t version = reader.Uint();
  if (version == 0 || version > kVersion) {
    return Fail(Code::kUnsupported, "checkpoint version " + std::to_string(version) +
                                        " is not among 1 to " + std::to_string(kVersion));
  }
  if (tail.Fixed64() != Fnv1a(body)) {
    return Fail(Code::kInvalid, "checkpoint is damaged: the checksum does not match");
  }
  Opened opened;
  opened.version = version;
  opened.header.leader_epoch = reader.Int();
  opened.header.slo_key = reader.Text();
  opened.header.written = reader.Time();
  return opened;
}

}  // namespace

Checkpoint EncodeCheckpoint(const CheckpointHeader& header, const SloState& state) {
  const std::size_t all = state.counters().pods();
  std::size_t pods = all;
  std::string body = EncodeBody(header, state, pods);
  while (body.size() + kChecksumBytes > kCheckpointMaxBytes && pods > 0) {
    pods -= std::max<std::size_t>(1, pods / 8);
    body = EncodeBody(header, state, pods);
  }
  ByteWriter checksum;
  checksum.Fixed64(Fnv1a(body));
  return {body + checksum.bytes(), all - pods};
}

Result<CheckpointHeader> DecodeCheckpointHeader(std::string_view bytes) {
  std::optional<ByteReader> in;
  RELIABILITY_ASSIGN_OR_RETURN(Opened opened, ReadHeader(bytes, in));
  return std::move(opened.header);
}

Status RestoreCheckpoint(std::string_view bytes, SloState& state) {
  std::optional<ByteReader> in;
  RELIABILITY_ASSIGN_OR_RETURN(const Opened opened, ReadHeader(bytes, in));
  state.Load(*in, opened.version);
  if (!in->ok() || !in->at_end()) {
    return Fail(Code::kInvalid, "checkpoint does not hold a state of this SLO");
  }
  return {};
}

}  // namespace reliability::policy
