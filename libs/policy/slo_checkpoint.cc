#include "libs/policy/slo_checkpoint.h"

#include <algorithm>

#include "libs/base/hash.h"

namespace reliability::policy {
namespace {

constexpr std::string_view kMagic = "agslo";
constexpr std::uint64_t kVersion = 1;
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

// Checks magic, version and checksum; `in` then stands at the state.
Result<CheckpointHeader> ReadHeader(std::string_view bytes, std::optional<ByteReader>& in) {
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
  if (version != kVersion) {
    return Fail(Code::kUnsupported, "checkpoint version " + std::to_string(version) + " is not " +
                                        std::to_string(kVersion));
  }
  if (tail.Fixed64() != Fnv1a(body)) {
    return Fail(Code::kInvalid, "checkpoint is damaged: the checksum does not match");
  }
  CheckpointHeader header;
  header.leader_epoch = reader.Int();
  header.slo_key = reader.Text();
  header.written = reader.Time();
  return header;
}

}  // namespace

std::string EncodeCheckpoint(const CheckpointHeader& header, const SloState& state) {
  std::size_t pods = state.counters().pods();
  std::string body = EncodeBody(header, state, pods);
  while (body.size() + kChecksumBytes > kCheckpointMaxBytes && pods > 0) {
    pods -= std::max<std::size_t>(1, pods / 8);
    body = EncodeBody(header, state, pods);
  }
  ByteWriter checksum;
  checksum.Fixed64(Fnv1a(body));
  return body + checksum.bytes();
}

Result<CheckpointHeader> DecodeCheckpointHeader(std::string_view bytes) {
  std::optional<ByteReader> in;
  return ReadHeader(bytes, in);
}

Status RestoreCheckpoint(std::string_view bytes, SloState& state) {
  std::optional<ByteReader> in;
  RELIABILITY_TRY(ReadHeader(bytes, in));
  state.Load(*in);
  if (!in->ok() || !in->at_end()) {
    return Fail(Code::kInvalid, "checkpoint does not hold a state of this SLO");
  }
  return {};
}

}  // namespace reliability::policy
