#include <utility>

#include "libs/sidecar_config/chain_json.h"
#include "libs/sidecar_config/cost_json.h"
#include "libs/sidecar_config/decode.h"
#include "libs/sidecar_config/object_reader.h"

namespace reliability::sidecar_config {
namespace {

void ReadSlos(ObjectReader& in, ReadContext& context, std::map<std::string, SloCounts>& out) {
  const nlohmann::json* slos = in.Take("slos");
  if (slos == nullptr) {
    return;
  }
  const std::string path = in.PathOf("slos");
  if (!slos->is_object()) {
    context.Fail(path, "expected an object");
    return;
  }
  for (auto it = slos->begin(); it != slos->end(); ++it) {
    ObjectReader counts(it.value(), path + "[\"" + it.key() + "\"]", context);
    SloCounts& value = out[it.key()];
    counts.Uint64("good", value.good);
    counts.Uint64("bad", value.bad);
    counts.Finish();
  }
}

void ReadTraffic(ObjectReader& in, ReadContext& context,
                 std::map<std::string, TrafficCounts>& out) {
  const nlohmann::json* traffic = in.Take("traffic");
  if (traffic == nullptr) {
    return;
  }
  const std::string path = in.PathOf("traffic");
  if (!traffic->is_object()) {
    context.Fail(path, "expected an object");
    return;
  }
  for (auto it = traffic->begin(); it != traffic->end(); ++it) {
    ObjectReader counts(it.value(), path + "[\"" + it.key() + "\"]", context);
    TrafficCounts& value = out[it.key()];
    counts.Uint64("calls", value.calls);
    counts.Uint64("attempts", value.attempts);
    counts.Finish();
  }
}

}  // namespace

Result<Decoded<LedgerDocument>> DecodeLedger(std::string_view json) {
  ReadContext context;
  Decoded<LedgerDocument> out;
  LedgerDocument& document = out.document;
  RELIABILITY_ASSIGN_OR_RETURN(
      const nlohmann::json value,
      ParseDocument(json, context, document.schema_major, document.schema_minor));
  ObjectReader in(value, "", context);
  in.Take("schema");
  in.Require("podUID");
  in.Require("epoch");
  in.String("podUID", document.pod_uid);
  in.String("epoch", document.current.epoch);
  ReadSlos(in, context, document.current.slos);
  in.Objects("closed", document.closed, [&](ObjectReader& element, LedgerEpoch& epoch) {
    element.Require("epoch");
    element.String("epoch", epoch.epoch);
    ReadSlos(element, context, epoch.slos);
  });
  in.String("configHash", document.config_hash);
  in.String("configError", document.config_error);
  in.Int64("modeLeaderEpoch", document.mode_leader_epoch);
  in.Int64("modeGeneration", document.mode_generation);
  in.String("mode", document.mode);
  in.Bool("modeStale", document.mode_stale);
  in.Uint64("turnsRunning", document.turns_running);
  ReadTraffic(in, context, document.traffic);
  ReadChain(in, context, document.fallback_chain);
  ReadSpend(in, document.spent);
  in.Finish();
  if (!context.error.empty()) {
    return Fail(Code::kInvalid, context.error);
  }
  out.ignored_fields = context.ignored_fields;
  out.ignored_names = std::move(context.ignored_names);
  return out;
}

Result<LastWords> DecodeLastWords(std::string_view json) {
  ReadContext context;
  LastWords out;
  RELIABILITY_ASSIGN_OR_RETURN(const nlohmann::json value, ParseObject(json));
  ObjectReader in(value, "", context);
  in.Require("u");
  in.Require("e");
  in.String("u", out.pod_uid);
  in.String("e", out.epoch.epoch);
  in.Bool("t", out.truncated);
  if (const nlohmann::json* slos = in.Take("s"); slos != nullptr && slos->is_object()) {
    for (auto it = slos->begin(); it != slos->end(); ++it) {
      const nlohmann::json& pair = it.value();
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() ||
          !pair[1].is_number_unsigned()) {
        context.Fail("s[\"" + it.key() + "\"]", "expected [good, bad]");
        break;
      }
      using Unsigned = nlohmann::json::number_unsigned_t;
      out.epoch.slos[it.key()] =
          SloCounts{*pair[0].get_ptr<const Unsigned*>(), *pair[1].get_ptr<const Unsigned*>()};
    }
  } else {
    context.Fail("s", "expected an object");
  }
  in.Finish();
  if (!context.error.empty()) {
    return Fail(Code::kInvalid, context.error);
  }
  return out;
}

}  // namespace reliability::sidecar_config
